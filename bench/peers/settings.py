"""Settings of a peer: Vitrine's database, key and models, and nothing else of it. PEER says which one."""

import os

from core.settings import *
from core.settings import JWT_SECRET_KEY, env

PEER = os.environ["PEER"]
_APPS = [f"bench.peers.apps.{name}" for name in ("Core", "Users", "Catalog", "Cart")]
INSTALLED_APPS = ["django.contrib.contenttypes", "django.contrib.auth", *_APPS]
MIDDLEWARE = []
ROOT_URLCONF = f"bench.peers.{PEER}"
DEBUG = False
ALLOWED_HOSTS = ["*"]
SECURE_SSL_REDIRECT = False
if PEER == "stock":
    INSTALLED_APPS += ["graphene_django", "django_filters"]
    AUTHENTICATION_BACKENDS = ["graphql_jwt.backends.JSONWebTokenBackend", "django.contrib.auth.backends.ModelBackend"]
    GRAPHENE = {"SCHEMA": "bench.peers.stock.schema", "MIDDLEWARE": ["graphql_jwt.middleware.JSONWebTokenMiddleware"]}
    GRAPHQL_JWT = {
        "JWT_SECRET_KEY": JWT_SECRET_KEY,
        "JWT_AUTH_HEADER_PREFIX": "Bearer",
        "JWT_VERIFY_EXPIRATION": True,
        "JWT_PAYLOAD_GET_USERNAME_HANDLER": lambda payload: payload.get("sub"),
        "JWT_GET_USER_BY_NATURAL_KEY_HANDLER": "bench.peers.stock.user_of",
    }
CURRENCY = env.text("CURRENCY", "EUR")
