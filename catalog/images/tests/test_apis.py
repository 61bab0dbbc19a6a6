"""Images in GraphQL and REST: who may do what, the answers, and that a page's queries stay constant."""

import json
from io import BytesIO
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.http import HttpResponse
from django.test.utils import CaptureQueriesContext
from graphql_relay import to_global_id
from pytest_django import Settings

from catalog.images.services import image_upload
from catalog.images.tests.pictures import corners, encoded, hostile, jpeg, work_all
from catalog.models import ImageJob, ImageStatus, Product, ProductImage
from catalog.tests.factories import ProductFactory
from core.auth.policy import SYSTEM
from core.tests.clients import Api

FIELDS = "id alt position status error width height placeholder url srcset renditions { size format url width bytes }"
UPLOAD = f"""mutation($input: ProductImageUploadInput!) {{ productImageUpload(input: $input) {{
    image {{ {FIELDS} }} errors {{ field message code }} }} }}"""
UPDATE = """mutation($input: ProductImageUpdateInput!) { productImageUpdate(input: $input) {
    image { id alt position } errors { field code } } }"""
DELETE = """mutation($input: ProductImageDeleteInput!) { productImageDelete(input: $input) {
    image { id } errors { field code } } }"""

pytestmark = pytest.mark.django_db(transaction=True)


def id_of(row: Any) -> str:
    return to_global_id(type(row).__name__, row.pk)


def post(api: Api, product_id: str, data: bytes, **more: Any) -> HttpResponse:
    """The response to an upload by GraphQL."""
    operations = {"query": UPLOAD, "variables": {"input": {"productId": product_id, "image": None, **more}}}
    form = {
        "operations": json.dumps(operations),
        "map": json.dumps({"0": ["variables.input.image"]}),
        "0": SimpleUploadedFile("lamp.jpg", data),
    }
    return api.client.post("/graphql/", form, headers=api.headers)


def upload(api: Api, product: Product, data: bytes, **more: Any) -> dict[str, Any]:
    """What an upload by GraphQL answers."""
    answer = post(api, id_of(product), data, **more).json()
    assert "errors" not in answer, answer
    return answer["data"]["productImageUpload"]


def send(api: Api, product: Product, data: bytes, **more: Any) -> HttpResponse:
    """The response to an upload by REST."""
    form = {"image": SimpleUploadedFile("lamp.jpg", data), **more}
    return api.client.post(f"/api/v1/products/{product.slug}/images/", form, headers=api.headers)


def add(product: Product, count: int = 1) -> list[ProductImage]:
    """READY images, rendered."""
    files = [BytesIO(jpeg(300 + n, 200)) for n in range(count)]
    images = [image_upload(actor=SYSTEM, product_id=product.pk, file=file).image for file in files]
    work_all()
    return list(ProductImage.objects.filter(pk__in=[image.pk for image in images]).order_by("position"))


def fetched(api: Api, url: str) -> HttpResponse:
    """The response to a GET, read to its end."""
    response = api.client.get(url)
    assert b"".join(response.streaming_content)
    response.close()
    return response


