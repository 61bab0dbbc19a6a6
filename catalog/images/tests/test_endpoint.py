"""What the script of a product's page calls: every answer is JSON and typed, whatever is sent."""

from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from pytest_django import DjangoAssertNumQueries, Settings

from catalog.images import files, services
from catalog.images.tests.pictures import jpeg, work_all
from catalog.models import Product, ProductImage
from catalog.tests.factories import ProductFactory
from core.auth.policy import SYSTEM
from core.tests.actors import actor, holder
from core.tests.test_admin_garbage import GARBAGE

pytestmark = pytest.mark.django_db(transaction=True)
ROOT = "/admin/catalog/productimage/"


def photo(data: bytes | None = None) -> SimpleUploadedFile:
    return SimpleUploadedFile("lamp.jpg", jpeg() if data is None else data)


def upload(product: Product, width: int = 300, alt: str = "") -> ProductImage:
    return services.image_upload(actor=SYSTEM, product_id=product.pk, file=photo(jpeg(width)), alt=alt).image


def code(response: Any) -> tuple[int, str]:
    return response.status_code, response.json()["errors"][0]["code"]


def paths(product: Product, image: ProductImage) -> dict[str, tuple[str, dict[str, Any]]]:
    """Every path that changes something, with the permission that it wants and what is sent."""
    return {
        f"of/{product.pk}/upload/": ("add", {"image": photo(jpeg(90))}),
        f"of/{product.pk}/order/": ("change", {"ids": str(image.pk)}),
        f"{image.pk}/text/": ("change", {"alt": "x", "was": ""}),
        f"{image.pk}/replace/": ("change", {"image": photo(jpeg(80))}),
        f"{image.pk}/keep/": ("change", {}),
        f"{image.pk}/retry/": ("change", {}),
        f"{image.pk}/remove/": ("delete", {}),
    }


def test_upload_order_text_and_removal(admin_client: Client) -> None:
    product = ProductFactory()
    place = f"{ROOT}of/{product.pk}/"
    ids = []
    for width in (100, 200):
        answer = admin_client.post(f"{place}upload/", {"image": photo(jpeg(width)), "alt": f"{width}"}).json()
        assert answer["is_new"] is True
        ids.append(answer["image"]["id"])
    again = admin_client.post(f"{place}upload/", {"image": photo(jpeg(200))}).json()
    assert (again["is_new"], again["image"]["id"]) == (False, ids[1])
    order = admin_client.post(f"{place}order/", {"ids": f"{ids[1]},999999,{ids[0]}"}).json()
    assert ([image["id"] for image in order["images"]], order["missing"]) == (ids[::-1], [999999])
    text = admin_client.post(f"{ROOT}{ids[0]}/text/", {"alt": " a  lamp", "was": "100"}).json()
    assert text["image"]["alt"] == "a lamp"
    assert code(admin_client.post(f"{ROOT}{ids[0]}/text/", {"alt": "b", "was": "100"})) == (409, "VERSION_CONFLICT")
    assert admin_client.post(f"{ROOT}{ids[1]}/remove/").json() == {"removed": ids[1]}
    assert code(admin_client.post(f"{ROOT}{ids[1]}/remove/")) == (404, "NOT_FOUND")
    assert [image["id"] for image in admin_client.get(place).json()["images"]] == ids[:1]


def test_a_replacement_is_told_until_it_is_there_and_can_be_taken_back(admin_client: Client) -> None:
    image = upload(ProductFactory())
    replaced = admin_client.post(f"{ROOT}{image.pk}/replace/", {"image": photo(jpeg(2000, 1000)[:-3000])}).json()
    assert replaced["image"]["is_waiting"] is True
    work_all()
    (failed,) = admin_client.get(f"{ROOT}of/{image.product_id}/").json()["images"]
    assert (failed["is_waiting"], failed["has_failed"], failed["is_replacement"]) == (False, True, True)
    assert "damaged" in failed["state"]
    assert failed["url"]
    assert admin_client.post(f"{ROOT}{image.pk}/retry/").json()["image"]["is_waiting"] is True
    kept = admin_client.post(f"{ROOT}{image.pk}/keep/").json()["image"]
    assert (kept["is_replacement"], kept["state"]) == (False, "")


