"""All settings of Vitrine: first what the environment sets, in groups by reader, then Django's and the libraries'.

With DEBUG=1 no other variable is needed: Vitrine runs on SQLite and on a broker, a cache and mails in files, all under
`VAR_DIR`. Without DEBUG a few variables must be set; a missing or wrong one ends the start with a sentence that names
it (core.config.env).
"""

import re
from datetime import timedelta
from email.utils import quote as quoted
from pathlib import Path
from typing import Any
from urllib.parse import quote

from redis.backoff import NoBackoff
from redis.retry import Retry

from core.config import env, service_urls
from core.config.machine import fitting_processes, usable_memory
from core.config.secrecy import refuse_inspection
from core.telemetry import logs

# Every process that reads the settings holds the secrets.
refuse_inspection()
BASE_DIR = Path(__file__).resolve().parent.parent

# === Part one: the environment =================================================================================
# Development: demo accounts, plain HTTP, well-known secrets. Never use it where strangers can reach the service.
DEBUG = env.boolean("DEBUG", False)
# The folder for everything that is written: database, broker, cache, mails, files.
VAR_DIR = env.folder("VAR_DIR", BASE_DIR / "var")

# --- The ten usual ones ----------------------------------------------------------------------------------------
# Signs sessions and password reset links.
SECRET_KEY = env.secret("SECRET_KEY", development=DEBUG)
# Signs access tokens.
JWT_SECRET_KEY = env.secret("JWT_SECRET_KEY", development=DEBUG)
# The host names that the service answers to. Commands work without them, but core.wsgi does not.
ALLOWED_HOSTS = env.hosts("ALLOWED_HOSTS", ["*"] if DEBUG else [])
if not DEBUG:
    # Mails in a folder reach nobody, and they contain links that set passwords.
    env.require("EMAIL_URL", "the mail server, such as smtp+tls://user:password@host:587, when DEBUG is off")
    env.require("SITE_URL", "the storefront that mails link to, such as https://shop.example, when DEBUG is off")
# The storefront, which mails link to.
SITE_URL = env.url("SITE_URL", "http://127.0.0.1:8000")
# The mail server. smtp:// is plain text, smtp+tls:// upgrades (STARTTLS), smtp+ssl:// is TLS from the first byte.
_mail = service_urls.mail("EMAIL_URL", f"filemail:///{quote(str(VAR_DIR / 'mail'))}")
# The database: SQLite, or mysql://user:password@host/name.
_database = service_urls.database("DATABASE_URL", f"sqlite:///{quote(str(VAR_DIR))}/db.sqlite3")
# The message broker: embedded, or redis://host:6379/0.
CELERY_BROKER_URL = service_urls.broker("CELERY_BROKER_URL", "embedded://localhost")
# The cache: files, or redis://host:6379/1.
_cache = service_urls.cache("CACHE_URL")
if not (env.text("DATABASE_URL") and _cache and env.text("CELERY_BROKER_URL")):
    # With all three URLs, as in a container, only folders below it are written to.
    env.check_writable("VAR_DIR", VAR_DIR)
# On: everyone may read the catalogue. Off: that takes a valid token.
CATALOG_PUBLIC = env.boolean("CATALOG_PUBLIC", False)
# On: visitors have a cart before they sign in, by a guest token. Off: they sign in first.
GUEST_CARTS = env.boolean("GUEST_CARTS", CATALOG_PUBLIC)
# Where `npm run dev` and `npm run preview` of Vite listen: for a storefront that is being developed.
_vite = [f"http://{host}:{port}" for host in ("localhost", "127.0.0.1") for port in (5173, 4173)]
# Origins of storefronts that run in browsers.
CORS_ALLOWED_ORIGINS = env.origins("CORS_ALLOWED_ORIGINS", _vite if DEBUG else [])

