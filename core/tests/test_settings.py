"""What the environment must and may contain. Each test reads core/settings.py anew."""

import errno
import json
import os
import runpy
import subprocess
import sys
from types import SimpleNamespace

import pytest
from django.conf import settings as here

from core.config import env, service_urls

SECRETS = {"SECRET_KEY": "k" * 50, "JWT_SECRET_KEY": "j" * 50}
MAIL = {"SITE_URL": "https://shop.example/", "EMAIL_URL": "smtp://mail.example"}
PRODUCTION = {**SECRETS, **MAIL}


@pytest.fixture
def load(tmp_path, monkeypatch):
    """Runs core/settings.py anew with exactly these variables; returns what it sets."""

    def run(**environment):
        for name in os.environ:
            monkeypatch.delenv(name)
        for name, text in {"PATH": "/usr/bin:/bin", "VAR_DIR": str(tmp_path), **environment}.items():
            monkeypatch.setenv(name, text)
        return SimpleNamespace(**runpy.run_path(str(here.BASE_DIR / "core" / "settings.py")))

    return run


@pytest.fixture
def value(load):
    """An expression over the settings with these variables, as JSON has it."""

    def run(expression, **environment):
        settings = load(**environment)
        return json.loads(json.dumps(eval(expression, {"settings": settings}), default=str))  # noqa: S307 - ours

    return run


@pytest.fixture
def refusal(load, capsys):
    """What is said of a start with these variables, which must end."""

    def run(**environment):
        with pytest.raises(SystemExit) as end:
            load(**environment)
        assert end.value.code == 3
        return capsys.readouterr().err

    return run


def test_a_start_without_debug_with_all_required_settings(value):
    assert value("[settings.DEBUG, settings.ALLOWED_HOSTS]", **PRODUCTION) == [False, []]


@pytest.mark.parametrize("name", SECRETS)
@pytest.mark.parametrize("bad", [None, "", "too short"])
def test_a_missing_or_short_secret_stops_the_start_and_is_named(refusal, name, bad):
    environment = {**PRODUCTION, name: bad}
    said = refusal(**{key: text for key, text in environment.items() if text is not None})
    assert said.startswith(f"{name} ")
    assert "at least 32 random characters" in said
    assert "too short" not in said


@pytest.mark.parametrize("name", MAIL)
@pytest.mark.parametrize("bad", [None, "", " "])
def test_production_must_know_where_mails_go_and_link_to(refusal, name, bad):
    environment = {**PRODUCTION, name: bad}
    said = refusal(**{key: text for key, text in environment.items() if text is not None})
    assert said.startswith(f"{name} is not set: it must be the ")
    assert "when DEBUG is off" in said


def test_mails_link_to_the_storefront(value):
    assert value("[settings.SITE_URL, settings.PRODUCT_URL, settings.EMAIL_HOST]", **PRODUCTION) == [
        "https://shop.example",
        "https://shop.example/products/{slug}",
        "mail.example",
    ]


def test_debug_brings_its_own_secrets_and_every_host(value):
    assert value("[settings.ALLOWED_HOSTS, settings.SECRET_KEY != settings.JWT_SECRET_KEY]", DEBUG="1") == [["*"], True]


def test_plain_http_only_when_asked(value):
    expression = "[settings.SECURE_SSL_REDIRECT, settings.SESSION_COOKIE_SECURE, settings.SECURE_HSTS_SECONDS > 0]"
    assert value(expression, **PRODUCTION) == [True, True, True]
    assert value(expression, INSECURE_HTTP="1", **PRODUCTION) == [False, False, False]


def test_all_state_is_in_var_dir(value, tmp_path):
    folder = tmp_path / "a b#c"
    name = value("settings.DATABASES['default']['NAME']", DEBUG="1", VAR_DIR=str(folder))
    assert name == str(folder / "db.sqlite3")
    assert folder.is_dir()
    options = value("settings.CELERY_BROKER_TRANSPORT_OPTIONS", DEBUG="1", VAR_DIR=str(folder))
    assert options["folder"] == str(folder / "broker")


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
    assert database["ENGINE"] == "core.db.mysql"
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


