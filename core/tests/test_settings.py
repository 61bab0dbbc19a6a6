"""Starting: what the environment must and may say. Each test starts a new Python, as a deployment does."""

import json
import os
import subprocess
import sys

import pytest
from django.conf import settings as here

SECRETS = {"SECRET_KEY": "k" * 50, "JWT_SECRET_KEY": "j" * 50}


@pytest.fixture
def start(tmp_path):
    """Imports core.settings with exactly these variables and prints an expression as JSON; returns what ended."""

    def run(expression="None", **environment):
        script = f"import json; from core import settings; print(json.dumps({expression}, default=str))"
        return subprocess.run(  # noqa: S603 - our own interpreter
            [sys.executable, "-c", script],
            env={"PATH": os.environ["PATH"], "VAR_DIR": str(tmp_path), **environment},
            cwd=here.BASE_DIR,
            capture_output=True,
            text=True,
        )

    return run


@pytest.fixture
def value(start):
    """An expression over core.settings, evaluated in a start with these variables."""

    def run(expression, **environment):
        done = start(expression, **environment)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return run


def test_it_works_without_debug_and_with_both_secrets(value):
    assert value("[settings.DEBUG, settings.ALLOWED_HOSTS]", **SECRETS) == [False, []]


@pytest.mark.parametrize("name", SECRETS)
@pytest.mark.parametrize("bad", [None, "", "too short"])
def test_a_missing_or_short_secret_stops_the_start_and_is_named(start, name, bad):
    environment = {**SECRETS, name: bad}
    done = start(**{key: text for key, text in environment.items() if text is not None})
    assert done.returncode != 0
    last = done.stderr.strip().splitlines()[-1]
    assert f"ImproperlyConfigured: {name} must be set" in last


def test_debug_brings_its_own_secrets_and_every_host(value):
    assert value("[settings.ALLOWED_HOSTS, settings.SECRET_KEY != settings.JWT_SECRET_KEY]", DEBUG="1") == [["*"], True]


def test_plain_http_only_when_asked(value):
    expression = "[settings.SECURE_SSL_REDIRECT, settings.SESSION_COOKIE_SECURE, settings.SECURE_HSTS_SECONDS > 0]"
    assert value(expression, **SECRETS) == [True, True, True]
    assert value(expression, INSECURE_HTTP="1", **SECRETS) == [False, False, False]


def test_all_state_is_in_var_dir(value, tmp_path):
    folder = tmp_path / "a b#c"
    name = value("settings.DATABASES['default']['NAME']", DEBUG="1", VAR_DIR=str(folder))
    assert name == str(folder / "db.sqlite3")
    assert folder.is_dir()
    options = value("settings.CELERY_BROKER_TRANSPORT_OPTIONS", DEBUG="1", VAR_DIR=str(folder))
    assert options["data_folder_in"].startswith(str(folder))


def test_an_empty_variable_is_an_absent_one(value):
    empty = dict.fromkeys(("DATABASE_URL", "CACHE_URL", "CELERY_BROKER_URL"), "")
    expression = (
        "[settings.DATABASES['default']['ENGINE'], settings.CELERY_BROKER_URL, settings.CACHES['default']['BACKEND']]"
    )
    assert value(expression, DEBUG="1", **empty) == value(expression, DEBUG="1")


def test_sqlite_waits_for_its_lock_in_wal_mode(value):
    options = value("settings.DATABASES['default']['OPTIONS']", DEBUG="1")
    assert options["transaction_mode"] == "IMMEDIATE"
    assert options["timeout"] >= 5
    assert "journal_mode=WAL" in options["init_command"]


def test_mysql_is_strict_and_speaks_utf8mb4(value):
    database = value("settings.DATABASES['default']", DEBUG="1", DATABASE_URL="mysql://u:p%23w@db:3307/shop")
    assert database["ENGINE"] == "django.db.backends.mysql"
    assert (database["USER"], database["PASSWORD"], database["HOST"], database["PORT"]) == ("u", "p#w", "db", 3307)
    assert "STRICT_TRANS_TABLES" in database["OPTIONS"]["init_command"]
    assert database["OPTIONS"]["charset"] == "utf8mb4"
    assert database["OPTIONS"]["isolation_level"] == "read committed"
    assert database["OPTIONS"]["connect_timeout"] <= 5


def test_redis_that_is_down_costs_little(value):
    cache = value("settings.CACHES['default']", DEBUG="1", CACHE_URL="redis://cache:6379/2")
    assert cache["LOCATION"] == "redis://cache:6379/2"
    assert cache["OPTIONS"]["socket_timeout"] <= 2
    assert cache["OPTIONS"]["socket_connect_timeout"] <= 2


@pytest.mark.parametrize(
    ("variable", "text"),
    [
        ("DATABASE_URL", "postgres://u:hush@db/shop"),
        ("TRUSTED_PROXIES", "10.0.0.0/8,proxy.local"),
        ("TRUSTED_PROXIES", "10.0.0.1/8"),
        ("GRAPHQL_STATUS", "294"),
        ("SECURITY_CONTACT", "http://shop.example/security"),
    ],
)
def test_a_wrong_value_is_refused_by_the_variables_name(start, variable, text):
    done = start(DEBUG="1", **{variable: text})
    assert done.returncode != 0
    last = done.stderr.strip().splitlines()[-1]
    assert f"ImproperlyConfigured: {variable}" in last
    assert "hush" not in done.stderr


def test_further_cors_headers_add_to_the_usual_ones(value):
    allowed = value("settings.CORS_ALLOW_HEADERS", DEBUG="1", CORS_ALLOWED_HEADERS="X-Shop, x-more")
    assert {"x-shop", "x-more", "authorization", "traceparent"} <= set(allowed)


def test_no_token_lives_past_its_15_minutes(value):
    assert value("settings.GRAPHQL_JWT['JWT_VERIFY_EXPIRATION']", DEBUG="1") is True
    assert value("settings.GRAPHQL_JWT['JWT_EXPIRATION_DELTA'].total_seconds()", DEBUG="1") == 900


def test_the_server_wants_to_know_its_names(start):
    """Commands do without ALLOWED_HOSTS; a server would answer 400 to everybody."""
    done = start("__import__('core.wsgi') and 1", DJANGO_SETTINGS_MODULE="core.settings", **SECRETS)
    assert done.returncode != 0
    assert "ImproperlyConfigured: ALLOWED_HOSTS must name" in done.stderr


def test_statements_end_in_time_when_asked(value):
    """Each server reads its own comment: milliseconds for MySQL, seconds for MariaDB."""
    expression = "settings.DATABASES['default']['OPTIONS']['init_command']"
    url = "mysql://u:p@db/shop"
    assert "time=" not in value(expression, DEBUG="1", DATABASE_URL=url)
    limited = value(expression, DEBUG="1", DATABASE_URL=url, STATEMENT_TIMEOUT_MS="2500")
    assert "/*!80000 , max_execution_time=2500 */" in limited
    assert "/*M!100108 , max_statement_time=2.5 */" in limited


@pytest.mark.parametrize(("path", "found"), [("", "admin/"), ("/backstage/", "backstage/"), ("a/b", "a/b/")])
def test_the_admin_may_live_elsewhere(value, path, found):
    assert value("settings.ADMIN_PATH", DEBUG="1", ADMIN_PATH=path) == found