# --- Building a storefront -------------------------------------------------------------------------------------
# Request headers that it sends besides those of the usual GraphQL clients and tracers.
_cors_headers = env.header_names("CORS_ALLOWED_HEADERS")
# The storefront that the landing page leads to.
STOREFRONT_URL = env.url("STOREFRONT_URL", _vite[0] if DEBUG else SITE_URL)
# A product's page, for links in mails.
PRODUCT_URL = env.url_template("PRODUCT_URL", f"{SITE_URL}/products/{{slug}}", fields=["slug"])
# The page that sends `passwordReset`, for links in mails.
PASSWORD_RESET_URL = env.url_template(
    "PASSWORD_RESET_URL", f"{SITE_URL}/password-reset?uid={{uid}}&token={{token}}", fields=["uid", "token"]
)
# The page that sends `emailChangeConfirm`, for links in mails.
EMAIL_CHANGE_URL = env.url_template("EMAIL_CHANGE_URL", f"{SITE_URL}/email-change?token={{token}}", fields=["token"])
# On: everyone may ask about the GraphQL schema, and errors suggest names. Off: staff only.
GRAPHQL_INTROSPECTION = env.boolean("GRAPHQL_INTROSPECTION", DEBUG)
# Whose HTTP statuses GraphQL responses have: "2023" is the working draft that graphql-http's audits test; "draft" is
# that of August 2026, with 422 for what is not valid and 294 for data with errors (core.graphql.statuses).
GRAPHQL_STATUS = env.choice("GRAPHQL_STATUS", "2023", ["2023", "draft"])
# A manifest of the storefronts' own documents: a JSON file of hash to text.
GRAPHQL_TRUSTED_DOCUMENTS = env.text("GRAPHQL_TRUSTED_DOCUMENTS")
# On: only documents of that manifest are served.
GRAPHQL_TRUSTED_ONLY = env.boolean("GRAPHQL_TRUSTED_ONLY", False)
if GRAPHQL_TRUSTED_ONLY:
    env.require("GRAPHQL_TRUSTED_DOCUMENTS", "the manifest of those documents that GRAPHQL_TRUSTED_ONLY serves")

# --- Running the shop ------------------------------------------------------------------------------------------
# What mails call the shop.
SHOP_NAME = env.text("SHOP_NAME", "Vitrine")
# What the shop is, in a sentence or two, for the welcome mail.
SHOP_DESCRIPTION = env.text("SHOP_DESCRIPTION")
# The accent colour of mails. The colour of text on it is computed.
SHOP_COLOR = env.text("SHOP_COLOR", "#7d5a3c", pattern="#[0-9A-Fa-f]{6}", allowed="a colour such as #7d5a3c")
# A picture at the top of mails, which are complete without it.
SHOP_LOGO_URL = env.picture_url("SHOP_LOGO_URL", site=SITE_URL)
# Lines at the end of mails: the shop's address, its register and tax numbers.
SHOP_FOOTER = env.lines("SHOP_FOOTER")
# A folder whose mail/welcome.html, mail/welcome.txt … replace the templates of mails.
MAIL_TEMPLATES_DIR = env.existing_folder("MAIL_TEMPLATES_DIR")
# The shop's one currency.
CURRENCY = env.text("CURRENCY", "EUR", pattern="[A-Z]{3}", allowed="a currency's three letters (ISO 4217), such as EUR")
# The sender of mails.
DEFAULT_FROM_EMAIL = env.sender("DEFAULT_FROM_EMAIL", f'"{quoted(SHOP_NAME)}" <shop@vitrine.example>')
# Seconds from registration to the welcome mail.
WELCOME_EMAIL_DELAY = env.seconds("WELCOME_EMAIL_DELAY", 86400)
# Seconds for which a reset link is good.
PASSWORD_RESET_TIMEOUT = env.integer("PASSWORD_RESET_TIMEOUT", 3600, minimum=60, maximum=30 * 86400)
# Different products in a cart.
CART_MAX_LINES = env.integer("CART_MAX_LINES", 100, minimum=1, maximum=10_000)
# Units of one product in a cart.
CART_MAX_QUANTITY = env.integer("CART_MAX_QUANTITY", 999, minimum=1, maximum=10**6)
# Days after which a cart that nobody changed is emptied, and a guest's deleted. So long lives a guest token.
CART_TTL = timedelta(days=env.integer("CART_TTL", 90, minimum=1, maximum=36_500))
# The largest picture, in bytes.
IMAGE_MAX_BYTES = env.integer("IMAGE_MAX_BYTES", 20 * 2**20, minimum=1, maximum=2**32)
# The largest picture, in pixels.
IMAGE_MAX_PIXELS = env.integer("IMAGE_MAX_PIXELS", 50_000_000, minimum=1, maximum=10**9)
# Pictures of one product.
IMAGES_PER_PRODUCT = env.integer("IMAGES_PER_PRODUCT", 20, minimum=1, maximum=1000)
# The largest file to import, in bytes.
IMPORT_MAX_BYTES = env.integer("IMPORT_MAX_BYTES", 100 * 2**20, minimum=1024, maximum=2**32)
# Days for which the files of an import in the admin are kept.
IMPORT_FILES_DAYS = env.integer("IMPORT_FILES_DAYS", 30, minimum=1, maximum=3650)
# Days for which it is kept who changed what. Bulk changes are undone by it, so it is kept for a day at least.
HISTORY_DAYS = env.integer("HISTORY_DAYS", 365, minimum=2, maximum=3650)
# Days for which it is kept what people look for; 0: nothing is counted, and what was counted is deleted.
SEARCH_COUNTS_DAYS = env.integer("SEARCH_COUNTS_DAYS", 90, maximum=3650)
# Whom /.well-known/security.txt names (RFC 9116). Without it there is no such file.
SECURITY_CONTACT = env.contacts("SECURITY_CONTACT")