WRONG = {
    "DEBUG": ["ja", "2"],
    "SECRET_KEY": ["hush"],
    "JWT_SECRET_KEY": ["hush"],
    "JWT_SECRET_KEY_FALLBACKS": [f"{'k' * 40},hush"],
    "ALLOWED_HOSTS": ["https://shop.example", "shop.example:8000", "shop.example/x", "a b"],
    "VAR_DIR": ["/etc/passwd", "/etc/passwd/var", "/proc/var", "/proc"],
    "DATABASE_URL": [
        "garbage",
        "postgres://u:hush@db/shop",
        "mysql://u:hush@db",
        "mysql://u:hush@db:port/shop",
        "mysql://u:hush@db:99999/shop",
        "mysql:u:hush@db/shop",
        "mysql//u:hush\n@db",
        "sqlite://",
        "sqlite:///:memory:",
        "sqlite://host/file",
        "sqlite:////nowhere/at/all/db.sqlite3",
    ],
    "CACHE_URL": ["garbage", "redis://", "redis://:hush@h:port/1", "redis://:hush@h/one", "memcache://h", "redis://[h"],
    "CELERY_BROKER_URL": ["garbage", "redis://", "redis://:hush@h:port/1", "amqp://u:hush@h", "redis://:hush@h/1/2"],
    "EMAIL_URL": ["garbage", "smtp://", "smtp://u:hush@h:port", "pop://u:hush@h", "filemail://"],
    "GRAPHQL_STATUS": ["294"],
    "SECURITY_CONTACT": ["http://shop.example/security", "a b@c"],
    "CORS_ALLOWED_HEADERS": ["x shop", "x-shop;x-more"],
    "TRUSTED_PROXIES": ["10.0.0.0/8,proxy.local", "10.0.0.1/8"],
    "CORS_ALLOWED_ORIGINS": ["shop.example", "https://shop.example/", "https://a.example;https://b.example"],
    "CSRF_TRUSTED_ORIGINS": ["shop.example", "https://shop.example/admin"],
    "CATALOG_PUBLIC": ["ja", "-1", "yes please"],
    "GUEST_CARTS": ["perhaps"],
    "CART_MAX_LINES": ["abc", "0", "-1", "1.5", "1_000", "1e3", "9" * 30, "١٢"],
    "CART_TTL": ["0", "99999999999"],
    "IMAGE_PROCESSES": ["x", "-1"],
    "IMAGE_DEADLINE": ["0", "nan", "inf", "-1"],
    "MAIL_RATE": ["0", "nan", "inf", "1e999", "ten"],
    "EMAIL_TIMEOUT": ["0"],
    "THROTTLE_SIGN_IN": ["10", "10/15", "0/m", "no"],
    "STATEMENT_TIMEOUT_MS": ["1s"],
    "GRAPHQL_EXECUTION": ["fast"],
    "GRAPHQL_MAX_DEPTH": ["0"],
    "SEARCH_ENGINE": ["elastic"],
    "LOG_LEVEL": ["LOUD", "10"],
    "METRICS_PORT": ["70000", "http"],
    "METRICS_TOKEN": ["hush hush", "hüsh"],
    "ADMIN_PATH": ["a b", "/", "api", "graphql/", "a//b", "<x>", "../x", "büro"],
    "CURRENCY": ["Euro", "eur", "€", "EURO"],
    "SITE_URL": ["shop.example", "ftp://shop.example", "https://", "https://shop.example:port", "https://u:hush@shop"],
    "PRODUCT_URL": [
        "https://shop.example/p",
        "https://shop.example/{slug}/{id}",
        "https://shop.example/{slug",
        "{slug}",
    ],
    "PASSWORD_RESET_URL": ["https://shop.example/{uid}"],
    "EMAIL_CHANGE_URL": ["https://shop.example/{uid}"],
    "DEFAULT_FROM_EMAIL": ["Shop", "Shop <shop>"],
    "SHOP_NAME": ["a\nb"],
    "SHOP_DESCRIPTION": ["a\nb"],
    "SHOP_COLOR": ["brown", "#fff", "7d5a3c", "#7d5a3c;color:red"],
    "SHOP_LOGO_URL": [
        "logo.png",
        "http://cdn.example/logo.png",
        "//cdn.example/a.png",
        "javascript:alert(1)",
        '/a".png',
    ],
    "SHOP_FOOTER": ["\n".join("abcdefghijklmnopqrstuvwxyz"), "a\tb\x1b"],
    "MAIL_TEMPLATES_DIR": ["/nowhere/at/all", "/dev/null"],
    "MEDIA_URL": ["media", "/media", "//cdn.example/"],
    "S3_BUCKET": ["a", "a/b"],
    "S3_ENDPOINT_URL": ["minio:9000"],
}


@pytest.mark.parametrize(("name", "text"), [(name, text) for name, texts in WRONG.items() for text in texts])
def test_a_wrong_value_ends_the_start_with_one_sentence(refusal, name, text):
    """It names the variable and what is allowed; the value too, unless a secret is in it."""
    said = refusal(**{"DEBUG": "1", name: text})
    assert said.count("\n") == 1
    assert said.startswith((f"{name}=", f"{name} (its value is not shown)"))
    assert "it must be" in said
    assert "hush" not in said
    assert "hüsh" not in said
    if "hush" not in text and "SECRET" not in name and "TOKEN" not in name and len(text) < 100:
        assert repr(text) in said


