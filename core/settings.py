"""All settings, read top to bottom; every value comes from the environment, each with an embedded default.

Without any variable Vitrine runs on SQLite, a broker and a cache of files, all under `VAR_DIR`.
Secrets have a default only with `DEBUG` on; without it a missing one stops the start and is named.
"""

from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

from redis.backoff import NoBackoff
from redis.retry import Retry

from core.config import env, service_urls
from core.config.machine import fitting_processes, usable_memory
from core.config.secrecy import refuse_inspection
from core.telemetry import logs

# Here, for whatever process reads the settings has the secrets.
refuse_inspection()
BASE_DIR = Path(__file__).resolve().parent.parent

# --- Where and how it runs -------------------------------------------------------------------------------
DEBUG = env.boolean("DEBUG", False)
SECRET_KEY = env.secret("SECRET_KEY", development=DEBUG)
ALLOWED_HOSTS = env.hosts("ALLOWED_HOSTS", ["*"] if DEBUG else [])
VAR_DIR = env.folder("VAR_DIR", BASE_DIR / "var")
ROOT_URLCONF = "core.urls"
WSGI_APPLICATION = "core.wsgi.application"
# Networks (CIDR) whose X-Forwarded-For, -Proto and -Host are believed; see core.http.proxies.
TRUSTED_PROXIES = env.networks("TRUSTED_PROXIES")
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
    "catalog.demo",
    "cart",
]
MIDDLEWARE = [
    "core.http.security.unknotted",
    "core.http.head.bodiless_head",
    "core.http.unexpected.api_errors",
    # These only add headers, so that every answer has them.
    "core.http.security.content_security_policy",
    "core.http.security.SecurityHeaders",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "core.http.caching.api_caching",
    "core.http.health.probes",
    "core.http.proxies.trusted_proxies",
    "core.telemetry.requests.observed",
    "corsheaders.middleware.CorsMiddleware",
    # From here on a request may be refused: a browser may read why.
    "core.http.query_string.readable_query",
    "core.http.bodies.readable_body",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "core.throttling.middleware.too_many_requests",
    "core.http.methods.Options",
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
DATABASES = {"default": service_urls.database("DATABASE_URL", f"sqlite:///{quote(str(VAR_DIR))}/db.sqlite3")}
_database = DATABASES["default"]
_database["CONN_MAX_AGE"] = env.integer("CONN_MAX_AGE", 600, most=10**7)
_database["CONN_HEALTH_CHECKS"] = True
# Milliseconds after which MySQL stops a statement (a SELECT); 0: never, as commands want it.
_limit = env.integer("STATEMENT_TIMEOUT_MS", 0, most=10**8)
if _database["ENGINE"].endswith("sqlite3"):
    # Web and worker both write: WAL, a wait for the lock, and write locks taken when a transaction begins.
    _database.setdefault("OPTIONS", {}).update(
        timeout=20,
        transaction_mode="IMMEDIATE",
        init_command="PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
    )
    # A file in tests too: one in memory that threads share knows neither WAL nor waiting for a lock.
    _database["TEST"] = {"NAME": VAR_DIR / "test.sqlite3"}
else:
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
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
CACHES: dict[str, dict[str, Any]] = {
    "default": service_urls.cache("CACHE_URL")
    or {"BACKEND": "core.caching.files.FileCache", "LOCATION": VAR_DIR / "cache", "OPTIONS": {"MAX_ENTRIES": 10_000}}
}
# The same, counting hits and misses.
_counted = {
    "LocMemCache": "core.caching.counting.LocMemCache",
    "RedisCache": "core.caching.counting.RedisCache",
    "FileCache": "core.caching.counting.FileCache",
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

# --- Background work: the embedded broker, or CELERY_BROKER_URL=redis://… --------------------------------------
CELERY_BROKER_URL = service_urls.broker("CELERY_BROKER_URL", "embedded://localhost")
# In a container with all three URLs only folders below it are written to.
if not (env.text("DATABASE_URL") and env.text("CACHE_URL") and env.text("CELERY_BROKER_URL")):
    env.check_writable("VAR_DIR", VAR_DIR)
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
# A worker waits for its broker as long as it takes.
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TIMEZONE = "UTC"
# Pictures have a queue of their own, so that their workers can run elsewhere; the worker of `make run` takes both.
CELERY_TASK_ROUTES = {"catalog.*_images": {"queue": "images"}}
MAIL_SWEEP = env.seconds("MAIL_SWEEP_SECONDS", 60, least=1, most=86400)
# What finds work that no message told of. Each expires before its next one: while no worker runs they do not pile up.
_sweeps = {
    "users.tasks.send_due_mail": MAIL_SWEEP,
    "users.tasks.clear_expired_tokens": timedelta(hours=1),
    "catalog.tasks.sweep_images": timedelta(seconds=10),
    "catalog.tasks.sweep_index": timedelta(seconds=2),
    "cart.tasks.clear_old_carts": timedelta(hours=1),
    "cart.tasks.clear_old_keys": timedelta(hours=1),
}
CELERY_BEAT_SCHEDULE = {
    task: {"task": task, "schedule": every, "options": {"expires": every.total_seconds()}}
    for task, every in _sweeps.items()
}
# Beat looks up this often (seconds) at least, whatever is next.
CELERY_BEAT_MAX_LOOP_INTERVAL = 2
CELERY_BEAT_SCHEDULER = "core.jobs.beat:Scheduler"
# A file that worker and beat touch while their loops turn ("": none).
HEARTBEAT_FILE = env.text("HEARTBEAT_FILE")
# /readyz says "degraded" when no worker was seen for so many seconds, or a job of a kind is overdue for as many.
READYZ_WORKER_AFTER = env.seconds("READYZ_WORKER_SECONDS", 20, least=5)
READYZ_OVERDUE_AFTER = {
    "mail": env.seconds("READYZ_MAIL_SECONDS", 180, least=1),
    "image": env.seconds("READYZ_IMAGE_SECONDS", 120, least=1),
    "index": env.seconds("READYZ_INDEX_SECONDS", 20, least=1),
}
CELERY_WORKER_CONSUMER = "core.patches.celery:Consumer"
# As many messages as threads: what waits in a worker is no longer one with its like in the queue.
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
# Told to stop, a worker has so many seconds to finish; then tasks go back to their queue.
CELERY_WORKER_SOFT_SHUTDOWN_TIMEOUT = env.number("WORKER_GRACE", 6, most=3600)
CELERY_TASK_PUBLISH_RETRY = False
if CELERY_BROKER_URL.startswith("embedded:"):
    CELERY_BROKER_TRANSPORT_OPTIONS: dict[str, Any] = {"folder": str(VAR_DIR / "broker")}
    # Questions to workers (`celery inspect`) would need messages to all of them.
    CELERY_WORKER_ENABLE_REMOTE_CONTROL = False
else:
    # A broker that accepts and stays silent is one that is down.
    CELERY_BROKER_TRANSPORT_OPTIONS = {"socket_connect_timeout": 5, "socket_timeout": 5, "socket_keepalive": True}

# --- Who may sign in, and the one token for both doors -------------------------------------------------------
AUTH_USER_MODEL = "users.User"
# E003 wants `email` itself unique; its folded column is, which is stricter and the same on every collation.
SILENCED_SYSTEM_CHECKS = ["auth.E003"]
PASSWORD_HASHERS = ["users.hashers.Argon2"]
# Hashes at once in one process, each of which takes 100 MB and every core for 50 ms; docker/gunicorn.conf.py sets the
# cores over the processes. All threads but one may wait for one: that goes on answering other requests.
MAX_PASSWORD_HASHES = env.integer("MAX_PASSWORD_HASHES", 1, least=1, most=1000)
MAX_PASSWORD_WAITS = max(1, env.integer("WEB_THREADS", 4, least=1, most=1000) - 1 - MAX_PASSWORD_HASHES)
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
JWT_SECRET_KEY = env.secret("JWT_SECRET_KEY", development=DEBUG)
# Keys of yesterday: they sign nothing and still verify.
JWT_SECRET_KEY_FALLBACKS = env.secrets("JWT_SECRET_KEY_FALLBACKS")
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
JWT_REFRESH_GRACE = env.seconds("JWT_REFRESH_GRACE", 10, most=30)
PASSWORD_RESET_TIMEOUT = env.integer("PASSWORD_RESET_TIMEOUT", 3600, least=60, most=30 * 86400)
# How many in which time. Sign-in: failures for each account and client address; ten times as many for the address.
THROTTLE_SIGN_IN = env.rate("THROTTLE_SIGN_IN", "10/15m")
# Failures for an account over all addresses, after which attempts from unknown ones are slowed (users.throttles).
THROTTLE_SIGN_IN_ACCOUNT = env.rate("THROTTLE_SIGN_IN_ACCOUNT", "20/15m")
THROTTLE_REGISTER = env.rate("THROTTLE_REGISTER", "60/h")
THROTTLE_REFRESH = env.rate("THROTTLE_REFRESH", "300/15m")
# Reset mails for each e-mail address; ten times as many requests for the client's address.
THROTTLE_RESET = env.rate("THROTTLE_RESET", "5/h")
# Off: the catalogue wants a valid token. On: everyone may read it.
CATALOG_PUBLIC = env.boolean("CATALOG_PUBLIC", False)
CORS_ALLOWED_ORIGINS = env.origins("CORS_ALLOWED_ORIGINS")
CORS_URLS_REGEX = r"^/(graphql|api/)"
# What the GraphQL clients and tracers of browsers send by themselves; CORS_ALLOWED_HEADERS adds to it.
CORS_ALLOW_HEADERS = [
    *("accept", "accept-language", "authorization", "content-type", "cache-control", "pragma", "if-none-match"),
    *("idempotency-key", "x-request-id", "x-requested-with"),
    *(
        "apollo-require-preflight",
        "graphql-require-preflight",
        "apollographql-client-name",
        "apollographql-client-version",
    ),
    *("x-apollo-operation-name", "x-apollo-operation-id", "graphql-client-name", "graphql-client-version"),
    *("traceparent", "tracestate", "baggage", "sentry-trace", "b3", "newrelic"),
    *(f"x-b3-{name}" for name in ("traceid", "spanid", "parentspanid", "sampled", "flags")),
    *(f"x-datadog-{name}" for name in ("origin", "parent-id", "sampling-priority", "trace-id", "tags")),
    *env.header_names("CORS_ALLOWED_HEADERS"),
]
CORS_EXPOSE_HEADERS = [
    *("Location", "Retry-After", "WWW-Authenticate", "X-Request-ID", "ETag", "Allow"),
    *("RateLimit-Remaining", "RateLimit-Reset"),
]

# --- Images --------------------------------------------------------------------------------------------------
IMAGE_MAX_BYTES = env.integer("IMAGE_MAX_BYTES", 20 * 2**20, least=1, most=2**32)
IMAGE_MAX_PIXELS = env.integer("IMAGE_MAX_PIXELS", 50_000_000, least=1, most=10**9)
IMAGES_PER_PRODUCT = env.integer("IMAGES_PER_PRODUCT", 20, least=1, most=1000)
# Child processes that decode and encode; each has so much address space (bytes) and so many seconds for an image.
# Measured for 49 megapixels: 900 MB at most (WebP with alpha, a colour profile and a rotation), of it 80 MB without any
# picture. Where less is left beside the worker (half a GiB), a picture that needs more is refused: better than a
# container that is killed.
_worker_memory = 2**29
IMAGE_MEMORY = env.integer("IMAGE_MEMORY", 0, least=2**28) or max(
    2**28, min(IMAGE_MAX_PIXELS * 20 + 2**28, usable_memory() - _worker_memory)
)
# By default a child for each core, as long as all of them fit at their largest: the memory never runs out.
IMAGE_PROCESSES = env.integer("IMAGE_PROCESSES", 0, most=1024) or fitting_processes(
    each=IMAGE_MEMORY, reserved=_worker_memory
)
IMAGE_DEADLINE = env.number("IMAGE_DEADLINE", 30, above=0, most=3600)
UPLOAD_MAX_BYTES = IMAGE_MAX_BYTES
FILE_UPLOAD_HANDLERS = [
    "core.http.uploads.SizeLimit",
    "django.core.files.uploadhandler.MemoryFileUploadHandler",
    "django.core.files.uploadhandler.TemporaryFileUploadHandler",
]

# --- Mail: files in VAR_DIR, or a server through EMAIL_URL=smtp://… ------------------------------------------
# smtp+tls:// begins in plain text and upgrades (STARTTLS), smtp+ssl:// is TLS from the first byte.
if not DEBUG:
    # Mails that lie in a folder reach nobody, and hold links that set passwords.
    env.require("EMAIL_URL", "the mail server, such as smtp+tls://user:password@host:587, when DEBUG is off")
    env.require("SITE_URL", "the storefront that mails link to, such as https://shop.example, when DEBUG is off")
_mail = service_urls.mail("EMAIL_URL", f"filemail:///{quote(str(VAR_DIR / 'mail'))}")
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
EMAIL_TIMEOUT = env.integer("EMAIL_TIMEOUT", 30, least=1, most=3600)
DEFAULT_FROM_EMAIL = env.sender("DEFAULT_FROM_EMAIL", "Vitrine <shop@vitrine.example>")
WELCOME_EMAIL_DELAY = env.seconds("WELCOME_EMAIL_DELAY", 86400)
# Mails a second, over all workers.
MAIL_RATE = env.number("MAIL_RATE", 10, above=0, most=10_000)
# Until a mail refused for the time being is tried again; doubled each time.
MAIL_RETRY = env.seconds("MAIL_RETRY_SECONDS", 30, least=1)

# --- The shop ------------------------------------------------------------------------------------------------
SHOP_NAME = env.text("SHOP_NAME", "Vitrine")
# Where the storefront is, and its pages that mails link to.
SITE_URL = env.url("SITE_URL", "http://127.0.0.1:8000")
PRODUCT_URL = env.url_template("PRODUCT_URL", f"{SITE_URL}/products/{{slug}}", fields=["slug"])
PASSWORD_RESET_URL = env.url_template(
    "PASSWORD_RESET_URL", f"{SITE_URL}/password-reset?uid={{uid}}&token={{token}}", fields=["uid", "token"]
)
CURRENCY = env.text("CURRENCY", "EUR", pattern="[A-Z]{3}", allowed="a currency's three letters (ISO 4217), such as EUR")
# "tantivy": an index on disk that the worker keeps up to date; "database": SQL alone, slower and without typos.
SEARCH_ENGINE = env.choice("SEARCH_ENGINE", "tantivy", ["tantivy", "database"])
SEARCH_INDEX_DIR = env.path("SEARCH_INDEX_DIR", VAR_DIR / "index").resolve()
# On: a change is searchable before the request that made it returns (tests, scripts). Off: the worker applies it.
SEARCH_INDEX_SYNC = env.boolean("SEARCH_INDEX_SYNC", False)
# Memory (MB) for building an index, per thread of two.
SEARCH_INDEX_HEAP = env.integer("SEARCH_INDEX_HEAP", 128, least=15, most=4000)

# Distinct products in a cart, and units of each; days after which a cart that nobody touched is emptied.
CART_MAX_LINES = env.integer("CART_MAX_LINES", 100, least=1, most=10_000)
CART_MAX_QUANTITY = env.integer("CART_MAX_QUANTITY", 999, least=1, most=10**6)
CART_TTL = timedelta(days=env.integer("CART_TTL", 90, least=1, most=36_500))

# --- The doors -----------------------------------------------------------------------------------------------
GRAPHENE = {"SCHEMA": "core.schema.schema"}
# The cost that one signed-in user, and one client address, may ask for in a while; see core.throttling.budget.
RATE_LIMIT_COST_USER = env.rate("RATE_LIMIT_COST_USER", "off" if DEBUG else "100000/m")
RATE_LIMIT_COST_ADDRESS = env.rate("RATE_LIMIT_COST_ADDRESS", "off" if DEBUG else "300000/m")
# What a document may be at most; see core.graphql.limits.
GRAPHQL_MAX_BYTES = env.integer("GRAPHQL_MAX_BYTES", 100_000, least=1)
GRAPHQL_MAX_TOKENS = env.integer("GRAPHQL_MAX_TOKENS", 2_000, least=1)
GRAPHQL_MAX_DEPTH = env.integer("GRAPHQL_MAX_DEPTH", 12, least=1)
GRAPHQL_MAX_ALIASES = env.integer("GRAPHQL_MAX_ALIASES", 30, least=1)
GRAPHQL_MAX_ROOT_FIELDS = env.integer("GRAPHQL_MAX_ROOT_FIELDS", 20, least=1)
GRAPHQL_MAX_SELECTIONS = env.integer("GRAPHQL_MAX_SELECTIONS", 500, least=1)
GRAPHQL_MAX_DEFINITIONS = env.integer("GRAPHQL_MAX_DEFINITIONS", 50, least=1)
GRAPHQL_MAX_DIRECTIVES = env.integer("GRAPHQL_MAX_DIRECTIVES", 50, least=1)
GRAPHQL_MAX_COST = env.integer("GRAPHQL_MAX_COST", 5_000, least=1)
# Values in the variables of a request: items of lists and fields of input objects too.
GRAPHQL_MAX_VALUES = env.integer("GRAPHQL_MAX_VALUES", 10_000, least=1)
# How many parsed documents a process keeps, and how many bytes of memory they may hold together.
GRAPHQL_DOCUMENTS = env.integer("GRAPHQL_DOCUMENTS", 1_000, least=1)
GRAPHQL_DOCUMENTS_BYTES = env.integer("GRAPHQL_DOCUMENTS_BYTES", 32_000_000, least=1)
# A manifest of the storefronts' own documents (JSON, hash to text); on: no other document is served to anybody.
GRAPHQL_TRUSTED_DOCUMENTS = env.text("GRAPHQL_TRUSTED_DOCUMENTS")
GRAPHQL_TRUSTED_ONLY = env.boolean("GRAPHQL_TRUSTED_ONLY", False)
if GRAPHQL_TRUSTED_ONLY:
    env.require("GRAPHQL_TRUSTED_DOCUMENTS", "the manifest of those documents that GRAPHQL_TRUSTED_ONLY serves")
# "compiled": by plans made once for a document; "standard": by graphql-core's executor.
GRAPHQL_EXECUTION = env.choice("GRAPHQL_EXECUTION", "compiled", ["compiled", "standard"])
# Which GraphQL over HTTP gives the statuses. "2023": the working draft that graphql-http's 61 audits try. "draft": that
# of August 2026, 422 for what is read but not valid, 294 for data with errors; see core.graphql.statuses.
GRAPHQL_STATUS = env.choice("GRAPHQL_STATUS", "2023", ["2023", "draft"])
# On: everyone may ask about the schema, and errors suggest names. Off: staff only.
GRAPHQL_INTROSPECTION = env.boolean("GRAPHQL_INTROSPECTION", DEBUG)
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["core.auth.bearer.BearerAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["core.rest.parsers.JsonParser"],
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "core.rest.parsers.ContentNegotiation",
    "URL_FORMAT_OVERRIDE": None,
    "DEFAULT_THROTTLE_CLASSES": ["core.throttling.budget.CostThrottle"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "drf_standardized_errors.handler.exception_handler",
}
DRF_STANDARDIZED_ERRORS = {"EXCEPTION_HANDLER_CLASS": "core.rest.errors.Handler"}
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
STATIC_ROOT = env.folder("STATIC_ROOT", VAR_DIR / "static")
WHITENOISE_USE_FINDERS = DEBUG
# Renditions are for everyone, originals for nobody but the worker. S3_BUCKET puts both there (any compatible server:
# S3_ENDPOINT_URL); credentials come as boto3 takes them, AWS_ACCESS_KEY_ID and so on.
MEDIA_ROOT = env.path("MEDIA_ROOT", VAR_DIR / "media")
MEDIA_URL = env.text(
    "MEDIA_URL", "/media/", pattern=r"(?:https?:/)?/(?!/)\S*[^\s/]/", allowed="a path or web address that ends with /"
)
ORIGINALS_ROOT = env.path("ORIGINALS_ROOT", VAR_DIR / "originals")
_files = {"BACKEND": "catalog.images.storage.WholeFiles"}
_renditions: dict[str, Any] = {**_files, "OPTIONS": {"location": MEDIA_ROOT, "base_url": MEDIA_URL}}
_originals: dict[str, Any] = {**_files, "OPTIONS": {"location": ORIGINALS_ROOT, "base_url": None}}
_bucket, _originals_bucket = env.bucket("S3_BUCKET"), env.bucket("S3_ORIGINALS_BUCKET")
_endpoint, _region = (
    env.url("S3_ENDPOINT_URL", ""),
    env.text("S3_REGION", pattern=r"[\w-]+", allowed="a region such as eu-central-1"),
)
_public_domain = env.text("S3_PUBLIC_DOMAIN", pattern=r"[\w.:/-]+", allowed="a host name such as media.shop.example")
if _bucket:
    _s3 = {
        "bucket_name": _bucket,
        "endpoint_url": _endpoint or None,
        "region_name": _region or None,
        "file_overwrite": True,
    }
    _forever = {"CacheControl": "public, max-age=31536000, immutable"}
    _renditions = {
        "BACKEND": "storages.backends.s3.S3Storage",
        "OPTIONS": {
            **_s3,
            "location": "media",
            "querystring_auth": False,
            "custom_domain": _public_domain or None,
            "object_parameters": _forever,
        },
    }
    _originals = {
        "BACKEND": "storages.backends.s3.S3Storage",
        "OPTIONS": {
            **_s3,
            "bucket_name": _originals_bucket or _bucket,
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
_https = not env.boolean("INSECURE_HTTP", DEBUG)
SECURE_SSL_REDIRECT = _https
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = _https
SECURE_HSTS_SECONDS = 31_536_000 if _https else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = _https
CSRF_TRUSTED_ORIGINS = env.origins("CSRF_TRUSTED_ORIGINS")
X_FRAME_OPTIONS = "DENY"

# Where the admin is, such as "backstage/".
ADMIN_PATH = (
    env.text(
        "ADMIN_PATH",
        "admin",
        pattern=r"/?(?!(?:graphql|api|media|static|healthz|readyz|metrics)(?:/|$))[A-Za-z0-9_-]+(?:/[A-Za-z0-9_-]+)*/?",
        allowed="a path of letters, digits, - and _ that is not another page's, such as backstage/",
    ).strip("/")
    + "/"
)
# Bytes of a request's body, refused by its Content-Length: a form with files, and all else.
MAX_BODY_BYTES = DATA_UPLOAD_MAX_MEMORY_SIZE = env.integer("MAX_BODY_BYTES", 1024 * 1024, least=1024)
MAX_UPLOAD_BODY_BYTES = env.integer("MAX_UPLOAD_BODY_BYTES", 25 * 1024 * 1024, least=1024)

# --- What an operator sees -----------------------------------------------------------------------------------
LOG_LEVEL = env.choice("LOG_LEVEL", "INFO", env.LOG_LEVELS)
LOGGING = logs.configuration(human=DEBUG, level=LOG_LEVEL)
# A request or task whose SQL takes longer (milliseconds) is logged with it.
SLOW_OPERATION_MS = env.integer("SLOW_OPERATION_MS", 500, most=10**9)
# Whom /.well-known/security.txt names (RFC 9116); without it there is no such file.
SECURITY_CONTACT = env.contacts("SECURITY_CONTACT")
# Opens /metrics to its bearer; without it they are closed, except with DEBUG. METRICS_PORT: where a worker answers its
# own (0: nowhere).
METRICS_TOKEN = env.token("METRICS_TOKEN")
METRICS_PORT = env.integer("METRICS_PORT", 0, most=65535)
