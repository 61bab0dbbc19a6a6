"""Who may write by GraphQL and REST: everybody tries every mutation of the schema and every path of the URL conf."""

import json
import re

import pytest
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import URLPattern, URLResolver, get_resolver
from graphql_relay import to_global_id

from catalog.images.services import image_upload
from catalog.images.tests.pictures import jpeg
from catalog.models import Brand, Category, Product, ProductImage
from catalog.tests.factories import BrandFactory, CategoryFactory, ProductFactory
from core.auth import tokens
from core.auth.policy import SYSTEM
from core.schema import schema
from core.tests.actors import ACTORS, actor, holder, may, state
from core.tests.clients import Api
from users.models import User
from users.tests.factories import UserFactory

pytestmark = pytest.mark.django_db

# What each mutation wants of its caller. A new mutation must be told here who may.
ANYONE, SIGNED_IN, SHOPPER = "anyone", "whoever is signed in", "whoever is signed in, and guests"
MUTATIONS = {
    **dict.fromkeys(["register", "tokenAuth", "refreshToken", "verifyToken", "revokeToken"], ANYONE),
    "guestTokenCreate": ANYONE,
    **dict.fromkeys(["passwordResetRequest", "passwordReset", "emailChangeConfirm"], ANYONE),
    **dict.fromkeys(["revokeAllTokens", "passwordChange"], SIGNED_IN),
    **dict.fromkeys(["profileUpdate", "emailChangeRequest", "accountDelete"], SIGNED_IN),
    **dict.fromkeys(["cartLinesAdd", "cartLinesUpdate", "cartLinesRemove", "cartClear"], SHOPPER),
    "productCreate": "catalog.add_product",
    "productUpdate": "catalog.change_product",
    "productDelete": "catalog.delete_product",
    "inventoryUpdate": "catalog.change_product",
    "categoryCreate": "catalog.add_category",
    "categoryUpdate": "catalog.change_category",
    "categoryDelete": "catalog.delete_category",
    "brandCreate": "catalog.add_brand",
    "brandUpdate": "catalog.change_brand",
    "brandDelete": "catalog.delete_brand",
    "productImageUpload": "catalog.add_productimage",
    "productImageUpdate": "catalog.change_productimage",
    "productImageDelete": "catalog.delete_productimage",
}
# The same for every method and path of REST that is not safe.
PATHS = {
    ("post", "api/v1/auth/register/"): ANYONE,
    ("post", "api/v1/auth/token/"): ANYONE,
    ("post", "api/v1/auth/token/refresh/"): ANYONE,
    ("post", "api/v1/products/<str:slug>/images/"): "catalog.add_productimage",
}
BY_PERMISSION = [name for name, needed in MUTATIONS.items() if "." in needed]
KINDS = [*ACTORS, "holder", "guest"]
# They are asked to sign in.
NOT_SIGNED_IN = ("nobody", "guest", "ended")


@pytest.fixture
def lamp():
    return ProductFactory(name="Lamp", slug="lamp", price=10)


@pytest.fixture
def image(lamp):
    return image_upload(actor=SYSTEM, product_id=lamp.pk, file=SimpleUploadedFile("a.jpg", jpeg(40, 30))).image


@pytest.fixture(autouse=True)
def guest_carts(settings):
    settings.GUEST_CARTS = True


def api_of(kind, needed):
    if kind == "guest":
        return Api(token=tokens.issue_for_guest().token)
    user = holder(needed) if kind == "holder" else actor(kind, needed)
    api = Api(user)
    if kind == "ended":
        User.objects.filter(pk=user.pk).update(is_active=False)
    return api


def send(api, mutation, given):
    """The answer to the mutation with its input or its id; a file goes by the multipart specification."""
    arguments = schema.graphql_schema.mutation_type.fields[mutation].args
    if "input" not in arguments:
        query = f"mutation($id: ID!) {{ payload: {mutation}(id: $id) {{ errors {{ code field }} }} }}"
        return api.post(query, **given).json()
    kind = arguments["input"].type
    query = f"mutation($input: {kind}) {{ payload: {mutation}(input: $input) {{ errors {{ code field }} }} }}"
    if "image" not in given:
        return api.post(query, input=given).json()
    operations = json.dumps({"query": query, "variables": {"input": {**given, "image": None}}})
    form = {"operations": operations, "map": '{"0": ["variables.input.image"]}', "0": given["image"]}
    return api.client.post("/graphql/", form, headers={**api.headers, "Apollo-Require-Preflight": "1"}).json()


