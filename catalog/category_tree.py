"""The category tree, read by one query. That is fast enough, since a shop has hundreds of categories, not a million."""

from collections import defaultdict
from collections.abc import Iterable, Iterator

from catalog.models import Category
from catalog.slugs import normal_form
from core.db.prepared import instances

_COLUMNS = ("id", "name", "slug", "parent_id", "folded_name")


class CategoryTree:
    """All categories. Its methods make no further queries."""

    def __init__(self, categories: Iterable[Category]) -> None:
        ordered = sorted(categories, key=lambda category: (category.folded_name, category.pk))
        self.by_id = {category.pk: category for category in ordered}
        self._by_slug = {category.slug: category for category in ordered}
        self._children: dict[int | None, list[Category]] = defaultdict(list)
        for category in ordered:
            self._children[category.parent_id].append(category)

    @classmethod
    def load(cls) -> "CategoryTree":
        """Reads the tree from the database: one query."""
        rows = Category.objects.order_by().values_list(*_COLUMNS)
        return cls(instances(Category, _COLUMNS, rows).values())

    def with_slug(self, slug: str) -> Category | None:
        return self._by_slug.get(normal_form(slug))

    def named(self, name: str) -> list[Category]:
        """Every category of exactly this name."""
        return [category for category in self.by_id.values() if category.name == name]

    def children(self, parent_id: int | None) -> list[Category]:
        """The categories right below one, or the roots for None, by name."""
        return self._children.get(parent_id, [])

    def parent(self, category: Category) -> Category | None:
        return self.by_id.get(category.parent_id) if category.parent_id else None

    def path(self, category: Category) -> list[Category]:
        """The categories from the root down to this one, itself included."""
        upward: dict[int, Category] = {}
        ancestor: Category | None = self.by_id.get(category.pk, category)
        # A tree that was edited past the models may have a cycle.
        while ancestor is not None and ancestor.pk not in upward:
            upward[ancestor.pk] = ancestor
            ancestor = self.parent(ancestor)
        return [*upward.values()][::-1]

    def subtree(self, roots: Iterable[int]) -> frozenset[int]:
        """The ids of the categories and of all below them."""
        ids: set[int] = set()
        waiting = list(roots)
        while waiting:
            category_id = waiting.pop()
            if category_id not in ids:
                ids.add(category_id)
                waiting += [child.pk for child in self.children(category_id)]
        return frozenset(ids)


def walk(tree: CategoryTree) -> Iterator[tuple[Category, int]]:
    """Every category with its depth (0 for a root), parents before children. Categories in a cycle come last."""
    visited: set[int] = set()
    waiting = [(root, 0) for root in reversed(tree.children(None))]
    while waiting:
        category, depth = waiting.pop()
        visited.add(category.pk)
        yield category, depth
        waiting += [(child, depth + 1) for child in reversed(tree.children(category.pk))]
    yield from ((category, 0) for category in tree.by_id.values() if category.pk not in visited)


def path_text(tree: CategoryTree, category: Category) -> str:
    """The names of the categories from the root down to this one."""
    return " › ".join(above.name for above in tree.path(category))