# --- Deploying -------------------------------------------------------------------------------------------------
# Where `collectstatic` puts files.
STATIC_ROOT = env.folder("STATIC_ROOT", VAR_DIR / "static")
# The folder of renditions, which are public.
MEDIA_ROOT = env.path("MEDIA_ROOT", VAR_DIR / "media")
# The address under which they are served.
MEDIA_URL = env.text(
    "MEDIA_URL", "/media/", pattern=r"(?:https?:/)?/(?!/)\S*[^\s/]/", allowed="a path or web address that ends with /"
)
# The folder of what only the program reads: original pictures, and files to import.
ORIGINALS_ROOT = env.path("ORIGINALS_ROOT", VAR_DIR / "originals")
# A bucket for both instead, in S3-compatible storage. Credentials come as boto3 takes them: AWS_ACCESS_KEY_ID …
_bucket = env.bucket("S3_BUCKET")
# A bucket of their own for the originals.
_originals_bucket = env.bucket("S3_ORIGINALS_BUCKET")
# The server of a compatible store, when it is not Amazon's.
_s3_endpoint = env.url("S3_ENDPOINT_URL", "")
# The store's region.
_s3_region = env.text("S3_REGION", pattern=r"[\w-]+", allowed="a region such as eu-central-1")
# The host that serves renditions from the bucket, such as a CDN's.
_s3_domain = env.text("S3_PUBLIC_DOMAIN", pattern=r"[\w.:/-]+", allowed="a host name such as media.shop.example")
# Where pages may load renditions from, besides this service (core.http.security).
MEDIA_SOURCES = service_urls.media_sources(
    MEDIA_URL, _bucket, endpoint=_s3_endpoint, region=_s3_region, domain=_s3_domain
)
# What answers searches: "tantivy" is an index on disk that the worker keeps up to date; "database" is SQL alone, slower
# and without tolerance of typos.
SEARCH_ENGINE = env.choice("SEARCH_ENGINE", "tantivy", ["tantivy", "database"])
# The folder of the index.
# What stems, stop words and compounds are taken from.
SEARCH_LANGUAGES = env.texts(
    "SEARCH_LANGUAGES",
    ["en"],
    pattern=re.compile("ar|da|de|el|en|es|fa|fi|fr|hu|it|ja|ko|nb|nl|nn|no|pt|ro|ru|sv|ta|th|tr|zh"),
    allowed="ISO 639-1 codes of languages, such as en,de,fr (docs/search.md lists them)",
)
# A text that has fewer hits is also matched less strictly.
SEARCH_MIN_HITS = env.integer("SEARCH_MIN_HITS", 20, minimum=1, maximum=1000)
SEARCH_INDEX_DIR = env.path("SEARCH_INDEX_DIR", VAR_DIR / "index").resolve()
# Megabytes of memory for building the index, for each of two threads.
SEARCH_INDEX_HEAP = env.integer("SEARCH_INDEX_HEAP", 128, minimum=15, maximum=4000)
# The admin's path, such as backstage/.
ADMIN_PATH = (
    env.text(
        "ADMIN_PATH",
        "admin",
        pattern=r"/?(?!(?:graphql|api|media|static|healthz|readyz|metrics)(?:/|$))[A-Za-z0-9_-]+(?:/[A-Za-z0-9_-]+)*/?",
        allowed="a path of letters, digits, - and _ that is not another page's, such as backstage/",
    ).strip("/")
    + "/"
)
# Seconds for which a CDN or nginx may serve a public catalogue's answers without asking; 0: it asks each time.
SHARED_CACHE_SECONDS = env.integer("SHARED_CACHE_SECONDS", 0, maximum=86_400)
# Networks (CIDR) whose X-Forwarded-For, -Proto and -Host headers are believed (core.http.proxies).
TRUSTED_PROXIES = env.networks("TRUSTED_PROXIES")
# On: plain HTTP. Off: a redirect to HTTPS, HSTS, and cookies over HTTPS only.
_https = not env.boolean("INSECURE_HTTP", DEBUG)
# Further origins of the admin's forms.
CSRF_TRUSTED_ORIGINS = env.origins("CSRF_TRUSTED_ORIGINS")
# Former signing keys: they sign nothing, and their access tokens still verify.
JWT_SECRET_KEY_FALLBACKS = env.secrets("JWT_SECRET_KEY_FALLBACKS")
# Seconds for which a database connection is kept.
_database["CONN_MAX_AGE"] = env.integer("CONN_MAX_AGE", 600, maximum=10**7)
# Address space in bytes of a child process that decodes pictures. Measured for 49 megapixels: 900 MB at most (WebP with
# alpha, a colour profile and a rotation), 80 MB without any picture. Where less is left beside the worker (half a GiB),
# a picture that needs more is refused: better than a container that is killed.
_worker_memory = 2**29
IMAGE_MEMORY = env.integer("IMAGE_MEMORY", 0, minimum=2**28) or max(
    2**28, min(IMAGE_MAX_PIXELS * 20 + 2**28, usable_memory() - _worker_memory)
)
# The number of such processes. By default one for each core, as long as all of them fit into memory at their largest.
IMAGE_PROCESSES = env.integer("IMAGE_PROCESSES", 0, maximum=1024) or fitting_processes(
    bytes_per_process=IMAGE_MEMORY, reserved=_worker_memory
)
# Seconds of computing for an image.
IMAGE_DEADLINE = env.number("IMAGE_DEADLINE", 30, above=0, maximum=3600)
# Seconds that each answer of the mail server may take.
EMAIL_TIMEOUT = env.integer("EMAIL_TIMEOUT", 30, minimum=1, maximum=3600)
# Mails a second, over all workers.
MAIL_RATE = env.number("MAIL_RATE", 10, above=0, maximum=10_000)

