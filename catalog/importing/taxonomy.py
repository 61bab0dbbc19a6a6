"""Finds categories and brands by name, and makes those that are missing."""

from collections.abc import Iterable
from typing import NamedTuple

from catalog.models import SLUG_LENGTH, Brand, Category
from catalog.slugs import shortened, slug_of
from catalog.text import fold

Path = tuple[str, ...]


class _Node(NamedTuple):
    """What is wanted: a name below a parent (None at the root, and for brands)."""

    parent: int | None
    folded: str


class _Found(NamedTuple):
    pk: int
    slug: str


def category_ids(paths: Iterable[Path]) -> dict[Path, int]:
    """The category of each path of names from the root down, made if missing. One query a level when all are there."""
    # Paths that differ in case only are one category; the first one's spelling is kept.
    reached: dict[Path, _Found | None] = dict.fromkeys(paths)
    depth = 0
    while going := [path for path in reached if len(path) > depth]:
        wanted: dict[_Node, tuple[str, str]] = {}
        nodes: dict[Path, _Node] = {}
        for path in going:
            above = reached[path]
            nodes[path] = _Node(above.pk if above else None, fold(path[depth]))
            wanted.setdefault(nodes[path], (path[depth], above.slug if above else ""))
        found = _find_categories(wanted)
        if missing := {node: spelling for node, spelling in wanted.items() if node not in found}:
            found |= _make(Category, missing)
        for path in going:
            reached[path] = found[nodes[path]]
        depth += 1
    return {path: found.pk for path, found in reached.items() if found}


def brand_ids(names: Iterable[str]) -> dict[str, int]:
    """The brand of each name, made if missing. One query when all are there."""
    nodes = {name: _Node(None, fold(name)) for name in names}
    wanted: dict[_Node, tuple[str, str]] = {}
    for name, node in nodes.items():
        wanted.setdefault(node, (name, ""))
    rows = Brand.objects.filter(folded_name__in={node.folded for node in wanted}).order_by("-pk")
    # Of several with the same name the oldest counts: it comes last and stays.
    found = {
        _Node(None, folded): _Found(pk, slug) for folded, pk, slug in rows.values_list("folded_name", "pk", "slug")
    }
    if missing := {node: spelling for node, spelling in wanted.items() if node not in found}:
        found |= _make(Brand, missing)
    return {name: found[node].pk for name, node in nodes.items()}


def _find_categories(wanted: Iterable[_Node]) -> dict[_Node, _Found]:
    wanted = set(wanted)
    parents = {node.parent for node in wanted}
    rows = Category.objects.filter(folded_name__in={node.folded for node in wanted}).order_by("-pk")
    rows = rows.filter(parent__isnull=True) if parents == {None} else rows.filter(parent__in=parents)
    return {
        _Node(parent, folded): _Found(pk, slug)
        for parent, folded, pk, slug in rows.values_list("parent_id", "folded_name", "pk", "slug")
    }


def _make(model: type[Category] | type[Brand], missing: dict[_Node, tuple[str, str]]) -> dict[_Node, _Found]:
    """New rows under slugs that nobody has: the name's, else with the parent's before it, else numbered."""
    fallback = model._meta.model_name or ""
    candidates: dict[_Node, list[str]] = {}
    for node, (name, parent_slug) in missing.items():
        base = slug_of(name) or fallback
        longer = f"{parent_slug}-{base}" if parent_slug else base
        candidates[node] = [shortened(slug, SLUG_LENGTH) for slug in (base, longer)]
    asked = {slug for slugs in candidates.values() for slug in slugs}
    taken = set(model.objects.filter(slug__in=asked).values_list("slug", flat=True))
    slugs: dict[_Node, str] = {}
    for node, wishes in candidates.items():
        slug = next((slug for slug in wishes if slug not in taken), "") or _numbered(model, wishes[0], taken)
        taken.add(slug)
        slugs[node] = slug
    _create(model, missing, slugs)
    # MySQL does not tell the ids of rows made in bulk.
    pks = dict(model.objects.filter(slug__in=slugs.values()).values_list("slug", "pk"))
    return {node: _Found(pks[slug], slug) for node, slug in slugs.items()}


def _create(
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
