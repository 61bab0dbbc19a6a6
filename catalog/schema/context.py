"""What one request has read and listed so far, and whether its viewer may read the catalogue."""

from dataclasses import dataclass, field
from weakref import WeakKeyDictionary

from django.http import HttpRequest
from graphql import GraphQLResolveInfo

from catalog import models, policy
from catalog.attributes.selectors import Allowance, Allowances
from catalog.category_tree import CategoryTree
from core.graphql.errors import unauthenticated

# Enough for the whole tree of a large shop and the paths of a page of products.
MAX_CATEGORIES = 20_000


@dataclass
class _Use:
    """What one request has read of the category tree, and what its answer may still list."""

    tree: CategoryTree | None = None
    categories: Allowance = field(default_factory=lambda: Allowance("categories", MAX_CATEGORIES))
    allowances: Allowances = field(default_factory=Allowances)


_uses: WeakKeyDictionary[HttpRequest, _Use] = WeakKeyDictionary()


def _use(request: HttpRequest) -> _Use:
    return _uses.setdefault(request, _Use())


def tree_of(request: HttpRequest) -> CategoryTree:
    """The category tree, read at most once per request."""
    use = _use(request)
    if use.tree is None:
        use.tree = CategoryTree.load()
    return use.tree


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


def require_catalogue(info: GraphQLResolveInfo) -> None:
    """Raises UNAUTHENTICATED when the viewer may not read the catalogue."""
    if not may_read_catalogue(info):
        raise unauthenticated()


def may_read_catalogue(info: GraphQLResolveInfo) -> bool:
    return policy.may_read(info.context.user)
