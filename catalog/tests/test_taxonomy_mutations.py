"""The mutations of categories and brands."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from django.db import connection
from graphql_relay import to_global_id

from catalog import taxonomy
from catalog.category_tree import CategoryTree
from catalog.models import MAX_DEPTH, Brand, Category
from catalog.tests.factories import BrandFactory, CategoryFactory, ProductFactory
from core.auth.policy import SYSTEM
from core.errors import ErrorCode, InvalidInput
from core.tests.clients import Api

ERRORS = "errors { field code message }"
CATEGORY = f"{{ category {{ id name slug parent {{ slug }} path {{ slug }} }} {ERRORS} }}"
BRAND = f"{{ brand {{ id name slug }} {ERRORS} }}"
DOCUMENTS = {
    f"{name}{verb}": f"mutation($input: {name.title()}{verb}Input!) {{ payload: {name}{verb}(input: $input) {shown} }}"
    for name, shown in (("category", CATEGORY), ("brand", BRAND))
    for verb in ("Create", "Update")
} | {
    f"{name}Delete": f"mutation($id: ID!) {{ payload: {name}Delete(id: $id) {shown} }}"
    for name, shown in (("category", CATEGORY), ("brand", BRAND))
}
KINDS = [("category", CategoryFactory), ("brand", BrandFactory)]


def change(api: Api, mutation: str, **given: Any) -> dict[str, Any]:
    variables = given if mutation.endswith("Delete") else {"input": given}
    payload: dict[str, Any] = api.graphql(DOCUMENTS[mutation], **variables)["payload"]
    return payload


def codes(payload: dict[str, Any]) -> set[tuple[str, str]]:
    """The errors as (path, code). With errors there is no row."""
    assert ((payload.get("category") or payload.get("brand")) is None) == bool(payload["errors"])
    return {(".".join(error["field"] or []), error["code"]) for error in payload["errors"]}


def id_of(row: Any) -> str:
    return to_global_id(type(row).__name__, row.pk)


def test_a_tree_is_made_moved_and_taken_down(staff: Api, shopper: Api) -> None:
    home = change(staff, "categoryCreate", name=" Home \t goods ")["category"]
    assert (home["name"], home["slug"], home["parent"]) == ("Home goods", "home-goods", None)
    lamps = change(staff, "categoryCreate", name="Lamps", slug="Licht", parent="home-goods")["category"]
    assert lamps["path"] == [{"slug": "home-goods"}, {"slug": "Licht"}]
    assert shopper.graphql("{ categories { slug children { slug } } }")["categories"] == [
        {"slug": "home-goods", "children": [{"slug": "Licht"}]}
    ]
    assert change(staff, "categoryUpdate", id=lamps["id"], name="Lights")["category"] == {**lamps, "name": "Lights"}
    assert change(staff, "categoryUpdate", id=lamps["id"], parent=None)["category"]["path"] == [{"slug": "Licht"}]
    assert change(staff, "categoryUpdate", id=home["id"], parent="Licht")["category"]["parent"] == {"slug": "Licht"}
    assert codes(change(staff, "categoryDelete", id=lamps["id"])) == {("id", "INVALID")}
    assert change(staff, "categoryDelete", id=home["id"])["category"]["id"] == home["id"]
    assert codes(change(staff, "categoryDelete", id=home["id"])) == {("id", "NOT_FOUND")}
    assert [row.slug for row in Category.objects.all()] == ["Licht"]


def test_one_document_sees_its_own_changes(staff: Api) -> None:
    answer = staff.graphql(
        f"""mutation {{ a: categoryCreate(input: {{name: "A"}}) {CATEGORY}
                        b: categoryCreate(input: {{name: "B", parent: "a"}}) {CATEGORY} }}"""
    )
    assert answer["b"]["category"]["path"] == [{"slug": "a"}, {"slug": "b"}]


def test_a_brand_is_made_changed_and_deleted(staff: Api) -> None:
    brand = change(staff, "brandCreate", name="Møllegård")["brand"]
    assert (brand["name"], brand["slug"]) == ("Møllegård", "møllegård")
    assert change(staff, "brandUpdate", id=brand["id"], slug="moelle")["brand"] == {**brand, "slug": "moelle"}
    assert change(staff, "brandDelete", id=brand["id"])["brand"]["id"] == brand["id"]
    assert not Brand.objects.exists()


@pytest.mark.parametrize(("kind", "factory"), KINDS)
def test_what_is_in_use_stays_and_the_message_counts(staff: Api, kind: str, factory: Any) -> None:
    used = factory(name="Linum")
    for _ in range(2):
        ProductFactory(**{kind: used}, is_active=False)
    expected = "2 products"
    if kind == "category":
        CategoryFactory(parent=used)
        expected += " and 1 category below it"
    payload = change(staff, f"{kind}Delete", id=id_of(used))
    assert codes(payload) == {("id", "INVALID")}
    assert f"“Linum” still has {expected}." in payload["errors"][0]["message"]
    assert type(used).objects.filter(pk=used.pk).exists()


@pytest.mark.parametrize(("kind", "factory"), KINDS)
def test_slugs_of_names_are_free_and_of_any_script(staff: Api, kind: str, factory: Any) -> None:
    names = ("Lamp", "Lamp", "!?", "灯", "ภาษาไทย", "x" * 255, "\u200b", "C++", "İstanbul", "\ufdfa" * 255)
    rows = [change(staff, f"{kind}Create", name=name, slug=None)[kind] for name in names]
    assert [row["slug"] for row in rows[:6]] == ["lamp", "lamp-2", kind, "灯", "ภาษาไทย", "x" * 245]
    assert len({row["slug"] for row in rows}) == len(names)


REFUSED = [
    *(("name", value, "REQUIRED") for value in ("", " ", "\t\n\u3000")),
    ("name", "x" * 256, "INVALID"),
    ("slug", "", "REQUIRED"),
    ("slug", "taken", "ALREADY_EXISTS"),
    *(("slug", value, "INVALID") for value in ("a b", "a/b", "x" * 256, "a\u200b", "🎉", "x" * 100_000)),
    *(("parent", value, "NOT_FOUND") for value in ("", "Lamps", "x" * 10_000, "🎉")),
]


@pytest.mark.parametrize(("kind", "factory"), KINDS)
def test_refuses(staff: Api, kind: str, factory: Any) -> None:
    row, _ = factory(slug="here"), factory(slug="taken")
    for field, value, code in REFUSED:
        if (kind, field) != ("brand", "parent"):
            assert codes(change(staff, f"{kind}Create", **{"name": "New", field: value})) == {(field, code)}
            assert codes(change(staff, f"{kind}Update", id=id_of(row), **{field: value})) == {(field, code)}
    assert type(row).objects.count() == 2


def test_null_is_refused_where_a_value_is_needed_and_every_mistake_is_told(staff: Api) -> None:
    row = id_of(CategoryFactory())
    given = {"id": row, "name": None, "slug": None, "parent": "nothing"}
    assert codes(change(staff, "categoryUpdate", **given)) == {
        *(("name", "REQUIRED"), ("slug", "REQUIRED"), ("parent", "NOT_FOUND"))
    }
    for wrong in ("", "x", id_of(BrandFactory()), to_global_id("Category", 2**63), to_global_id("Category", -1)):
        assert codes(change(staff, "categoryUpdate", id=wrong, name="x")) == {("id", "NOT_FOUND")}
        assert codes(change(staff, "categoryDelete", id=wrong)) == {("id", "NOT_FOUND")}
    error = staff.error(DOCUMENTS["brandCreate"], input={"name": "a\x00"})
    assert (error["code"], error["field"]) == ("BAD_USER_INPUT", "input.name")


def test_no_category_lies_below_itself(staff: Api) -> None:
    root = CategoryFactory()
    leaf = CategoryFactory(parent=CategoryFactory(parent=root))
    for parent in (root.slug, leaf.slug):
        assert codes(change(staff, "categoryUpdate", id=id_of(root), parent=parent)) == {("parent", "INVALID")}
    assert Category.objects.get(pk=root.pk).parent_id is None


def test_a_tree_has_at_most_ten_levels(staff: Api) -> None:
    path = [CategoryFactory()]
    while len(path) < MAX_DEPTH:
        path.append(CategoryFactory(parent=path[-1]))
    too_deep = {("parent", "INVALID")}
    assert codes(change(staff, "categoryCreate", name="Deeper", parent=path[-1].slug)) == too_deep
    pair = CategoryFactory()
    CategoryFactory(parent=pair)
    assert codes(change(staff, "categoryUpdate", id=id_of(pair), parent=path[-2].slug)) == too_deep
    assert codes(change(staff, "categoryUpdate", id=id_of(pair), parent=path[-3].slug)) == set()
    # What was deeper before there was a limit can still be renamed.
    deepest = CategoryFactory(parent=path[-1])
    assert codes(change(staff, "categoryUpdate", id=id_of(deepest), name="Other")) == set()


@pytest.mark.mysql
@pytest.mark.django_db(transaction=True)
def test_two_moves_at_once_make_no_cycle() -> None:
    """One of the two comes second, and sees what the first has done."""
    try:
        for _ in range(10):
            a, b = CategoryFactory(), CategoryFactory()
            # Below a child of the other one: the foreign keys lock nothing that both write.
            below = CategoryFactory(parent=b), CategoryFactory(parent=a)
            barrier = Barrier(2)

            def move(row: Category, below: Category, barrier: Barrier = barrier) -> bool:
                try:
                    connection.ensure_connection()
                    barrier.wait()
                    taxonomy.update_category(actor=SYSTEM, category_id=row.pk, fields={"parent": below.slug})
                except InvalidInput as error:
                    return error.field_errors[0].path != ("parent",)
                finally:
                    connection.close()
                return True

            with ThreadPoolExecutor(2) as pool:
                moved = [*pool.map(move, (a, b), below)]
            assert sorted(moved) == [False, True]
            assert len(CategoryTree.load().path(below[0])) == 2 + 2 * moved[1]
    finally:
        Category.objects.update(parent=None)
        Category.objects.all().delete()


@pytest.mark.mysql
@pytest.mark.django_db(transaction=True)
def test_two_of_one_slug_at_once_are_one() -> None:
    barrier = Barrier(2)

    def create(slug: str) -> set[ErrorCode]:
        try:
            connection.ensure_connection()
            barrier.wait()
            taxonomy.create_brand(actor=SYSTEM, fields={"name": "Linum", "slug": slug})
        except InvalidInput as error:
            return {each.code for each in error.field_errors}
        finally:
            connection.close()
        return set()

    with ThreadPoolExecutor(2) as pool:
        outcomes = [*pool.map(create, ("linum", "linum"))]
    assert sorted(outcomes, key=len) == [set(), {ErrorCode.ALREADY_EXISTS}]