def inputs(lamp, image):
    """For each mutation that needs a permission, what changes something."""
    product, picture = to_global_id("Product", lamp.pk), to_global_id("ProductImage", image.pk)
    place = {"category": lamp.category.slug, "brand": lamp.brand.slug}
    category, brand = to_global_id("Category", lamp.category_id), to_global_id("Brand", lamp.brand_id)
    empty = to_global_id("Category", CategoryFactory().pk), to_global_id("Brand", BrandFactory().pk)
    return {
        "productCreate": {"name": "Rug", "price": "5.00", **place},
        "productUpdate": {"id": product, "price": "0.01"},
        "productDelete": {"id": product},
        "inventoryUpdate": {"items": [{"slug": lamp.slug, "change": 1}]},
        "categoryCreate": {"name": "Rugs", "parent": lamp.category.slug},
        "categoryUpdate": {"id": category, "name": "Lights"},
        "categoryDelete": {"id": empty[0]},
        "brandCreate": {"name": "Linum"},
        "brandUpdate": {"id": brand, "name": "Lux"},
        "brandDelete": {"id": empty[1]},
        "productImageUpload": {"productId": product, "image": SimpleUploadedFile("b.jpg", jpeg(30, 40))},
        "productImageUpdate": {"id": picture, "alt": "A lamp"},
        "productImageDelete": {"id": picture},
    }


def test_every_mutation_and_path_that_writes_says_whom_it_wants():
    assert MUTATIONS.keys() == schema.graphql_schema.mutation_type.fields.keys()
    assert PATHS.keys() == set(_writes(get_resolver().url_patterns))


def test_the_schema_says_of_every_query_and_mutation_who_may():
    """In words that follow from the lists above, so that a client's developer need not try."""
    for name, needed in MUTATIONS.items():
        codename, _, model = needed.partition(".")[2].partition("_")
        plural = {"product": "products", "category": "categories", "brand": "brands", "productimage": "images"}
        whom = {ANYONE: "Needs no ", SIGNED_IN: "For whoever is signed in", SHOPPER: "and for guests"}.get(needed)
        words = whom or f"For staff with the permission to {codename} {plural[model]}."
        assert words in (schema.graphql_schema.mutation_type.fields[name].description or ""), name
    for name, field in schema.graphql_schema.query_type.fields.items():
        assert re.search(r"token|signed.in", field.description or ""), name


def test_every_scalar_says_where_it_is_specified(nobody):
    types = nobody.graphql("{ __schema { types { name kind specifiedByURL } } }")["__schema"]["types"]
    specified = {kind["name"]: kind["specifiedByURL"] for kind in types if kind["kind"] == "SCALAR"}
    assert {name for name, url in specified.items() if url is None} == {"String", "Int", "Float", "Boolean", "ID"}
    assert specified["DateTime"].startswith("https://scalars.graphql.org/")
    sdl = (settings.BASE_DIR / "schema.graphql").read_text()
    assert f'scalar DateTime @specifiedBy(url: "{specified["DateTime"]}")' in sdl


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("mutation", BY_PERMISSION)
def test_a_mutation_of_the_catalogue_wants_its_permission(mutation, kind, lamp, image):
    needed = MUTATIONS[mutation]
    given, watched = inputs(lamp, image)[mutation], (Product, ProductImage, Category, Brand)
    api, before = api_of(kind, needed), state(*watched)
    answer = send(api, mutation, given)
    if may(kind, needed):
        assert answer["data"]["payload"]["errors"] == []
        assert state(*watched) != before
        return
    assert state(*watched) == before
    if kind in NOT_SIGNED_IN:
        assert answer["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"
    else:
        assert answer["data"]["payload"]["errors"] == [{"code": "FORBIDDEN", "field": None}]


@pytest.mark.parametrize("mutation", BY_PERMISSION)
def test_who_may_not_learns_nothing_of_what_there_is(mutation, lamp, image):
    """The refusal is the same for what exists, what does not, and what makes no sense."""
    given = inputs(lamp, image)[mutation]
    for wrong in ("UHJvZHVjdDo5OTk5OTk=", "", "x"):
        given |= {name: wrong for name in ("id", "productId", "category", "brand", "alt") if name in given}
        answer = send(api_of("staff", ""), mutation, given)
        assert answer["data"]["payload"]["errors"] == [{"code": "FORBIDDEN", "field": None}]


def test_what_a_signed_in_user_may_wants_no_permission_and_what_anyone_may_no_token():
    """The mutations of accounts and carts, with arguments drawn from the schema."""
    refused = {"nobody": (SIGNED_IN, SHOPPER), "guest": (SIGNED_IN,)}
    for kind in ("nobody", "guest", "shopper", "staff", "superuser"):
        for mutation, needed in MUTATIONS.items():
            if "." in needed:
                continue
            field = schema.graphql_schema.mutation_type.fields[mutation]
            arguments = {name: _value(argument.type) for name, argument in field.args.items()}
            declared = ", ".join(f"${name}: {argument.type}" for name, argument in field.args.items())
            passed = ", ".join(f"{name}: ${name}" for name in arguments)
            query = f"mutation({declared}) {{ payload: {mutation}({passed}) {{ __typename }} }}"
            if not arguments:
                query = f"mutation {{ payload: {mutation} {{ __typename }} }}"
            answer = api_of(kind, "").post(query, **arguments).json()
            codes = {error["extensions"]["code"] for error in answer.get("errors", [])}
            assert codes == ({"UNAUTHENTICATED"} if needed in refused.get(kind, ()) else set()), mutation


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("method", "path"), PATHS)
def test_a_path_of_rest_wants_the_same(method, path, kind, lamp):
    needed = PATHS[method, path]
    api, before = api_of(kind, needed if "." in needed else "catalog.add_product"), state(Product, ProductImage)
    form = {"image": SimpleUploadedFile("b.jpg", jpeg(30, 40))} if "images" in path else {}
    response = getattr(api.client, method)("/" + path.replace("<str:slug>", "lamp"), form, headers=api.headers)
    if needed == ANYONE:
        assert response.status_code not in (403, 404)
    elif may(kind, needed):
        assert response.status_code == 202
        assert state(Product, ProductImage) != before
    else:
        assert response.status_code == (401 if kind in NOT_SIGNED_IN else 403)
        assert state(Product, ProductImage) == before


