"""All settings, read top to bottom; every value comes from the environment, each with an embedded default.

Without any variable Vitrine runs on SQLite, a broker and a cache of files, all under `VAR_DIR`.
Secrets have a default only with `DEBUG` on; without it a missing one stops the start and is named.
"""

import os
import re
from datetime import timedelta
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Any
from urllib.parse import quote

import environ
from django.core.exceptions import ImproperlyConfigured
from redis.backoff import NoBackoff
from redis.retry import Retry

from core.telemetry import logs

BASE_DIR = Path(__file__).resolve().parent.parent
env = environ.Env()


def secret(name: str) -> str:
    """The variable's value; with DEBUG on a well-known default. Raises ImproperlyConfigured naming the variable."""
    value = env.str(name, "")
    if not value and DEBUG:
        return f"only-for-development-{name.lower()}-not-a-secret-at-all"
    if len(value) < 32:
        raise ImproperlyConfigured(f"{name} must be set to at least 32 characters when DEBUG is off.")
    return value


def networks(name: str) -> list[IPv4Network | IPv6Network]:
    """The variable's comma-separated networks (CIDR). Raises ImproperlyConfigured naming the variable."""
    try:
        return [ip_network(network) for network in env.list(name, default=[])]
    except ValueError as error:
        raise ImproperlyConfigured(f"{name}: {error}.") from error


def secrets(name: str) -> list[str]:
    """The variable's comma-separated secrets. Raises ImproperlyConfigured naming the variable."""
    values = env.list(name, default=[])
    if any(len(value) < 32 for value in values):
        raise ImproperlyConfigured(f"{name}: each must have at least 32 characters.")
    return values


def rate(name: str, default: str) -> tuple[int, int] | None:
    """The variable's rate: "10/15m" is (10, 900), so many in so many seconds; "off" is None, no limit.

    Raises ImproperlyConfigured naming the variable.
    """
    text = (env.str(name, "") or default).strip().lower()
    if text == "off":
        return None
    match = re.fullmatch(r"([1-9][0-9]{0,5})/([1-9][0-9]{0,3})?([smhd])", text, re.ASCII)
    if match is None:
        raise ImproperlyConfigured(f"{name} must be a rate such as 10/15m (units s, m, h, d) or off.")
    return int(match[1]), int(match[2] or 1) * {"s": 1, "m": 60, "h": 3600, "d": 86400}[match[3]]


def seconds(name: str, default: int, least: int = 0, most: int = 10**9) -> timedelta:
    """The variable's seconds as a duration. Raises ImproperlyConfigured naming the variable."""
    value = env.int(name, default)
    if not least <= value <= most:
        raise ImproperlyConfigured(f"{name} must be from {least} to {most} seconds.")
    return timedelta(seconds=value)


# --- Where and how it runs -------------------------------------------------------------------------------
DEBUG = env.bool("DEBUG", False)
SECRET_KEY = secret("SECRET_KEY")
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["*"] if DEBUG else [])
VAR_DIR = Path(env.str("VAR_DIR", "") or BASE_DIR / "var").resolve()
VAR_DIR.mkdir(parents=True, exist_ok=True)
ROOT_URLCONF = "core.urls"
WSGI_APPLICATION = "core.wsgi.application"
# Networks (CIDR) whose X-Forwarded-For, -Proto and -Host are believed; see core.proxies.
TRUSTED_PROXIES = networks("TRUSTED_PROXIES")
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
USE_X_FORWARDED_HOST = True

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "corsheaders",
    "django_filters",
    "graphene_django",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "drf_standardized_errors",
    "core",
    "users",
    "catalog",
    "cart",
]
MIDDLEWARE = [
    "core.health.probes",
    "core.security.unknotted",
    "core.proxies.trusted_proxies",
    "core.telemetry.requests.observed",
    "core.query_string.readable_query",
    "core.security.content_security_policy",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "corsheaders.middleware.CorsMiddleware",
    "core.security.limited_body",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "users" / "mail" / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    }
]

