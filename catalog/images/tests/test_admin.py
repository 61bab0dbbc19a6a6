"""Images in the admin: uploaded in the product's page, seen with their state, tried again when they failed."""

from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from pytest_django import Settings

from catalog.images.tests.pictures import jpeg, work_all
from catalog.models import ImageStatus, Product, ProductImage
from catalog.tests.factories import ProductFactory

pytestmark = pytest.mark.django_db(transaction=True)


def page(product: Product) -> str:
    return f"/admin/catalog/product/{product.pk}/change/"


def form(client: Client, product: Product, *, new: Any = None, **changes: str) -> dict[str, Any]:
    """What the product's page posts as it stands, with changes, and perhaps a file."""
    context = client.get(page(product)).context
    shown = context["adminform"].form
    data = {name: shown[name].value() or "" for name in shown.fields if name != "created_at"}
    data |= {"created_at_0": "2024-05-01", "created_at_1": "12:00:00", "is_active": "on"}
    formset = next(inline.formset for inline in context["inline_admin_formsets"] if inline.opts.model is ProductImage)
    for field in formset.management_form:
        data[field.html_name] = field.value()
    for each in formset.forms:
        for field in each:
            if field.name != "file":
                data[field.html_name] = "" if field.value() is None else field.value()
    if new is not None:
        data[f"images-{formset.initial_form_count()}-file"] = new
    return {**data, **changes}


def photo(data: bytes | None = None) -> SimpleUploadedFile:
    return SimpleUploadedFile("lamp.jpg", data or jpeg())


def test_upload_on_the_product_page(admin_client: Client) -> None:
    product = ProductFactory()
    sent = form(admin_client, product, new=photo(), **{"images-0-alt": "A lamp"})
    assert admin_client.post(page(product), sent).status_code == 302
    image = ProductImage.objects.get()
    assert (image.product, image.alt, image.status) == (product, "A lamp", ImageStatus.PENDING)
    work_all()
    shown = admin_client.get(page(product)).content.decode()
    assert "/media/products/" in shown
    assert "Ready" in shown


def test_with_a_new_product(admin_client: Client) -> None:
    other = ProductFactory()
    sent = form(admin_client, other, new=photo(), slug="another", sku="", **{"images-0-product": ""})
    assert admin_client.post("/admin/catalog/product/add/", sent).status_code == 302
    assert ProductImage.objects.get().product.slug == "another"


def test_nothing_chosen_is_nothing_added(admin_client: Client) -> None:
    product = ProductFactory()
    assert admin_client.post(page(product), form(admin_client, product)).status_code == 302
    assert not ProductImage.objects.exists()


@pytest.mark.parametrize(
    ("data", "words"), [(b"GIF89a" + bytes(99), "JPEG, PNG, WebP and AVIF"), (b"", "empty"), (bytes(5000), "larger")]
)
def test_refusals_are_said_at_the_field(admin_client: Client, settings: Settings, data: bytes, words: str) -> None:
    settings.IMAGE_MAX_BYTES = settings.UPLOAD_MAX_BYTES = 4000
    product = ProductFactory()
    file = SimpleUploadedFile("lamp.jpg", data)
    response = admin_client.post(page(product), form(admin_client, product, new=file))
    assert response.status_code == 200
    assert words in response.content.decode()
    assert not ProductImage.objects.exists()


def test_one_too_many(admin_client: Client, settings: Settings) -> None:
    settings.IMAGES_PER_PRODUCT = 1
    product = ProductFactory()
    for n in range(2):
        response = admin_client.post(page(product), form(admin_client, product, new=photo(jpeg(100 + n))))
    assert "at most 1 images" in response.content.decode()
    assert ProductImage.objects.count() == 1


def test_the_text_alone_is_changed(admin_client: Client) -> None:
    product = ProductFactory()
    admin_client.post(page(product), form(admin_client, product, new=photo()))
    image = ProductImage.objects.get()
    assert admin_client.post(f"/admin/catalog/productimage/{image.pk}/change/", {"alt": "x"}).status_code == 302
    assert ProductImage.objects.get().alt == "x"


def test_order_text_and_deletion(admin_client: Client) -> None:
    product = ProductFactory()
    for n in range(3):
        admin_client.post(page(product), form(admin_client, product, new=photo(jpeg(100 + n))))
    first, _, third = ProductImage.objects.order_by("position")
    changes = {"images-0-alt": "new", "images-2-position": "0", "images-1-DELETE": "on"}
    assert admin_client.post(page(product), form(admin_client, product, **changes)).status_code == 302
    left = list(ProductImage.objects.order_by("position").values_list("pk", "position", "alt"))
    assert left == [(third.pk, 0, ""), (first.pk, 1, "new")]


def test_a_failed_one_is_tried_again(admin_client: Client) -> None:
    product = ProductFactory()
    admin_client.post(page(product), form(admin_client, product, new=photo(jpeg(2000, 1000)[:-3000])))
    work_all()
    image = ProductImage.objects.get()
    images = "/admin/catalog/productimage/"
    assert "damaged" in admin_client.get(images).content.decode()
    assert "damaged" in admin_client.get(page(product)).content.decode()
    said = admin_client.post(images, {"action": "try_again", "_selected_action": [image.pk]}, follow=True)
    assert "1 image on the way" in said.content.decode()
    image.refresh_from_db()
    assert image.status == ImageStatus.PENDING


def test_the_list_and_its_pages(admin_client: Client) -> None:
    product = ProductFactory()
    admin_client.post(page(product), form(admin_client, product, new=photo()))
    image = ProductImage.objects.get()
    assert admin_client.get(f"/admin/catalog/productimage/{image.pk}/change/").status_code == 200
    assert admin_client.get("/admin/catalog/productimage/?status__exact=FAILED&q=x").status_code == 200
    assert admin_client.get("/admin/catalog/productimage/add/").status_code == 403
    assert admin_client.post(f"/admin/catalog/productimage/{image.pk}/delete/", {"post": "yes"}).status_code == 302
    assert not ProductImage.objects.exists()
