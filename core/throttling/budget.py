"""Budgets of cost: how much each user and each client address may use of the APIs in a window of time."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from rest_framework.exceptions import Throttled as RestThrottled
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from core.errors import Throttled
from core.http.proxies import client_address
from core.http.request_values import RequestValue
from core.throttling.budget_counters import Spending, spend
from core.throttling.limits import Limit, client_limits

# A REST request whose view has no `cost` of its own.
REST_COST = 100
# Hashing a password, in either API. It is slow and takes 100 MB on purpose.
PASSWORD_COST = 300
# Parsing and validating a new document, for each full hundred bytes; and a refused request, for each full kilobyte.
# Both are in proportion to the time that they take.
DOCUMENT_COST, REFUSED_COST = 10, 1

_spendings: RequestValue[list[Spending]] = RequestValue("spendings", [])


def preparation_cost(text: str) -> int:
    """The cost of parsing and validating a document's text."""
    return DOCUMENT_COST * (len(text.encode("utf-8", "surrogatepass")) // 100)


def refusal_cost(request: HttpRequest) -> int:
    """The cost of a refused GraphQL request: at least 1, at most GRAPHQL_MAX_COST."""
    length = request.META.get("CONTENT_LENGTH") or "0"
    size = (int(length) if length.isdecimal() else 0) + len(request.META.get("QUERY_STRING", ""))
    return min(1 + REFUSED_COST * (size // 1_000), settings.GRAPHQL_MAX_COST)


def charge(request: HttpRequest, cost: int) -> None:
    """Charges a request's cost to its address and its user. Raises Throttled when either budget is spent."""
    user = request.user
    limits: list[Limit] = []
    if settings.RATE_LIMIT_COST_ADDRESS is not None:
        limits = client_limits(settings.RATE_LIMIT_COST_ADDRESS, "cost", "address", address=client_address(request))
    if settings.RATE_LIMIT_COST_USER is not None and user.is_authenticated:
        limits.append(Limit(settings.RATE_LIMIT_COST_USER, ("cost", "user", str(user.pk))))
    _spendings.set(request, spend(*limits, amount=max(1, cost)))


def show_budget(request: HttpRequest, response: HttpResponse) -> None:
    """Sets the RateLimit headers (draft-ietf-httpapi-ratelimit-headers-07) of the budget that has the least left."""
    spendings = _spendings.get(request)
    if spendings:
        tightest = min(spendings, key=lambda spending: spending.left)
        response["RateLimit-Remaining"] = str(tightest.left)
        response["RateLimit-Reset"] = str(tightest.seconds)


class CostThrottle(BaseThrottle):
    """The same budgets for REST: 429 with Retry-After. A view's `cost` is a number, or a function of the request."""

    def allow_request(self, request: Request, view: object) -> bool:
        request._request.user = request.user
        try:
            cost = getattr(view, "cost", REST_COST)
            charge(request._request, cost(request) if callable(cost) else cost)
        except Throttled as error:
            raise RestThrottled(wait=error.retry_after) from None
        return True
