"""Renders the templates of mails: the shop's own (MAIL_TEMPLATES_DIR) where it has one, else ours.

A template is strict: an unknown variable is an error, so that no mail goes out with a hole in it. Templates are read
anew for each mail. A mended one counts at once, without a restart.
"""

from pathlib import Path
from typing import Any

from django.conf import settings
from django.template import Context, Engine

OUR_TEMPLATES = Path(__file__).parent / "templates"


class BrokenTemplateError(Exception):
    """A template that cannot be rendered. The text names it, and where possible the line."""


class _UnknownVariableError(Exception):
    pass


class _StrictContext(Context):
    """Raises for unknown variables, and remembers them: an `{% if a or b %}` takes an error for False."""

    def __init__(self, variables: dict[str, Any], *, autoescape: bool) -> None:
        super().__init__(variables, autoescape=autoescape)
        self.unknown: list[str] = []

    def __getitem__(self, key: Any) -> Any:
        try:
            return super().__getitem__(key)
        except KeyError:
            self.unknown.append(key)
            raise _unknown(key) from None


class _UnknownAttribute(str):
    """What Django would write for `{{ product.nothing }}`."""

    def __mod__(self, variable: Any) -> str:
        raise _unknown(variable)


def render(name: str, variables: dict[str, Any]) -> str:
    """The rendered template, HTML-escaped if its name ends with .html. Raises BrokenTemplateError."""
    context = _StrictContext(variables, autoescape=name.endswith(".html"))
    try:
        rendered = _engine().get_template(name).render(context)
        if context.unknown:
            raise _unknown(context.unknown[0])
    except Exception as error:
        # Tags and filters raise errors of every kind; no other code runs here.
        place = getattr(error, "template_debug", {})
        line = f", line {place['line']}" if place.get("line") else ""
        raise BrokenTemplateError(f"The template {place.get('name') or name}{line}: {error}") from error
    return rendered


def _engine() -> Engine:
    own = settings.MAIL_TEMPLATES_DIR
    return Engine(
        dirs=[str(folder) for folder in (own, OUR_TEMPLATES) if folder is not None],
        # Errors know their line.
        debug=True,
        # Without Django's cache of templates.
        loaders=["django.template.loaders.filesystem.Loader"],
        string_if_invalid=_UnknownAttribute("%s"),
        libraries={"humanize": "django.contrib.humanize.templatetags.humanize"},
    )


def _unknown(variable: object) -> _UnknownVariableError:
    return _UnknownVariableError(f"there is no variable “{variable}”")