# --- Data: SQLite in VAR_DIR, or MySQL through DATABASE_URL=mysql://user:password@host/name -----------------
DATABASES = {"default": env.db_url_config(env.str("DATABASE_URL", "") or f"sqlite:///{quote(str(VAR_DIR))}/db.sqlite3")}
_database = DATABASES["default"]
_database["CONN_MAX_AGE"] = env.int("CONN_MAX_AGE", 600)
_database["CONN_HEALTH_CHECKS"] = True
if _database["ENGINE"].endswith("sqlite3"):
    # Web and worker both write: WAL, a wait for the lock, and write locks taken when a transaction begins.
    _database.setdefault("OPTIONS", {}).update(
        timeout=20,
        transaction_mode="IMMEDIATE",
        init_command="PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
    )
    # A file in tests too: one in memory that threads share knows neither WAL nor waiting for a lock.
    _database["TEST"] = {"NAME": VAR_DIR / "test.sqlite3"}
elif _database["ENGINE"].endswith("mysql"):
    # Milliseconds after which the server stops a statement (MySQL: a SELECT); 0: never, as commands want it.
    _limit = env.int("STATEMENT_TIMEOUT_MS", 0)
    # MySQL reads the first comment, MariaDB the second; each has its own name and unit for it.
    _timeout = f" /*!80000 , max_execution_time={_limit} */ /*M!100108 , max_statement_time={_limit / 1000} */"
    _database.setdefault("OPTIONS", {}).update(
        connect_timeout=3,
        charset="utf8mb4",
        init_command="SET SESSION sql_mode='STRICT_TRANS_TABLES,NO_ENGINE_SUBSTITUTION,ONLY_FULL_GROUP_BY'"
        + (_timeout if _limit > 0 else ""),
        isolation_level="read committed",
    )
    _database["TEST"] = {"CHARSET": "utf8mb4"}
else:
    raise ImproperlyConfigured("DATABASE_URL must start with sqlite:/// or mysql://.")
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
CACHES: dict[str, dict[str, Any]] = {
    "default": env.cache_url_config(env.str("CACHE_URL", ""))
    if env.str("CACHE_URL", "")
    else {"BACKEND": "core.cache.FileCache", "LOCATION": VAR_DIR / "cache", "OPTIONS": {"MAX_ENTRIES": 10_000}}
}
# The same, counting hits and misses.
_counted = {
    "LocMemCache": "core.caches.LocMemCache",
    "RedisCache": "core.caches.RedisCache",
    "FileCache": "core.caches.FileCache",
}
CACHES["default"]["BACKEND"] = _counted.get(
    CACHES["default"]["BACKEND"].rpartition(".")[2], CACHES["default"]["BACKEND"]
)
if CACHES["default"]["BACKEND"].endswith("RedisCache"):
    # A cache that is down must cost a request little: no backoff (redis-py's own sleeps for seconds), short waits.
    CACHES["default"]["OPTIONS"] = {
        "socket_connect_timeout": 1,
        "socket_timeout": 1,
        "retry": Retry(NoBackoff(), 1),
        **CACHES["default"].get("OPTIONS", {}),
    }

# --- Background work: a broker of files, or CELERY_BROKER_URL=redis://… --------------------------------------
CELERY_BROKER_URL = env.str("CELERY_BROKER_URL", "") or "filesystem://"
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
# A worker waits for its broker as long as it takes.
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TIMEZONE = "UTC"
# Pictures have a queue of their own, so that their workers can run elsewhere; the worker of `make run` takes both.
CELERY_TASK_ROUTES = {"catalog.tasks.*_images": {"queue": "images"}}
MAIL_SWEEP = seconds("MAIL_SWEEP_SECONDS", 60, least=1, most=86400)
CELERY_BEAT_SCHEDULE = {
    # Each only looks for work; a queue that stood still for long need not hold thousands.
    "send-due-mail": {
        "task": "users.tasks.send_due_mail",
        "schedule": MAIL_SWEEP,
        "options": {"expires": 3600},
    },
    "sweep-images": {
        "task": "catalog.tasks.sweep_images",
        "schedule": timedelta(seconds=10),
        "options": {"expires": 10},
    },
    "clear-expired-tokens": {"task": "users.tasks.clear_expired_tokens", "schedule": timedelta(hours=1)},
    "clear-old-carts": {"task": "cart.tasks.clear_old_carts", "schedule": timedelta(hours=1)},
    "clear-old-idempotency-keys": {"task": "cart.tasks.clear_old_keys", "schedule": timedelta(hours=1)},
    # Changes are applied by messages; this finds what was lost.
    "search-index": {"task": "catalog.tasks.sweep_index", "schedule": 2.0, "options": {"expires": 4}},
}
# Beat looks up this often (seconds) at least, whatever is next; its health is the last time that it did.
CELERY_BEAT_MAX_LOOP_INTERVAL = 5
CELERY_BEAT_SCHEDULER = "core.telemetry.liveness:Scheduler"
# A file that worker and beat touch while they live ("": none).
HEARTBEAT_FILE = env.str("HEARTBEAT_FILE", "")
# Told to stop, a container's worker has so many seconds to finish; then tasks go back to their queue.
CELERY_WORKER_SOFT_SHUTDOWN_TIMEOUT = env.float("WORKER_GRACE", 6)
if CELERY_BROKER_URL.startswith("filesystem:"):
    _broker = VAR_DIR / "broker"
    for _folder in ("messages", "processed", "control"):
        (_broker / _folder).mkdir(parents=True, exist_ok=True)
    CELERY_BROKER_TRANSPORT_OPTIONS = {
        "data_folder_in": str(_broker / "messages"),
        "data_folder_out": str(_broker / "messages"),
        "processed_folder": str(_broker / "processed"),
        "control_folder": str(_broker / "control"),
        "store_processed": False,
        "polling_interval": 0.1,
    }