# --- Operating -------------------------------------------------------------------------------------------------
# The lowest level of log lines.
LOG_LEVEL = env.choice("LOG_LEVEL", "INFO", env.LOG_LEVELS)
# Milliseconds of SQL after which a request or task is logged with it.
SLOW_OPERATION_MS = env.integer("SLOW_OPERATION_MS", 500, maximum=10**9)
# The bearer token that opens /metrics. Without it they are closed, except with DEBUG.
METRICS_TOKEN = env.token("METRICS_TOKEN")
# The port on which a worker serves its own metrics; 0: none.
METRICS_PORT = env.integer("METRICS_PORT", 0, maximum=65535)
# /readyz is "degraded" when no worker was seen for so many seconds …
READYZ_WORKER_AFTER = env.seconds("READYZ_WORKER_SECONDS", 20, minimum=5)
# … or when a job of a kind is overdue for so many.
READYZ_OVERDUE_AFTER = {
    "mail": env.seconds("READYZ_MAIL_SECONDS", 180, minimum=1),
    "image": env.seconds("READYZ_IMAGE_SECONDS", 120, minimum=1),
    "import": env.seconds("READYZ_IMPORT_SECONDS", 120, minimum=1),
    "bulk": env.seconds("READYZ_BULK_SECONDS", 120, minimum=1),
    "index": env.seconds("READYZ_INDEX_SECONDS", 20, minimum=1),
}
# Milliseconds after which MySQL ends a SELECT, MariaDB any statement; 0: never, which suits commands.
STATEMENT_TIMEOUT_MS = env.integer("STATEMENT_TIMEOUT_MS", 0, maximum=10**8)
# Seconds for a worker that is stopped to finish its tasks; then they go back to their queue.
CELERY_WORKER_SOFT_SHUTDOWN_TIMEOUT = env.number("WORKER_GRACE", 6, maximum=3600)
# Seconds between two searches for due mail.
MAIL_SWEEP = env.seconds("MAIL_SWEEP_SECONDS", 60, minimum=1, maximum=86400)
# Seconds until a mail that was refused for now is tried again; doubled each time.
MAIL_RETRY = env.seconds("MAIL_RETRY_SECONDS", 30, minimum=1)
# A file that worker and beat touch while their loops run, for health checks; "": none.
HEARTBEAT_FILE = env.text("HEARTBEAT_FILE")

