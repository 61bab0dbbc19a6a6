"""The landing page, GraphiQL, Swagger UI and security.txt. The pages load nothing from other hosts."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.template.loader import render_to_string
from django.templatetags.static import static
from django.utils.cache import patch_vary_headers
from django.views.decorators.http import require_safe

from core.graphql.own_documents import OWN_DOCUMENTS

# Must be less than a year (RFC 9116 §2.5.5).
SECURITY_TXT_LIFETIME = timedelta(days=180)

# Where `make run` listens and `make storefront` looks for it, unless they are told otherwise.
USUAL_ORIGINS = ("http://127.0.0.1:8000", "http://localhost:8000")
# The landing page's links in its order: (path, name, what it is).
LINKS = (
    ("/graphql/", "GraphiQL", "Try the GraphQL API: pick an example, change it, run it."),
    ("/api/docs/", "Swagger UI", "Try the REST API: search and product pages, with every parameter and error."),
    ("/api/schema/", "OpenAPI schema", "The REST API as an OpenAPI 3 document, for generators and clients."),
    ("/admin/", "Admin", "For staff: products, categories, brands and accounts."),
    ("/healthz", "Alive?", "Answers as long as the process lives."),
    ("/readyz", "Ready?", "Each dependency with its state."),
)


@dataclass(frozen=True)
class Accounts:
    """Two accounts that anybody may try, and the password of both."""

    shopper: str
    staff: str
    password: str


_accounts: Accounts | None = None


def register_accounts(accounts: Accounts) -> None:
    """Shows the accounts, and fills them into sign-in boxes, while DEBUG is on."""
    global _accounts
    _accounts = accounts


def shown_accounts() -> Accounts | None:
    """The accounts to show; None without DEBUG."""
    return _accounts if settings.DEBUG else None


def make_storefront(origin: str) -> str:
    """The command that starts the example storefront beside the service at this origin."""
    return "make storefront" if origin in USUAL_ORIGINS else f"make storefront VITE_VITRINE_URL={origin}"


def _shared(page: str) -> dict[str, object]:
    """What every page's template needs. The admin is linked only at its usual path: another one is hidden."""
    is_usual = settings.ADMIN_PATH == "admin/"
    return {"page": page, "accounts": shown_accounts(), "admin": is_usual, "documents": OWN_DOCUMENTS}


@require_safe
def security_txt(request: HttpRequest) -> HttpResponse:
    """GET: where to report a vulnerability (RFC 9116); 404 without SECURITY_CONTACT."""
    if not settings.SECURITY_CONTACT:
        raise Http404
    # The date is computed for each request, so the file never expires.
    expires = (datetime.now(UTC) + SECURITY_TXT_LIFETIME).replace(hour=0, minute=0, second=0)
    lines = [f"Contact: {contact}" for contact in settings.SECURITY_CONTACT]
    lines += [f"Expires: {expires:%Y-%m-%dT%H:%M:%SZ}", "Preferred-Languages: en"]
    lines += [f"Canonical: {request.build_absolute_uri(request.path)}"]
    return HttpResponse("\n".join(lines) + "\n", content_type="text/plain; charset=utf-8")


@require_safe
def favicon(request: HttpRequest) -> HttpResponse:
    """The icon that browsers request for pages without one of their own, such as the admin's pages and JSON."""
    return redirect(static("core/favicon.svg"))


@require_safe
def landing(request: HttpRequest) -> HttpResponse:
    """The landing page: the way to the shop, links, and a first query to paste into a terminal."""
    origin = request.build_absolute_uri("/").rstrip("/")
    context = {
        **_shared("landing"),
        "debug": settings.DEBUG,
        "shop_name": settings.SHOP_NAME,
        "storefront": settings.STOREFRONT_URL,
        "storefront_name": settings.STOREFRONT_URL.partition("://")[2],
        "is_public": settings.CATALOG_PUBLIC,
        "guest_carts": settings.GUEST_CARTS,
        "links": [link for link in LINKS if link[0] != "/admin/" or settings.ADMIN_PATH == "admin/"],
        "origin": origin,
        "make_storefront": make_storefront(origin),
    }
    return render(request, "core/landing.html", context)


@require_safe
def graphiql(request: HttpRequest) -> HttpResponse:
    """GraphiQL with a sign-in box and example queries: the answer to a browser's GET of /graphql/."""
    context = {
        **_shared("graphiql"),
        "catalog_public": settings.CATALOG_PUBLIC,
        "guest_carts": settings.GUEST_CARTS,
        "introspection": settings.GRAPHQL_INTROSPECTION,
        "trusted_only": settings.GRAPHQL_TRUSTED_ONLY,
    }
    response = render(request, "core/graphiql.html", context)
    patch_vary_headers(response, ["Accept"])
    return response


@require_safe
def swagger(request: HttpRequest) -> HttpResponse:
    """Swagger UI over /api/schema/."""
    return render(request, "core/swagger.html", _shared("swagger"))


def openapi(request: HttpRequest, document: str) -> str:
    """The page of /api/schema/ that shows the OpenAPI document, which is YAML, to a browser."""
    return render_to_string("core/openapi.html", {**_shared("openapi"), "document": document}, request)
