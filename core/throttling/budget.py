"""How much the APIs may be asked in a while: a budget of cost for each user and each client address, in the cache."""

from collections.abc import Sequence

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from rest_framework.exceptions import Throttled as RestThrottled
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from core.errors import Throttled
from core.http.proxies import client_address
from core.throttling import counting
from core.throttling.counting import Limit, Taken

# What a REST request costs whose view has no `cost` of its own.
REST_COST = 100
# What hashing a password costs in either: it is slow, and takes 100 MB, on purpose.
PASSWORD_COST = 300
# What reading and validating a document costs that is not known yet, for each full hundred bytes of it; and what a
# request that is refused costs, for each full kilobyte that was read of it. Both by the time that they take.
DOCUMENT_COST, REFUSED_COST = 10, 1


def preparation_cost(text: str) -> int:
    """The cost of a document's text that has to be read and validated."""
    return DOCUMENT_COST * (len(text.encode("utf-8", "surrogatepass")) // 100)


def refusal_cost(request: HttpRequest) -> int:
    """The cost of a GraphQL request that is refused: at least 1, at most what the dearest operation costs."""
    length = request.META.get("CONTENT_LENGTH") or "0"
    size = (int(length) if length.isdecimal() else 0) + len(request.META.get("QUERY_STRING", ""))
    return min(1 + REFUSED_COST * (size // 1_000), settings.GRAPHQL_MAX_COST)


def charge(request: HttpRequest, cost: int) -> None:
    """Takes a request's cost from its budgets and keeps what is left for the response's headers. Raises Throttled."""
    user = request.user
    limits = counting.for_client(settings.RATE_LIMIT_COST_ADDRESS, "cost", "address", address=client_address(request))
    if user.is_authenticated:
        limits.append(Limit(settings.RATE_LIMIT_COST_USER, ("cost", "user", str(user.pk))))
    request.budgets = counting.take(*limits, amount=max(1, cost))  # type: ignore[attr-defined]


def show_budget(request: HttpRequest, response: HttpResponse) -> None:
    """RateLimit headers (draft-ietf-httpapi-ratelimit-headers-07, three fields) of the budget that ends first."""
    budgets: Sequence[Taken] = getattr(request, "budgets", ())
    if budgets:
        tightest = min(budgets, key=lambda budget: budget.left)
        response["RateLimit-Remaining"] = str(tightest.left)
        response["RateLimit-Reset"] = str(tightest.seconds)


class CostThrottle(BaseThrottle):
    """The same budgets for REST: 429 with Retry-After. A view's `cost` is what a request costs, or a function of it."""

    def allow_request(self, request: Request, view: object) -> bool:
        """True. Raises Throttled (429) when a budget is spent."""
        request._request.user = request.user
        try:
            cost = getattr(view, "cost", REST_COST)
            charge(request._request, cost(request) if callable(cost) else cost)
        except Throttled as spent:
            raise RestThrottled(wait=spent.retry_after) from None
        return True