# --- Defending -------------------------------------------------------------------------------------------------
# Failed sign-ins for an account from one client address; ten times as many for the address over all accounts.
THROTTLE_SIGN_IN = env.rate("THROTTLE_SIGN_IN", "10/15m")
# Failed sign-ins for an account from anywhere, after which unknown clients are slowed (users.throttles).
THROTTLE_SIGN_IN_ACCOUNT = env.rate("THROTTLE_SIGN_IN_ACCOUNT", "20/15m")
# Registrations from a client address.
THROTTLE_REGISTER = env.rate("THROTTLE_REGISTER", "60/h")
# Carts of guests that a client address begins.
THROTTLE_GUEST_CART = env.rate("THROTTLE_GUEST_CART", "300/h")
# Refreshes of tokens from a client address.
THROTTLE_REFRESH = env.rate("THROTTLE_REFRESH", "300/15m")
# Reset mails for an e-mail address; ten times as many requests from a client address.
THROTTLE_RESET = env.rate("THROTTLE_RESET", "5/h")
# Samples of mails that a member of the staff has sent to their own address.
THROTTLE_SAMPLE_MAIL = env.rate("THROTTLE_SAMPLE_MAIL", "20/h")
# Password hashes at once in a process: each takes 100 MB, and every core for 50 ms. docker/gunicorn.conf.py sets it to
# the cores over the processes.
MAX_PASSWORD_HASHES = env.integer("MAX_PASSWORD_HASHES", 1, minimum=1, maximum=1000)
# Threads of a web process. All but one may wait for a password hash; that one goes on answering other requests.
MAX_PASSWORD_WAITS = max(1, env.integer("WEB_THREADS", 4, minimum=1, maximum=1000) - 1 - MAX_PASSWORD_HASHES)
# Seconds in which a spent refresh token gives its successor again, for two tabs at once; later it counts as stolen.
JWT_REFRESH_GRACE = env.seconds("JWT_REFRESH_GRACE", 10, maximum=30)
# The cost that a signed-in user may ask of both APIs (core.throttling.budget).
RATE_LIMIT_COST_USER = env.rate("RATE_LIMIT_COST_USER", "off" if DEBUG else "100000/m")
# The same for a client address.
RATE_LIMIT_COST_ADDRESS = env.rate("RATE_LIMIT_COST_ADDRESS", "off" if DEBUG else "300000/m")
# Bytes of a request's body, by its Content-Length.
MAX_BODY_BYTES = env.integer("MAX_BODY_BYTES", 1024 * 1024, minimum=1024)
# The same for a form with files.
MAX_UPLOAD_BODY_BYTES = env.integer("MAX_UPLOAD_BODY_BYTES", 25 * 1024 * 1024, minimum=1024)
# Limits of a GraphQL document (core.graphql.limits): its bytes, tokens, depth …
GRAPHQL_MAX_BYTES = env.integer("GRAPHQL_MAX_BYTES", 100_000, minimum=1)
GRAPHQL_MAX_TOKENS = env.integer("GRAPHQL_MAX_TOKENS", 2_000, minimum=1)
GRAPHQL_MAX_DEPTH = env.integer("GRAPHQL_MAX_DEPTH", 12, minimum=1)
GRAPHQL_MAX_ALIASES = env.integer("GRAPHQL_MAX_ALIASES", 30, minimum=1)
GRAPHQL_MAX_ROOT_FIELDS = env.integer("GRAPHQL_MAX_ROOT_FIELDS", 20, minimum=1)
GRAPHQL_MAX_SELECTIONS = env.integer("GRAPHQL_MAX_SELECTIONS", 500, minimum=1)
GRAPHQL_MAX_DEFINITIONS = env.integer("GRAPHQL_MAX_DEFINITIONS", 50, minimum=1)
GRAPHQL_MAX_DIRECTIVES = env.integer("GRAPHQL_MAX_DIRECTIVES", 50, minimum=1)
GRAPHQL_MAX_COST = env.integer("GRAPHQL_MAX_COST", 5_000, minimum=1)
# Values in a request's variables; items of lists and fields of input objects count.
GRAPHQL_MAX_VALUES = env.integer("GRAPHQL_MAX_VALUES", 10_000, minimum=1)
# Parsed documents that a process keeps.
GRAPHQL_DOCUMENTS = env.integer("GRAPHQL_DOCUMENTS", 1_000, minimum=1)
# Bytes of memory that they may hold together.
GRAPHQL_DOCUMENTS_BYTES = env.integer("GRAPHQL_DOCUMENTS_BYTES", 32_000_000, minimum=1)
# Bytes of memory for whole answers of catalogue queries that a process keeps; 0: none.
GRAPHQL_ANSWERS_BYTES = env.integer("GRAPHQL_ANSWERS_BYTES", 64 * 2**20, maximum=2**36)
# Bytes of memory that categories, brands and attributes take in a process.
CATALOG_KEPT_BYTES = env.integer("CATALOG_KEPT_BYTES", 16_000_000)
# Seconds after which nothing kept is used any longer, whoever wrote past the application. 0: nothing is kept.
CATALOG_KEPT_SECONDS = env.integer("CATALOG_KEPT_SECONDS", 60)