class TestGraphQL:
    """The mutations and the fields."""

    def test_an_upload_becomes_a_picture(self, staff: Api, shopper: Api) -> None:
        product = ProductFactory()
        answer = upload(staff, product, jpeg(1000, 500), alt="A lamp")
        image = answer["image"]
        assert answer["errors"] == []
        assert (image["status"], image["alt"], image["url"], image["renditions"]) == ("PENDING", "A lamp", None, [])
        query = f"query($id: ID!) {{ product(id: $id) {{ image {{ {FIELDS} }} images {{ id }} }} }}"
        assert shopper.graphql(query, id=id_of(product))["product"] == {"image": None, "images": []}
        assert staff.graphql(query, id=id_of(product))["product"]["images"] == [{"id": image["id"]}]
        work_all()
        shown = shopper.graphql(query, id=id_of(product))["product"]["image"]
        assert (shown["status"], shown["width"], shown["height"]) == ("READY", 1000, 500)
        assert len(shown["renditions"]) == 12
        assert shown["placeholder"].startswith("data:image/")
        assert shown["url"].startswith("http://testserver/media/products/")
        assert [part.split()[1] for part in shown["srcset"].split(", ")] == ["160w", "400w", "800w", "1000w"]

    def test_sizes_and_formats_that_there_are_not(self, shopper: Api) -> None:
        add(ProductFactory())
        fields = "full: url(size: FULL) small: url(size: SMALL) avif: url(format: AVIF) srcset(format: AVIF)"
        query = f"{{ products {{ nodes {{ image {{ {fields} }} }} }} }}"
        image = shopper.graphql(query)["products"]["nodes"][0]["image"]
        assert image["full"] == image["small"]
        assert image["avif"].endswith(".avif")
        ProductImage.objects.get().renditions.filter(format="AVIF").delete()
        image = shopper.graphql(query)["products"]["nodes"][0]["image"]
        assert image["avif"].endswith(".webp")
        assert image["srcset"] is None

    def test_who_may(self, nobody: Api, shopper: Api) -> None:
        product = ProductFactory()
        variables: dict[str, Any] = {"input": {"id": to_global_id("ProductImage", 1)}}
        answer = upload(shopper, product, jpeg())
        assert (answer["image"], answer["errors"][0]["code"]) == (None, "FORBIDDEN")
        for mutation, name in ((UPDATE, "productImageUpdate"), (DELETE, "productImageDelete")):
            assert shopper.graphql(mutation, **variables)[name]["errors"][0]["code"] == "FORBIDDEN"
            assert nobody.error(mutation, **variables)["code"] == "UNAUTHENTICATED"
        nobody.headers = {"X-Requested-With": "x"}
        error = post(nobody, id_of(product), jpeg()).json()["errors"][0]
        assert error["extensions"]["code"] == "UNAUTHENTICATED"
        assert not ProductImage.objects.exists()

    @pytest.mark.parametrize(
        ("data", "code"),
        [
            (b"", "UNSUPPORTED_IMAGE"),
            (b"GIF89a" + bytes(100), "UNSUPPORTED_IMAGE"),
            (b"\xff\xd8\xff", "UNSUPPORTED_IMAGE"),
            (encoded(corners(2001, 1), "PNG"), "IMAGE_TOO_LARGE"),
            (jpeg() + bytes(100_000), "IMAGE_TOO_LARGE"),
        ],
    )
    def test_refusals(self, staff: Api, settings: Settings, data: bytes, code: str) -> None:
        settings.IMAGE_MAX_BYTES = settings.UPLOAD_MAX_BYTES = 100_000
        settings.IMAGE_MAX_PIXELS = 2000 * 1 if code == "IMAGE_TOO_LARGE" else 10**6
        product = ProductFactory()
        error = upload(staff, product, data)["errors"][0]
        assert (error["field"], error["code"]) == (["image"], code)
        response = send(staff, product, data)
        assert response.status_code == 400
        shown = response.json()["errors"][0]
        assert (shown["attr"], shown["code"]) == ("image", code.lower())

    def test_no_such_product_or_image(self, staff: Api) -> None:
        for bad in ("x", to_global_id("Product", 999), to_global_id("Brand", 1)):
            error = post(staff, bad, jpeg()).json()["data"]["productImageUpload"]["errors"][0]
            assert (error["field"], error["code"]) == (["productId"], "NOT_FOUND")
        for mutation, name in ((UPDATE, "productImageUpdate"), (DELETE, "productImageDelete")):
            answer = staff.graphql(mutation, input={"id": to_global_id("ProductImage", 999)})[name]
            assert answer == {"image": None, "errors": [{"field": ["id"], "code": "NOT_FOUND"}]}

    def test_the_same_bytes_are_the_same_image_of_one_product(self, staff: Api) -> None:
        one, other = ProductFactory(), ProductFactory()
        first = upload(staff, one, jpeg())["image"]["id"]
        assert upload(staff, one, jpeg())["image"]["id"] == first
        assert upload(staff, other, jpeg())["image"]["id"] != first
        assert ProductImage.objects.count() == 2

    def test_a_failed_one_is_tried_again_by_the_same_bytes(self, staff: Api) -> None:
        product = ProductFactory()
        broken = jpeg(2000, 1500)[:-5000]
        upload(staff, product, broken)
        work_all()
        image = ProductImage.objects.get()
        assert image.status == ImageStatus.FAILED
        assert "damaged" in image.error
        assert send(staff, product, broken).status_code == 202
        assert ProductImage.objects.get().status == ImageStatus.PENDING
        work_all()
        assert send(staff, product, broken).json()["error"] is None
        assert ProductImage.objects.count() == 1

    def test_at_most_twenty(self, staff: Api, settings: Settings) -> None:
        settings.IMAGES_PER_PRODUCT = 2
        product = ProductFactory()
        for n in range(2):
            upload(staff, product, jpeg(100 + n))
        assert upload(staff, product, jpeg(99))["errors"][0]["code"] == "LIMIT_EXCEEDED"
        assert upload(staff, product, jpeg(100))["errors"] == []

    @pytest.mark.parametrize(
        ("position", "order"), [(0, "2013"), (1, "0213"), (3, "0132"), (99, "0132"), (-5, "2013"), (2, "0123")]
    )
    def test_positions_are_clamped_and_the_others_move(self, staff: Api, position: int, order: str) -> None:
        product = ProductFactory()
        ids = [upload(staff, product, jpeg(100 + n))["image"]["id"] for n in range(4)]
        answer = staff.graphql(UPDATE, input={"id": ids[2], "position": position, "alt": "  new  "})
        image = answer["productImageUpdate"]["image"]
        assert (image["alt"], image["position"]) == ("new", order.index("2"))
        query = "query($id: ID!) { product(id: $id) { images { id position } } }"
        shown = staff.graphql(query, id=id_of(product))["product"]["images"]
        assert [each["id"] for each in shown] == [ids[int(n)] for n in order]
        assert [each["position"] for each in shown] == [0, 1, 2, 3]

    def test_alt_that_is_too_long(self, staff: Api) -> None:
        assert upload(staff, ProductFactory(), jpeg(), alt="x" * 501)["errors"][0]["field"] == ["alt"]

    def test_delete(self, staff: Api, shopper: Api) -> None:
        product = ProductFactory()
        first, second = add(product, 2)
        url = shopper.graphql("{ products { nodes { image { url } } } }")["products"]["nodes"][0]["image"]["url"]
        assert fetched(shopper, url).status_code == 200
        answer = staff.graphql(DELETE, input={"id": id_of(first)})["productImageDelete"]
        assert answer == {"image": {"id": id_of(first)}, "errors": []}
        assert shopper.client.get(url).status_code == 404
        second.refresh_from_db()
        assert second.position == 0

    def test_node_and_archived_products(self, shopper: Api, staff: Api) -> None:
        product = ProductFactory()
        (image,) = add(product)
        node = "query($id: ID!) { node(id: $id) { id ... on ProductImage { url } } }"
        assert shopper.graphql(node, id=id_of(image))["node"]["url"]
        Product.objects.update(is_active=False)
        assert shopper.graphql(node, id=id_of(image))["node"] is None
        assert staff.graphql(node, id=id_of(image))["node"]["url"]

    def test_lists_and_slugs_show_ready_ones_to_staff_too(self, staff: Api) -> None:
        product = ProductFactory()
        upload(staff, product, jpeg())
        assert staff.graphql("{ products { nodes { images { id } } } }")["products"]["nodes"] == [{"images": []}]
        query = "query($slug: String!) { product(slug: $slug) { images { id } } }"
        assert staff.graphql(query, slug=product.slug)["product"]["images"] == []