# --- Who may sign in, and the one token for both doors -------------------------------------------------------
AUTH_USER_MODEL = "users.User"
# E003 wants `email` itself unique; its folded column is, which is stricter and the same on every collation.
SILENCED_SYSTEM_CHECKS = ["auth.E003"]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
JWT_SECRET_KEY = secret("JWT_SECRET_KEY")
# Keys of yesterday: they sign nothing and still verify.
JWT_SECRET_KEY_FALLBACKS = secrets("JWT_SECRET_KEY_FALLBACKS")
GRAPHQL_JWT = {
    "JWT_SECRET_KEY": JWT_SECRET_KEY,
    "JWT_ALGORITHM": "HS256",
    "JWT_AUTH_HEADER_PREFIX": "Bearer",
    "JWT_VERIFY_EXPIRATION": True,
    "JWT_EXPIRATION_DELTA": timedelta(minutes=15),
    "JWT_PAYLOAD_HANDLER": "core.auth.tokens.payload_for",
    "JWT_DECODE_HANDLER": "core.auth.tokens.decode",
}
JWT_REFRESH_LIFETIME = timedelta(days=30)
# A refresh token spent less than this ago gives another pair (two tabs at once); later it is reuse.
JWT_REFRESH_GRACE = seconds("JWT_REFRESH_GRACE", 10, most=30)
PASSWORD_RESET_TIMEOUT = env.int("PASSWORD_RESET_TIMEOUT", 3600)
# How many in which time. Sign-in: failures for each account and client address; ten times as many for the address.
THROTTLE_SIGN_IN = rate("THROTTLE_SIGN_IN", "10/15m")
THROTTLE_REGISTER = rate("THROTTLE_REGISTER", "60/h")
THROTTLE_REFRESH = rate("THROTTLE_REFRESH", "300/15m")
# Reset mails for each e-mail address; ten times as many requests for the client's address.
THROTTLE_RESET = rate("THROTTLE_RESET", "5/h")
# Off: the catalogue wants a valid token. On: everyone may read it.
CATALOG_PUBLIC = env.bool("CATALOG_PUBLIC", False)
CORS_ALLOWED_ORIGINS = env.list("CORS_ALLOWED_ORIGINS", default=[])
CORS_URLS_REGEX = r"^/(graphql|api/)"
CORS_ALLOW_HEADERS = [
    "accept",
    "authorization",
    "content-type",
    "apollo-require-preflight",
    "x-requested-with",
    "x-request-id",
]
CORS_EXPOSE_HEADERS = ["Retry-After", "WWW-Authenticate", "X-Request-ID", "RateLimit-Remaining", "RateLimit-Reset"]