# --- Developing ------------------------------------------------------------------------------------------------
# On: a change is searchable before its request returns (tests, scripts). Off: the worker applies it.
SEARCH_INDEX_SYNC = env.boolean("SEARCH_INDEX_SYNC", False)
# "compiled": by plans that are made once for a document; "standard": by graphql-core's own executor.
GRAPHQL_EXECUTION = env.choice("GRAPHQL_EXECUTION", "compiled", ["compiled", "standard"])

# === Part two: Django and the libraries ========================================================================
ROOT_URLCONF = "core.urls"
WSGI_APPLICATION = "core.wsgi.application"
INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    # Filters of the templates that write numbers.
    "django.contrib.humanize",
    "corsheaders",
    "django_filters",
    "graphene_django",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "drf_standardized_errors",
    "core",
    # After core, whose templates of the admin's pages come before those of Django.
    "django.contrib.admin",
    "users",
    "catalog",
    "catalog.demo",
    "cart",
]
MIDDLEWARE = [
    "core.http.security.break_cycles",
    "core.http.head.bodiless_head",
    "core.http.unexpected.api_errors",
    # These only add headers. They are outermost, so that every response gets them.
    "core.http.security.content_security_policy",
    "core.http.security.SecurityHeaders",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "core.http.caching.api_caching",
    "core.http.health.probes",
    "core.http.proxies.trusted_proxies",
    "core.telemetry.requests.observed",
    "corsheaders.middleware.CorsMiddleware",
    # These may refuse a request. They are inside CORS, so that a browser may read why.
    "core.http.query_string.readable_query",
    "core.http.bodies.readable_body",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "core.history.ambient.requests_act",
    "core.throttling.middleware.too_many_requests",
    "core.http.methods.Options",
]
# What requests of the APIs skip (core.http.chains): they look at no cookie, and are neither files nor probes.
PAGE_MIDDLEWARE = {
    "core.http.health.probes",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
}
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
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
LANGUAGE_CODE = "en"
FORMAT_MODULE_PATH = "core.formats"
TIME_ZONE = "UTC"
USE_TZ = True
LOGGING = logs.configuration(human=DEBUG, level=LOG_LEVEL)

# --- Database and cache ----------------------------------------------------------------------------------------
DATABASES = {"default": _database}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
# SQLite needs none. Of MySQL, the first statement of a request is the check where it can be repeated (core.db.mysql).
_database["CONN_HEALTH_CHECKS"] = True
if _database["ENGINE"].endswith("sqlite3"):
    # Web and worker both write: WAL, a wait for the lock, and write locks taken when a transaction begins.
    _database.setdefault("OPTIONS", {}).update(
        timeout=20,
        transaction_mode="IMMEDIATE",
        init_command="PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
    )
    # A file in tests too, because a database in memory has neither WAL nor waiting for locks.
    _database["TEST"] = {"NAME": VAR_DIR / "test.sqlite3"}
else:
    _database["ENGINE"] = "core.db.mysql"
    _init = "SET SESSION sql_mode='STRICT_TRANS_TABLES,NO_ENGINE_SUBSTITUTION,ONLY_FULL_GROUP_BY'"
    if STATEMENT_TIMEOUT_MS:
        # MySQL reads the first comment, MariaDB the second; each has its own name and unit for it.
        _init += f" /*!80000 , max_execution_time={STATEMENT_TIMEOUT_MS} */"
        _init += f" /*M!100108 , max_statement_time={STATEMENT_TIMEOUT_MS / 1000} */"
    _database.setdefault("OPTIONS", {}).update(
        connect_timeout=3, charset="utf8mb4", init_command=_init, isolation_level="read committed"
    )
    _database["TEST"] = {"CHARSET": "utf8mb4"}
