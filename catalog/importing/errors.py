"""Why a row is refused."""


class RefusedError(Exception):
    """The row cannot become a product. The message says why, in words for the user."""


def shown(value: str) -> str:
    """The value for a message: quoted, shortened, without control characters."""
    return repr(value if len(value) <= 40 else value[:39] + "…")