class TestRest:
    """POST and GET."""

    def test_an_upload_becomes_a_picture(self, staff: Api, shopper: Api) -> None:
        product = ProductFactory()
        response = send(staff, product, jpeg(), alt="A lamp")
        assert response.status_code == 202
        assert response.json()["status"] == "PENDING"
        place = response["Location"]
        assert shopper.client.get(place, headers=shopper.headers).status_code == 404
        assert staff.client.get(place, headers=staff.headers).json() == response.json()
        work_all()
        shown = shopper.client.get(place, headers=shopper.headers).json()
        assert shown["status"] == "READY"
        assert len(shown["renditions"]) == 6
        assert shopper.get(f"products/{product.slug}/").json()["images"] == [shown]
        assert shopper.get("products/search/").json()["results"][0]["image"] == shown
        assert send(staff, product, jpeg()).status_code == 200

    def test_who_may(self, nobody: Api, shopper: Api) -> None:
        product = ProductFactory()
        assert send(nobody, product, jpeg()).status_code == 401
        assert send(shopper, product, jpeg()).status_code == 403

    def test_what_is_no_form(self, staff: Api) -> None:
        product = ProductFactory()
        path = f"/api/v1/products/{product.slug}/images/"
        assert staff.client.post(path, {}, headers=staff.headers).json()["errors"][0]["attr"] == "image"
        assert staff.client.post(path, {"image": "text"}, headers=staff.headers).status_code == 400
        assert staff.client.post(path, b"{}", content_type="application/json", headers=staff.headers).status_code == 415
        bad = staff.client.post(path, b"x", content_type="multipart/form-data; boundary=x", headers=staff.headers)
        assert bad.status_code == 400
        assert staff.client.post("/api/v1/products/no/images/", {}, headers=staff.headers).status_code == 404

    def test_another_products_image(self, staff: Api) -> None:
        (image,) = add(ProductFactory())
        other = ProductFactory()
        assert staff.get(f"products/{other.slug}/images/{id_of(image)}/").status_code == 404

    def test_a_body_far_too_large_is_not_read(self, staff: Api, settings: Settings) -> None:
        settings.UPLOAD_MAX_BYTES = settings.IMAGE_MAX_BYTES = 10_000
        assert send(staff, ProductFactory(), bytes(50_000)).status_code == 413
        assert send(staff, ProductFactory(), bytes(20_000)).json()["errors"][0]["code"] == "image_too_large"