# --- Images --------------------------------------------------------------------------------------------------
IMAGE_MAX_BYTES = env.int("IMAGE_MAX_BYTES", 20 * 2**20)
IMAGE_MAX_PIXELS = env.int("IMAGE_MAX_PIXELS", 50_000_000)
IMAGES_PER_PRODUCT = env.int("IMAGES_PER_PRODUCT", 20)
# Child processes that decode and encode; each has so much address space (bytes) and so many seconds for an image.
IMAGE_PROCESSES = env.int("IMAGE_PROCESSES", 0) or os.cpu_count() or 1
IMAGE_MEMORY = env.int("IMAGE_MEMORY", 3 * 2**29)
IMAGE_DEADLINE = env.float("IMAGE_DEADLINE", 30.0)
UPLOAD_MAX_BYTES = IMAGE_MAX_BYTES
FILE_UPLOAD_HANDLERS = [
    "core.uploads.SizeLimit",
    "django.core.files.uploadhandler.MemoryFileUploadHandler",
    "django.core.files.uploadhandler.TemporaryFileUploadHandler",
]

# --- Mail: files in VAR_DIR, or a server through EMAIL_URL=smtp://… ------------------------------------------
# smtp+tls:// begins in plain text and upgrades (STARTTLS), smtp+ssl:// is TLS from the first byte.
_mail = env.email_url_config(env.str("EMAIL_URL", "") or f"filemail:///{quote(str(VAR_DIR / 'mail'))}")
_own = {"smtp": "users.mail.backends.SmtpBackend", "filebased": "users.mail.backends.FileBackend"}
EMAIL_BACKEND = _own.get(_mail["EMAIL_BACKEND"].split(".")[-2], _mail["EMAIL_BACKEND"])
EMAIL_FILE_PATH = _mail["EMAIL_FILE_PATH"]
EMAIL_USE_TLS, EMAIL_USE_SSL = _mail.get("EMAIL_USE_TLS", False), _mail.get("EMAIL_USE_SSL", False)
EMAIL_HOST, EMAIL_PORT = (
    _mail["EMAIL_HOST"],
    _mail["EMAIL_PORT"] or (465 if EMAIL_USE_SSL else 587 if EMAIL_USE_TLS else 25),
)
EMAIL_HOST_USER, EMAIL_HOST_PASSWORD = _mail["EMAIL_HOST_USER"] or "", _mail["EMAIL_HOST_PASSWORD"] or ""
# Seconds that each answer of the mail server may take.
EMAIL_TIMEOUT = env.int("EMAIL_TIMEOUT", 30)
DEFAULT_FROM_EMAIL = env.str("DEFAULT_FROM_EMAIL", "Vitrine <shop@vitrine.example>")
WELCOME_EMAIL_DELAY = seconds("WELCOME_EMAIL_DELAY", 86400)
# Mails a second, over all workers.
MAIL_RATE = env.float("MAIL_RATE", 10.0)
if not MAIL_RATE > 0:
    raise ImproperlyConfigured("MAIL_RATE must be above 0.")
# Until a mail refused for the time being is tried again; doubled each time.
MAIL_RETRY = seconds("MAIL_RETRY_SECONDS", 30, least=1)

# --- The shop ------------------------------------------------------------------------------------------------
SHOP_NAME = env.str("SHOP_NAME", "Vitrine")
# Where the storefront is, and its pages that mails link to.
SITE_URL = (env.str("SITE_URL", "") or "http://127.0.0.1:8000").rstrip("/")
PRODUCT_URL = env.str("PRODUCT_URL", "") or f"{SITE_URL}/products/{{slug}}"
PASSWORD_RESET_URL = env.str("PASSWORD_RESET_URL", "") or f"{SITE_URL}/password-reset?uid={{uid}}&token={{token}}"
CURRENCY = env.str("CURRENCY", "EUR")
# "tantivy": an index on disk that the worker keeps up to date; "database": SQL alone, slower and without typos.
SEARCH_ENGINE = env.str("SEARCH_ENGINE", "") or "tantivy"
if SEARCH_ENGINE not in {"tantivy", "database"}:
    raise ImproperlyConfigured("SEARCH_ENGINE must be tantivy or database.")
SEARCH_INDEX_DIR = Path(env.str("SEARCH_INDEX_DIR", "") or VAR_DIR / "index").resolve()
# On: a change is searchable before the request that made it returns (tests, scripts). Off: the worker applies it.
SEARCH_INDEX_SYNC = env.bool("SEARCH_INDEX_SYNC", False)
# Memory (MB) for building an index, per thread of two.
SEARCH_INDEX_HEAP = env.int("SEARCH_INDEX_HEAP", 128)