_default_cache: dict[str, Any] = _cache or {
    "BACKEND": "core.caching.files.FileCache",
    "LOCATION": VAR_DIR / "cache",
    "OPTIONS": {"MAX_ENTRIES": 10_000},
}
# The same backends, counting hits and misses.
_counting_caches = {name: f"core.caching.counting.{name}" for name in ("LocMemCache", "RedisCache", "FileCache")}
_backend = str(_default_cache["BACKEND"])
_default_cache["BACKEND"] = _counting_caches.get(_backend.rpartition(".")[2], _backend)
if _backend.endswith("RedisCache"):
    # A cache that is down must cost a request little: no backoff (redis-py's own sleeps for seconds), short waits.
    _default_cache["OPTIONS"] = {
        "socket_connect_timeout": 1,
        "socket_timeout": 1,
        "retry": Retry(NoBackoff(), 1),
        **_default_cache.get("OPTIONS", {}),
    }
CACHES = {"default": _default_cache}

# --- Worker and beat -------------------------------------------------------------------------------------------
CELERY_TIMEZONE = "UTC"
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
# A worker waits for its broker for as long as it takes.
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_PUBLISH_RETRY = False
# Pictures have a queue of their own, so that their workers can run elsewhere; the worker of `make run` takes both.
CELERY_TASK_ROUTES = {"catalog.*_images": {"queue": "images"}}
# Sweeps find work that no message announced. Each message expires before the next one, so that they do not pile up
# while no worker runs.
_sweeps = {
    "users.tasks.send_due_mail": MAIL_SWEEP,
    "users.tasks.clear_expired_tokens": timedelta(hours=1),
    "catalog.tasks.sweep_images": timedelta(seconds=10),
    "catalog.tasks.sweep_imports": timedelta(seconds=5),
    "catalog.tasks.sweep_bulk_changes": timedelta(seconds=5),
    "catalog.tasks.sweep_index": timedelta(seconds=2),
    "catalog.tasks.delete_old_imports": timedelta(hours=1),
    "catalog.tasks.delete_old_bulk_changes": timedelta(hours=1),
    "catalog.tasks.delete_old_search_counts": timedelta(hours=1),
    "cart.tasks.clear_old_carts": timedelta(hours=1),
    "core.tasks.clear_old_keys": timedelta(hours=1),
    "core.tasks.delete_old_history": timedelta(hours=1),
}
CELERY_BEAT_SCHEDULE = {
    task: {"task": task, "schedule": interval, "options": {"expires": interval.total_seconds()}}
    for task, interval in _sweeps.items()
}
# Beat wakes up at least every so many seconds.
CELERY_BEAT_MAX_LOOP_INTERVAL = 2
CELERY_BEAT_SCHEDULER = "core.jobs.beat:Scheduler"
CELERY_WORKER_CONSUMER = "core.patches.celery:Consumer"
# A worker takes no more messages than it has threads. A message that waits in a worker is not merged with equal ones.
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
if CELERY_BROKER_URL.startswith("embedded:"):
    CELERY_BROKER_TRANSPORT_OPTIONS: dict[str, Any] = {"folder": str(VAR_DIR / "broker")}
    # `celery inspect` sends a message to every worker at once, which the embedded broker cannot.
    CELERY_WORKER_ENABLE_REMOTE_CONTROL = False
else:
    # A broker that accepts connections and stays silent counts as down.
    CELERY_BROKER_TRANSPORT_OPTIONS = {"socket_connect_timeout": 5, "socket_timeout": 5, "socket_keepalive": True}

# --- Accounts and tokens ---------------------------------------------------------------------------------------
AUTH_USER_MODEL = "users.User"
# E003 demands that `email` is unique. Its folded column is, which is stricter and the same on every collation.
SILENCED_SYSTEM_CHECKS = ["auth.E003"]
PASSWORD_HASHERS = ["users.hashers.Argon2"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
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

# --- The APIs --------------------------------------------------------------------------------------------------
GRAPHENE = {"SCHEMA": "core.schema.schema"}
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
    "DESCRIPTION": (
        "The catalogue, and signing in. **The cart lives in GraphQL only**, at `/graphql/`; one token opens both.\n\n"
        "Send `Authorization: Bearer …` with the `token` of `POST /api/v1/auth/token/`. Without a token the catalogue "
        "answers 401, unless the shop has opened it. Every error has the shape `Error`. Requests are limited by their "
        "cost: `RateLimit-Remaining` and `RateLimit-Reset` say what is left, and 429 says how long to wait."
    ),
    "TAGS": [
        {"name": "products", "description": "Search, products and their pictures."},
        {"name": "auth", "description": "Accounts and tokens."},
    ],
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "core.rest.openapi.complete",
    ],
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
CORS_URLS_REGEX = r"^/(graphql|api/)"
# What the GraphQL clients and tracers of browsers send by themselves.
CORS_ALLOW_HEADERS = [
    *("accept", "accept-language", "authorization", "content-type", "cache-control", "pragma", "if-none-match"),
    *("idempotency-key", "x-request-id", "x-requested-with"),
    *("apollo-require-preflight", "graphql-require-preflight"),
    *("apollographql-client-name", "apollographql-client-version"),
    *("x-apollo-operation-name", "x-apollo-operation-id", "graphql-client-name", "graphql-client-version"),
    *("traceparent", "tracestate", "baggage", "sentry-trace", "b3", "newrelic"),
    *(f"x-b3-{name}" for name in ("traceid", "spanid", "parentspanid", "sampled", "flags")),
    *(f"x-datadog-{name}" for name in ("origin", "parent-id", "sampling-priority", "trace-id", "tags")),
    *_cors_headers,
]
CORS_EXPOSE_HEADERS = [
    *("Location", "Retry-After", "WWW-Authenticate", "X-Request-ID", "ETag", "Allow"),
    # Date: a client compares the expiry of its tokens with the service's clock, not with its own.
    *("RateLimit-Remaining", "RateLimit-Reset", "Date"),
]