@pytest.mark.parametrize("kind", [*ACTORS, "guest"])
def test_archived_products_and_the_schema_are_for_active_staff(kind, lamp, settings):
    settings.GRAPHQL_INTROSPECTION, settings.CATALOG_PUBLIC = False, True
    lamp.is_active = False
    lamp.save()
    api = api_of(kind, "catalog.view_product")
    query = "query($id: ID!) { node(id: $id) { id } }"
    answer = api.post(query, id=to_global_id("Product", lamp.pk)).json()
    seen = bool(answer.get("data") and answer["data"]["node"])
    told = "errors" not in api.post("{ __schema { queryType { name } } }").json()
    staff = kind in ("staff", "staff with the others", "shop staff", "superuser")
    assert (seen, told) == (staff, staff)


def test_a_permission_taken_away_ends_at_once(lamp):
    user = holder("catalog.change_product")
    api = Api(user)
    given = {"id": to_global_id("Product", lamp.pk), "quantity": 7}
    assert send(api, "productUpdate", given)["data"]["payload"]["errors"] == []
    user.user_permissions.clear()
    assert send(api, "productUpdate", given)["data"]["payload"]["errors"][0]["code"] == "FORBIDDEN"
    user.is_superuser = True
    user.save()
    assert send(api, "productUpdate", given)["data"]["payload"]["errors"] == []


def test_a_superuser_who_is_no_staff_has_no_more_than_in_the_admin(lamp):
    api = Api(UserFactory(is_superuser=True))
    answer = send(api, "productDelete", {"id": to_global_id("Product", lamp.pk)})
    assert answer["data"]["payload"]["errors"][0]["code"] == "FORBIDDEN"


def _writes(patterns, prefix=""):
    """(method, path) of every REST view below the patterns that is not safe."""
    for each in patterns:
        path = prefix + str(each.pattern)
        if isinstance(each, URLResolver):
            yield from _writes(each.url_patterns, path)
        elif isinstance(each, URLPattern) and path.startswith("api/"):
            for method in ("post", "put", "patch", "delete"):
                if hasattr(getattr(each.callback, "view_class", None), method):
                    yield method, path


def _value(kind):
    """Something of the type: a text, a number, an input with its fields."""
    while hasattr(kind, "of_type") and not str(kind).startswith("["):
        kind = kind.of_type
    if str(kind).startswith("["):
        return []
    if hasattr(kind, "fields"):
        return {name: _value(field.type) for name, field in kind.fields.items()}
    return {"Int": 0, "Boolean": True}.get(str(kind), "x@example.com")