# Distinct products in a cart, and units of each; days after which a cart that nobody touched is emptied.
CART_MAX_LINES = env.int("CART_MAX_LINES", 100)
CART_MAX_QUANTITY = env.int("CART_MAX_QUANTITY", 999)
CART_TTL = timedelta(days=env.int("CART_TTL", 90))

# --- The doors -----------------------------------------------------------------------------------------------
GRAPHENE = {"SCHEMA": "core.schema.schema"}
# The cost that one signed-in user, and one client address, may ask for in a while; see core.rate_limit.
RATE_LIMIT_COST_USER = rate("RATE_LIMIT_COST_USER", "off" if DEBUG else "100000/m")
RATE_LIMIT_COST_ADDRESS = rate("RATE_LIMIT_COST_ADDRESS", "off" if DEBUG else "300000/m")
# What a document may be at most; see core.graphql.limits.
GRAPHQL_MAX_BYTES = env.int("GRAPHQL_MAX_BYTES", 100_000)
GRAPHQL_MAX_TOKENS = env.int("GRAPHQL_MAX_TOKENS", 2_000)
GRAPHQL_MAX_DEPTH = env.int("GRAPHQL_MAX_DEPTH", 12)
GRAPHQL_MAX_ALIASES = env.int("GRAPHQL_MAX_ALIASES", 30)
GRAPHQL_MAX_ROOT_FIELDS = env.int("GRAPHQL_MAX_ROOT_FIELDS", 20)
GRAPHQL_MAX_SELECTIONS = env.int("GRAPHQL_MAX_SELECTIONS", 500)
GRAPHQL_MAX_DEFINITIONS = env.int("GRAPHQL_MAX_DEFINITIONS", 50)
GRAPHQL_MAX_DIRECTIVES = env.int("GRAPHQL_MAX_DIRECTIVES", 50)
GRAPHQL_MAX_COST = env.int("GRAPHQL_MAX_COST", 5_000)
# Values in the variables of a request: items of lists and fields of input objects too.
GRAPHQL_MAX_VALUES = env.int("GRAPHQL_MAX_VALUES", 10_000)
# How many parsed documents a process keeps, and how many bytes of memory they may hold together.
GRAPHQL_DOCUMENTS = env.int("GRAPHQL_DOCUMENTS", 1_000)
GRAPHQL_DOCUMENTS_BYTES = env.int("GRAPHQL_DOCUMENTS_BYTES", 32_000_000)
# A manifest of the storefronts' own documents (JSON, hash to text); on: no other document is served to anybody.
GRAPHQL_TRUSTED_DOCUMENTS = env.str("GRAPHQL_TRUSTED_DOCUMENTS", "")
GRAPHQL_TRUSTED_ONLY = env.bool("GRAPHQL_TRUSTED_ONLY", False)
if GRAPHQL_TRUSTED_ONLY and not GRAPHQL_TRUSTED_DOCUMENTS:
    raise ImproperlyConfigured("GRAPHQL_TRUSTED_ONLY needs a manifest: set GRAPHQL_TRUSTED_DOCUMENTS.")
