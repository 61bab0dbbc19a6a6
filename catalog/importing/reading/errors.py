"""The error of a file that cannot be imported."""


class FileRefusedError(Exception):
    """The file cannot be imported at all. The message is a sentence for the user."""