@pytest.mark.parametrize("text", ["Shop Ltd\n\n1 Mill Lane\n", r"Shop Ltd\n\n1 Mill Lane"])
def test_a_text_of_several_lines_has_two_spellings(value, text):
    assert value("settings.SHOP_FOOTER", DEBUG="1", SHOP_FOOTER=text) == ["Shop Ltd", "", "1 Mill Lane"]


@pytest.mark.parametrize("text", ["/logo.png", "https://shop.example/logo.png", "https://cdn.example/logo.png?v=2"])
def test_a_logo_has_a_whole_address(value, text):
    logo = value("settings.SHOP_LOGO_URL", DEBUG="1", SITE_URL="https://shop.example", SHOP_LOGO_URL=text)
    assert logo == (text if text.startswith("https") else f"https://shop.example{text}")


@pytest.mark.parametrize(("text", "expected"), [("YES", True), ("on", True), ("T", True), ("Off", False), ("0", False)])
def test_switches_know_the_usual_words(value, text, expected):
    assert value("settings.CATALOG_PUBLIC", DEBUG="1", CATALOG_PUBLIC=text) is expected


def test_a_folder_on_a_full_disk_is_no_reason_not_to_start(load, monkeypatch):
    def full(**_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(env, "TemporaryFile", full)
    assert load(DEBUG="1").DEBUG


def test_containers_need_not_write_to_var_dir_itself(load):
    urls = {"DATABASE_URL": "mysql://db/x", "CACHE_URL": "redis://r/1", "CELERY_BROKER_URL": "redis://r/0"}
    settings = load(DEBUG="1", VAR_DIR="/proc", STATIC_ROOT="/tmp", **urls)  # noqa: S108 - nothing is written
    assert str(settings.VAR_DIR) == "/proc"


@pytest.mark.parametrize(
    "command",
    ["manage.py check", "-m celery -A core worker", "-m gunicorn core.wsgi --bind 127.0.0.1:0 --no-control-socket"],
)
@pytest.mark.slow
def test_every_program_ends_with_that_sentence(tmp_path, command):
    done = subprocess.run(  # noqa: S603 - our own interpreter
        [sys.executable, *command.split()],
        env={"PATH": os.environ["PATH"], "VAR_DIR": str(tmp_path), "DEBUG": "1", "CART_MAX_LINES": "abc"},
        cwd=here.BASE_DIR,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 3
    assert "CART_MAX_LINES='abc' is wrong: it must be a whole number from 1 to 10000.\n" in done.stderr
    assert "Traceback" not in done.stderr


def test_further_cors_headers_add_to_the_usual_ones(value):
    allowed = value("settings.CORS_ALLOW_HEADERS", DEBUG="1", CORS_ALLOWED_HEADERS="X-Shop, x-more")
    assert {"x-shop", "x-more", "authorization", "traceparent"} <= set(allowed)


def test_no_token_lives_past_its_15_minutes(value):
    assert value("settings.GRAPHQL_JWT['JWT_VERIFY_EXPIRATION']", DEBUG="1") is True
    assert value("settings.GRAPHQL_JWT['JWT_EXPIRATION_DELTA'].total_seconds()", DEBUG="1") == 900


@pytest.mark.slow
def test_the_server_wants_to_know_its_names(tmp_path):
    """Commands do without ALLOWED_HOSTS; a server would answer 400 to everybody."""
    done = subprocess.run(
        [sys.executable, "-c", "import core.wsgi"],
        env={
            "PATH": os.environ["PATH"],
            "VAR_DIR": str(tmp_path),
            "DJANGO_SETTINGS_MODULE": "core.settings",
            **PRODUCTION,
        },
        cwd=here.BASE_DIR,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 3
    assert done.stderr == (
        "ALLOWED_HOSTS is not set: it must be the host names to answer to, separated by commas, when DEBUG is off.\n"
    )


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


@pytest.mark.parametrize(
    ("bucket", "given", "expected"),
    [
        ("", {}, ""),
        ("shop", {"domain": "cdn.shop.example/a"}, "https://cdn.shop.example"),
        ("shop", {"endpoint": "http://minio:9000"}, "http://minio:9000 http://shop.minio:9000"),
        ("shop", {"region": "eu-1"}, "https://s3.eu-1.amazonaws.com https://shop.s3.eu-1.amazonaws.com"),
        ("shop", {}, "https://s3.amazonaws.com https://shop.s3.amazonaws.com"),
    ],
)
def test_pages_may_show_renditions_of_another_host(client, settings, bucket, given, expected):
    nothing = {"endpoint": "", "region": "", "domain": ""}
    settings.MEDIA_SOURCES = service_urls.media_sources("/media/", bucket, **{**nothing, **given})
    assert f"img-src 'self' data:{' ' * bool(expected)}{expected};" in client.get("/")["Content-Security-Policy"]
    assert service_urls.media_sources("https://cdn.example/m/", "", **nothing) == "https://cdn.example"
