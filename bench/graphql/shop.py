"""The shop that bench.graphql asks: settings, database, catalogue, index, a user with a token and a cart."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit

LINES = 5


@dataclass
class Shop:
    """The user's token, a cart line's global id, and what questions need: slugs by how often they are drawn."""

    vendor: str
    token: str
    line: str
    categories: list[str]
    brands: list[str]
    products: list[str]


def environment_for(folder: str) -> dict[str, str]:
    """Settings of a production shop with everything in this folder, but for the database if DATABASE_URL names MySQL."""
    url = os.environ.get("DATABASE_URL", "")
    mysql = url.startswith("mysql:")
    url = (
        urlsplit(url)._replace(path=f"/bench_graphql_{os.getpid()}").geturl()
        if mysql
        else f"sqlite:///{folder}/db.sqlite3"
    )
    secrets = {"DEBUG": "0", "SECRET_KEY": "b" * 32, "JWT_SECRET_KEY": "b" * 32, "INSECURE_HTTP": "1"}
    secrets |= {"SITE_URL": "https://shop.example", "EMAIL_URL": "smtp://127.0.0.1"}
    # Servers make folders for their metrics in TMPDIR.
    places = {"VAR_DIR": folder, "TMPDIR": folder, "ALLOWED_HOSTS": "127.0.0.1", "DATABASE_URL": url}
    # The others have neither logs nor rate limits.
    limits = {"LOG_LEVEL": "ERROR", "RATE_LIMIT_COST_USER": "off", "RATE_LIMIT_COST_ADDRESS": "off"}
    return {**secrets, **places, **limits, "DJANGO_SETTINGS_MODULE": "core.settings"}


@contextmanager
def opened(size: int) -> Iterator[Shop]:
    """The filled shop of the settings in the environment; its MySQL database goes in the end."""
    import django

    django.setup()
    from bench.cart_server import drop_database

    try:
        yield _fill(size)
    finally:
        drop_database()


def _fill(size: int) -> Shop:
    from datetime import timedelta

    from django.contrib.auth import get_user_model
    from django.core.management import call_command
    from django.db import connection, connections
    from graphql_jwt.settings import jwt_settings
    from graphql_relay import to_global_id

    from bench.cart_server import create_database
    from bench.catalogue import fill
    from cart.planning import LineChange
    from cart.services import add_cart_lines
    from catalog.models import Brand, Category, Product
    from core.auth import tokens

    create_database()
    fill(size)
    call_command("rebuild_index", verbosity=0)
    jwt_settings.JWT_EXPIRATION_DELTA = timedelta(hours=12)
    user = get_user_model().objects.create_user("bench@example.com")
    keys = Product.objects.filter(quantity__gte=5).values_list("pk", flat=True)[:LINES]
    cart = add_cart_lines(actor=user, lines=[LineChange(key, 2) for key in keys], address="")
    slugs = [
        list(model._default_manager.order_by("pk").values_list("slug", flat=True))
        for model in (Category, Brand, Product)
    ]
    connections.close_all()
    line = to_global_id("CartLine", cart.contents[0].pk)
    return Shop(connection.display_name, tokens.issue(user).token, line, *slugs)