class TestFiles:
    """What is served, and how."""

    def test_headers(self, shopper: Api) -> None:
        add(ProductFactory())
        url = shopper.graphql("{ products { nodes { image { url } } } }")["products"]["nodes"][0]["image"]["url"]
        response = fetched(shopper, url)
        assert response["Cache-Control"] == "public, max-age=31536000, immutable"
        assert response["X-Content-Type-Options"] == "nosniff"
        assert response["Content-Type"] == "image/webp"

    @pytest.mark.parametrize(
        "path",
        ["products/", "../db.sqlite3", "..%2fdb.sqlite3", "products/../../originals/x", "a\0b", "products/x/y.jpg"],
    )
    def test_nothing_else_is_served(self, shopper: Api, path: str) -> None:
        assert shopper.client.get(f"/media/{path}").status_code == 404

    def test_originals_are_in_no_answer(self, staff: Api) -> None:
        product = ProductFactory()
        (image,) = add(product)
        answer = staff.get(f"products/{product.slug}/").content.decode()
        assert image.sha256 not in answer
        assert staff.client.get(f"/media/products/{image.key.hex}/{image.sha256}.jpg").status_code == 404


@pytest.mark.slow
def test_the_hostile_corpus(staff: Api) -> None:
    """Every file ends as READY or with a reason; nothing is a 500, nothing stays behind."""
    seen: dict[str, int] = {}
    for name, data in hostile().items():
        product = ProductFactory()
        response = send(staff, product, data)
        assert response.status_code in (202, 400), (name, response.content)
        if response.status_code == 400:
            assert response.json()["errors"][0]["code"] in ("unsupported_image", "image_too_large"), name
            seen["refused"] = seen.get("refused", 0) + 1
    work_all()
    for image in ProductImage.objects.all():
        assert image.status == ImageStatus.READY or (image.status == ImageStatus.FAILED and image.error)
        seen[image.status] = seen.get(image.status, 0) + 1
    assert set(seen) == {"refused", "READY", "FAILED"}
    assert not ImageJob.objects.exclude(status="FAILED").exists()


def test_pages_cost_the_same_queries(shopper: Api) -> None:
    for _ in range(3):
        add(ProductFactory(), 2)

    def count(first: int, selected: str) -> int:
        with CaptureQueriesContext(connection) as captured:
            shopper.graphql(f"{{ products(first: {first}) {{ nodes {{ {selected} }} }} }}")
        return len([query for query in captured if query["sql"].startswith("SELECT")])

    names_only = count(3, "name")
    for fields, more in ("image { id }", 1), ("images { id alt }", 1), ("image { url } images { srcset }", 2):
        assert count(1, fields) == count(3, fields) == names_only + more, fields