def test_each_path_wants_its_permission_and_a_token_of_the_session(client: Client) -> None:
    product = ProductFactory()
    image = upload(product)
    strangers = [None, actor("shopper"), actor("shopper with all")]
    for path, (wanted, sent) in paths(product, image).items():
        others = holder(*(f"catalog.{each}_productimage" for each in {"add", "change", "delete", "view"} - {wanted}))
        for user in strangers:
            client.logout()
            if user:
                client.force_login(user)
            assert code(client.post(ROOT + path, sent)) == (403, "SIGNED_OUT"), path
        client.force_login(others)
        assert code(client.post(ROOT + path, sent)) == (403, "FORBIDDEN"), path
        assert client.get(ROOT + path).status_code == 405
        careful = Client(enforce_csrf_checks=True)
        careful.force_login(holder(f"catalog.{wanted}_productimage"))
        assert code(careful.post(ROOT + path, sent)) == (403, "CSRF"), path
    assert code(client.get(f"{ROOT}of/{product.pk}/")) != (403, "FORBIDDEN") if client.logout() else True
    unchanged = ProductImage.objects.get()
    assert (unchanged.alt, unchanged.jobs.count()) == ("", 1)
    careful.force_login(holder("catalog.add_productimage"))
    careful.cookies["csrftoken"] = token = "a" * 32
    sent = {"image": photo(jpeg(90))}
    assert careful.post(f"{ROOT}of/{product.pk}/upload/", sent, headers={"X-CSRFToken": token}).status_code == 200


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"GIF89a" + bytes(99), (400, "UNSUPPORTED_IMAGE")),
        (b"", (400, "UNSUPPORTED_IMAGE")),
        (bytes(5000), (400, "IMAGE_TOO_LARGE")),
        (bytes(40_000), (413, "IMAGE_TOO_LARGE")),
    ],
)
def test_a_refused_file_is_told_and_leaves_nothing(
    admin_client: Client, settings: Settings, data: bytes, expected: tuple[int, str]
) -> None:
    settings.IMAGE_MAX_BYTES = settings.UPLOAD_MAX_BYTES = 4000
    image = upload(ProductFactory(), 20)
    for path in (f"of/{image.product_id}/upload/", f"{image.pk}/replace/"):
        assert code(admin_client.post(ROOT + path, {"image": photo(data)})) == expected
    assert len(files.listed(files.private(), image.key)) == 1
    assert ProductImage.objects.count() == 1


def test_a_full_disk_a_full_product_and_a_body_that_is_too_long_are_told(
    admin_client: Client, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    product = ProductFactory()
    path = f"{ROOT}of/{product.pk}/upload/"

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(files, "store_original", full)
        assert code(admin_client.post(path, {"image": photo()})) == (503, "NOT_STORED")
    settings.IMAGES_PER_PRODUCT = 1
    upload(product, 20)
    assert code(admin_client.post(path, {"image": photo()})) == (400, "LIMIT_EXCEEDED")
    settings.MAX_UPLOAD_BODY_BYTES = 1024
    assert admin_client.post(path, {"image": photo(bytes(2000))}).status_code == 413


def test_nothing_that_is_sent_is_a_server_error(admin_client: Client) -> None:
    product = ProductFactory()
    image = upload(product)
    known = {"image": "x", "alt": "x", "was": "", "ids": str(image.pk)}
    for path in paths(product, image):
        if path.endswith("remove/"):
            continue
        for value in (*GARBAGE[:10], "9" * 18, "1," * 9000):
            sent = dict.fromkeys(known, value.encode("utf-8", "surrogatepass"))
            assert admin_client.post(ROOT + path, sent).status_code in (200, 400, 409)
        assert (
            code(admin_client.post(ROOT + path, b"--x", content_type="multipart/form-data; boundary=y"))[0]
            in (
                200,
                400,
            )
            if not path.endswith(("keep/", "retry/"))
            else True
        )
        elsewhere = path.replace(str(image.pk), "9" * 18).replace(f"of/{product.pk}/", f"of/{'9' * 18}/")
        assert admin_client.post(ROOT + elsewhere, known | {"image": photo()}).status_code == 404
    assert admin_client.get(f"{ROOT}of/{'9' * 18}/").status_code == 404


def test_the_state_of_many_images_costs_what_that_of_one_costs(
    admin_client: Client, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    product = ProductFactory()
    for count in (1, 3):
        for n in range(count):
            upload(product, 100 * count + n)
        work_all()
        with django_assert_num_queries(6):
            assert admin_client.get(f"{ROOT}of/{product.pk}/").json()["images"]