# --- Requests, cookies and TLS ---------------------------------------------------------------------------------
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
USE_X_FORWARDED_HOST = True
SECURE_SSL_REDIRECT = SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = _https
SECURE_HSTS_SECONDS = 31_536_000 if _https else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = _https
X_FRAME_OPTIONS = "DENY"
DATA_UPLOAD_MAX_MEMORY_SIZE = MAX_BODY_BYTES
UPLOAD_MAX_BYTES = IMAGE_MAX_BYTES
# Paths whose forms may be longer than MAX_UPLOAD_BODY_BYTES, with the bytes. Their views check who sends a form before
# they read it.
LONGER_FORMS = {f"/{ADMIN_PATH}catalog/importjob/upload/": max(MAX_UPLOAD_BODY_BYTES, IMPORT_MAX_BYTES + 2**20)}
FILE_UPLOAD_HANDLERS = [
    "core.http.uploads.SizeLimit",
    "django.core.files.uploadhandler.MemoryFileUploadHandler",
    "django.core.files.uploadhandler.TemporaryFileUploadHandler",
]

# --- Mail ------------------------------------------------------------------------------------------------------
_mail_backends = {"smtp": "users.mail.backends.SmtpBackend", "filebased": "users.mail.backends.FileBackend"}
EMAIL_BACKEND = _mail_backends.get(_mail["EMAIL_BACKEND"].split(".")[-2], _mail["EMAIL_BACKEND"])
EMAIL_FILE_PATH = _mail["EMAIL_FILE_PATH"]
EMAIL_USE_TLS, EMAIL_USE_SSL = _mail.get("EMAIL_USE_TLS", False), _mail.get("EMAIL_USE_SSL", False)
EMAIL_HOST = _mail["EMAIL_HOST"]
EMAIL_PORT = _mail["EMAIL_PORT"] or (465 if EMAIL_USE_SSL else 587 if EMAIL_USE_TLS else 25)
EMAIL_HOST_USER, EMAIL_HOST_PASSWORD = _mail["EMAIL_HOST_USER"] or "", _mail["EMAIL_HOST_PASSWORD"] or ""

# --- Files -----------------------------------------------------------------------------------------------------
STATIC_URL = "/static/"
WHITENOISE_USE_FINDERS = DEBUG
_folder_storage = "core.storage.WholeFiles"
_renditions: dict[str, Any] = {
    "BACKEND": _folder_storage,
    "OPTIONS": {"location": MEDIA_ROOT, "base_url": MEDIA_URL},
}
_originals: dict[str, Any] = {
    "BACKEND": _folder_storage,
    "OPTIONS": {"location": ORIGINALS_ROOT, "base_url": None},
}
if _bucket:
    _s3 = {
        "bucket_name": _bucket,
        "endpoint_url": _s3_endpoint or None,
        "region_name": _s3_region or None,
        "file_overwrite": True,
    }
    _renditions = {
        "BACKEND": "storages.backends.s3.S3Storage",
        "OPTIONS": {
            **_s3,
            "location": "media",
            "querystring_auth": False,
            "custom_domain": _s3_domain or None,
            "object_parameters": {"CacheControl": "public, max-age=31536000, immutable"},
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
    "private": _originals,
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if DEBUG
        else "whitenoise.storage.CompressedManifestStaticFilesStorage"
    },
}
