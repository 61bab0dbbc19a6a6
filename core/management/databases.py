"""Explains in one sentence why a command cannot use its database, and which database that is."""

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from core.config.env import without_password

# SQLite's errors have no numbers; these are the beginnings of their texts.
SQLITE = {
    "no such table": "has not been set up",
    "no such column": "is of another version than this code",
    "table ": "is of another version than this code",
    "unable to open database file": "cannot be opened",
    "attempt to write a readonly database": "cannot be written to",
    "file is not a database": "is no database",
    "database disk image is malformed": "is damaged",
}
# https://dev.mysql.com/doc/mysql-errors/8.4/en/server-error-reference.html and client-error-reference.html
MYSQL = {
    1146: "has not been set up",
    1054: "is of another version than this code",
    1049: "does not exist",
    1044: "refuses this user",
    1045: "refuses this user",
    1698: "refuses this user",
    2002: "cannot be reached",
    2003: "cannot be reached",
    2005: "cannot be reached",
    2006: "cannot be reached",
    2013: "cannot be reached",
    2026: "cannot be reached by TLS",
}
# States that a migration repairs.
REPAIRED_BY_MIGRATION = {"has not been set up", "is of another version than this code", "does not exist"}


def where() -> str:
    """The VAR_DIR and DATABASE_URL of this process, without the password."""
    database = settings.DATABASES["default"]
    if database["ENGINE"].endswith("sqlite3"):
        url = f"sqlite:///{database['NAME']}"
    else:
        port = f":{database['PORT']}" if database["PORT"] else ""
        url = f"mysql://{database['USER'] or '…'}@{database['HOST'] or 'localhost'}{port}/{database['NAME']}"
    return f"VAR_DIR={settings.VAR_DIR}, DATABASE_URL={url}"


def explain(error: BaseException) -> str | None:
    """The sentence for an error that says the database is missing, unreachable or unfit. None for other errors."""
    if isinstance(error, ImproperlyConfigured):
        if "MySQLdb" not in str(error):
            return None
        return f"the driver for MySQL is not installed ({where()}). First: make production"
    code, text = (error.args or (None,))[0], str(error)
    state = MYSQL.get(code) if isinstance(code, int) else None
    if isinstance(code, str):
        state = next((state for start, state in SQLITE.items() if text.startswith(start)), None)
    if state is None:
        return None
    hint = ". First: make run, or manage.py migrate" if state in REPAIRED_BY_MIGRATION else ""
    return f"the database {state}: {without_password(text) if '://' in text else text} ({where()}){hint}"
