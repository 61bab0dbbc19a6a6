"""What one request has read and listed so far, and whether its viewer may read the catalogue."""

from dataclasses import dataclass, field

from django.http import HttpRequest
from graphql import GraphQLResolveInfo

from catalog import models, policy
from catalog.attributes.selectors import Allowance, Allowances
from catalog.category_tree import CategoryTree
from catalog.kept import category_tree
from core.graphql.errors import unauthenticated
from core.http.request_values import RequestValue

# Enough for the whole tree of a large shop and the paths of a page of products.
MAX_CATEGORIES = 20_000


@dataclass
class _Use:
    """What one request has read of the category tree, and what its answer may still list."""

    tree: CategoryTree | None = None
    categories: Allowance = field(default_factory=lambda: Allowance("categories", MAX_CATEGORIES))
    allowances: Allowances = field(default_factory=Allowances)


_uses: RequestValue[_Use | None] = RequestValue("catalogue_use", None)


def _use(request: HttpRequest) -> _Use:
    use = _uses.get(request)
    if use is None:
        _uses.set(request, use := _Use())
    return use


def tree_of(request: HttpRequest) -> CategoryTree:
    """The category tree, read at most once per request, and only if it is not kept."""
    use = _use(request)
    if use.tree is None:
        use.tree = category_tree()
    return use.tree


def forget_tree(request: HttpRequest) -> None:
    """To be called after a change of categories: the next selection reads the tree anew."""
    _use(request).tree = None


def known_tree(request: HttpRequest) -> CategoryTree | None:
    """The category tree, if this request has read it already."""
    return _use(request).tree


def allowances_of(request: HttpRequest) -> Allowances:
    """What the answer to this request may still read and list of groups and attributes."""
    return _use(request).allowances


def shown(info: GraphQLResolveInfo, categories: list[models.Category]) -> list[models.Category]:
    """The categories, which become one list of the answer. Raises LimitExceeded when its lists grow too long together.

    The cost of a query cannot bound them in advance, since these lists have no page size: a query for the children of
    the parents of children could list a million.
    """
    _use(info.context).categories.take(len(categories))
    return categories


def require_user(info: GraphQLResolveInfo) -> None:
    """Raises UNAUTHENTICATED without a token."""
    if not info.context.user.is_authenticated:
        raise unauthenticated()


def require_catalogue(info: GraphQLResolveInfo) -> None:
    """Raises UNAUTHENTICATED when the viewer may not read the catalogue."""
    if not may_read_catalogue(info):
        raise unauthenticated()


def may_read_catalogue(info: GraphQLResolveInfo) -> bool:
    return policy.may_read(info.context.user)
