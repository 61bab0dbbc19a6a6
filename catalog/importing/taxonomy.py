"""Finds categories and brands by name, and creates those that are missing."""

from collections.abc import Collection, Iterable
from typing import NamedTuple

from django.db.models import Q

from catalog.models import SLUG_LENGTH, Brand, Category
from catalog.slugs import shortened, slug_of
from catalog.text import plain

Path = tuple[str, ...]


class _Node(NamedTuple):
    """A category's folded name and its parent's id, None at the root. A brand has no parent."""

    parent: int | None
    folded: str


class _Row(NamedTuple):
    pk: int
    slug: str


def category_ids(paths: Iterable[Path], *, create: bool = True) -> dict[Path, int]:
    """The ids of the categories with these paths. Makes one query a level if none is missing.

    Creates missing ones, or leaves them out.
    """
    # Paths that differ only in case are one category. It is spelled as in the first of these paths.
    reached: dict[Path, _Row | None] = dict.fromkeys(paths)
    depth = 0
    while deeper := [path for path, row in reached.items() if len(path) > depth and (row or not depth)]:
        # The name and the parent's slug of each category.
        spellings: dict[_Node, tuple[str, str]] = {}
        nodes: dict[Path, _Node] = {}
        for path in deeper:
            parent = reached[path]
            nodes[path] = _Node(parent.pk if parent else None, plain(path[depth]))
            spellings.setdefault(nodes[path], (path[depth], parent.slug if parent else ""))
        rows = _find_categories(spellings)
        missing = {node: spelling for node, spelling in spellings.items() if node not in rows}
        if missing and create:
            rows |= _create(Category, missing)
        for path in deeper:
            reached[path] = rows.get(nodes[path])
        depth += 1
    return {path: row.pk for path, row in reached.items() if row}


def brand_ids(names: Iterable[str], *, create: bool = True) -> dict[str, int]:
    """The ids of the brands with these names. Makes one query if none is missing. Creates missing ones if it may."""
    nodes = {name: _Node(None, plain(name)) for name in names}
    spellings: dict[_Node, tuple[str, str]] = {}
    for name, node in nodes.items():
        spellings.setdefault(node, (name, ""))
    # The oldest of several brands with one name is used: it comes last and overwrites the others.
    brands = Brand.objects.filter(folded_name__in={node.folded for node in spellings}).order_by("-pk")
    rows = {_Node(None, folded): _Row(pk, slug) for folded, pk, slug in brands.values_list("folded_name", "pk", "slug")}
    missing = {node: spelling for node, spelling in spellings.items() if node not in rows}
    if missing and create:
        rows |= _create(Brand, missing)
    return {name: rows[node].pk for name, node in nodes.items() if node in rows}


def _find_categories(nodes: Collection[_Node]) -> dict[_Node, _Row]:
    parents = {node.parent for node in nodes}
    # At the first level no node has a parent; below it every node has one.
    in_parents = Q(parent__isnull=True) if parents == {None} else Q(parent__in=parents)
    categories = Category.objects.filter(in_parents, folded_name__in={node.folded for node in nodes}).order_by("-pk")
    return {
        _Node(parent, folded): _Row(pk, slug)
        for parent, folded, pk, slug in categories.values_list("parent_id", "folded_name", "pk", "slug")
    }


def _create(model: type[Category] | type[Brand], missing: dict[_Node, tuple[str, str]]) -> dict[_Node, _Row]:
    """Creates rows. A slug is made of the name, or of the parent's slug and the name, or is numbered."""
    fallback = model._meta.model_name or ""
    candidates: dict[_Node, list[str]] = {}
    for node, (name, parent_slug) in missing.items():
        base = slug_of(name) or fallback
        longer = f"{parent_slug}-{base}" if parent_slug else base
        candidates[node] = [shortened(slug, SLUG_LENGTH) for slug in (base, longer)]
    all_candidates = {slug for slugs in candidates.values() for slug in slugs}
    taken = set(model.objects.filter(slug__in=all_candidates).values_list("slug", flat=True))
    slugs: dict[_Node, str] = {}
    for node, preferred in candidates.items():
        slug = next((slug for slug in preferred if slug not in taken), "") or _numbered(model, preferred[0], taken)
        taken.add(slug)
        slugs[node] = slug
    _insert(model, missing, slugs)
    # MySQL does not return the ids of rows that are inserted in bulk.
    pks = dict(model.objects.filter(slug__in=slugs.values()).values_list("slug", "pk"))
    return {node: _Row(pks[slug], slug) for node, slug in slugs.items()}


def _insert(
    model: type[Category] | type[Brand], missing: dict[_Node, tuple[str, str]], slugs: dict[_Node, str]
) -> None:
    if model is Brand:
        Brand.objects.bulk_create(
            Brand(name=name, slug=slugs[node], folded_name=node.folded) for node, (name, _) in missing.items()
        )
    else:
        Category.objects.bulk_create(
            Category(name=name, slug=slugs[node], folded_name=node.folded, parent_id=node.parent)
            for node, (name, _) in missing.items()
        )


def _numbered(model: type[Category] | type[Brand], base: str, taken: set[str]) -> str:
    number = 2
    while True:
        ending = f"-{number}"
        slug = shortened(base, SLUG_LENGTH - len(ending)) + ending
        if slug not in taken and not model.objects.filter(slug=slug).exists():
            return slug
        number += 1