# "compiled": by plans made once for a document; "standard": by graphql-core's executor.
GRAPHQL_EXECUTION = env.str("GRAPHQL_EXECUTION", "compiled")
# On: everyone may ask about the schema, and errors suggest names. Off: staff only.
GRAPHQL_INTROSPECTION = env.bool("GRAPHQL_INTROSPECTION", DEBUG)
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["core.auth.rest.BearerAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["core.parsers.JsonParser"],
    "URL_FORMAT_OVERRIDE": None,
    "DEFAULT_THROTTLE_CLASSES": ["core.rate_limit.CostThrottle"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "drf_standardized_errors.handler.exception_handler",
}
DRF_STANDARDIZED_ERRORS = {"EXCEPTION_HANDLER_CLASS": "core.rest.Handler"}
SPECTACULAR_SETTINGS = {
    "TITLE": "Vitrine REST API",
    "OAS_VERSION": "3.1.0",
    "VERSION": "1.0.0",
    "SERVE_AUTHENTICATION": [],
    "SERVE_PERMISSIONS": [],
    "SERVE_INCLUDE_SCHEMA": False,
    "SCHEMA_PATH_PREFIX": r"/api/v1",
    "SORT_OPERATION_PARAMETERS": False,
    "COMPONENT_SPLIT_REQUEST": True,
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
}

# --- Language, time, files -----------------------------------------------------------------------------------
LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_TZ = True
STATIC_URL = "/static/"
STATIC_ROOT = Path(env.str("STATIC_ROOT", str(VAR_DIR / "static")))
STATIC_ROOT.mkdir(parents=True, exist_ok=True)
WHITENOISE_USE_FINDERS = DEBUG
# Renditions are for everyone, originals for nobody but the worker. S3_BUCKET puts both there (any compatible server:
# S3_ENDPOINT_URL); credentials come as boto3 takes them, AWS_ACCESS_KEY_ID and so on.
MEDIA_ROOT = Path(env.str("MEDIA_ROOT", "") or VAR_DIR / "media")
MEDIA_URL = env.str("MEDIA_URL", "") or "/media/"
ORIGINALS_ROOT = Path(env.str("ORIGINALS_ROOT", "") or VAR_DIR / "originals")
_files = {"BACKEND": "core.storages.WholeFiles"}
_renditions: dict[str, Any] = {**_files, "OPTIONS": {"location": MEDIA_ROOT, "base_url": MEDIA_URL}}
_originals: dict[str, Any] = {**_files, "OPTIONS": {"location": ORIGINALS_ROOT, "base_url": None}}
if _bucket := env.str("S3_BUCKET", ""):
    _s3 = {
        "bucket_name": _bucket,
        "endpoint_url": env.str("S3_ENDPOINT_URL", "") or None,
        "region_name": env.str("S3_REGION", "") or None,
        "file_overwrite": True,
    }
    _forever = {"CacheControl": "public, max-age=31536000, immutable"}
    _renditions = {
        "BACKEND": "storages.backends.s3.S3Storage",
        "OPTIONS": {
            **_s3,
            "location": "media",
            "querystring_auth": False,
            "custom_domain": env.str("S3_PUBLIC_DOMAIN", "") or None,
            "object_parameters": _forever,
        },
    }
    _originals = {
        "BACKEND": "storages.backends.s3.S3Storage",
        "OPTIONS": {
            **_s3,
            "bucket_name": env.str("S3_ORIGINALS_BUCKET", "") or _bucket,
            "location": "originals",
            "default_acl": "private",
        },
    }
STORAGES = {
    "default": _renditions,
    "originals": _originals,
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if DEBUG
        else "whitenoise.storage.CompressedManifestStaticFilesStorage"
    },
}

# --- Safe by default -----------------------------------------------------------------------------------------
# TLS is on unless DEBUG or INSECURE_HTTP says that this instance is spoken to in plain HTTP.
_https = not env.bool("INSECURE_HTTP", DEBUG)
SECURE_SSL_REDIRECT = _https
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = _https
SECURE_HSTS_SECONDS = 31_536_000 if _https else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = _https
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[])
X_FRAME_OPTIONS = "DENY"

# Where the admin is, such as "backstage/".
ADMIN_PATH = (env.str("ADMIN_PATH", "").strip("/") or "admin") + "/"
# Bytes of a request's body, refused by its Content-Length: a form with files, and all else.
MAX_BODY_BYTES = DATA_UPLOAD_MAX_MEMORY_SIZE = env.int("MAX_BODY_BYTES", 1024 * 1024)
MAX_UPLOAD_BODY_BYTES = env.int("MAX_UPLOAD_BODY_BYTES", 25 * 1024 * 1024)

# --- What an operator sees -----------------------------------------------------------------------------------
LOGGING = logs.configuration(human=DEBUG, level=env.str("LOG_LEVEL", "INFO"))
# A request or task that takes longer is logged with its SQL.
SLOW_OPERATION_MS = env.int("SLOW_OPERATION_MS", 500)
# Wanted by /metrics when set; and the port at which a worker answers its own /metrics (0: nowhere).
METRICS_TOKEN = env.str("METRICS_TOKEN", "")
METRICS_PORT = env.int("METRICS_PORT", 0)
