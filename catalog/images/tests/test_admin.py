"""Images in the admin: the product's page without a script, the list of images, and the page of one."""

from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from pytest_django import DjangoAssertNumQueries, Settings

from catalog.images import services
from catalog.images.tests.pictures import jpeg, work_all
from catalog.models import ImageJob, ImageStatus, Product, ProductImage
from catalog.tests.factories import ProductFactory
from core.auth.policy import SYSTEM
from core.tests.actors import holder

pytestmark = pytest.mark.django_db(transaction=True)
LIST = "/admin/catalog/productimage/"


def page(product: Product) -> str:
    return f"/admin/catalog/product/{product.pk}/change/"


def form(client: Client, product: Product, **changes: Any) -> dict[str, Any]:
    """What the product's page posts as it stands, with changes."""
    context = client.get(page(product)).context
    shown = context["adminform"].form
    data = {name: shown[name].value() or "" for name in shown.fields if name != "created_at"}
    data |= {"created_at_0": "2024-05-01", "created_at_1": "12:00:00", "is_active": "on"}
    return {**data, **changes}


def photo(data: bytes | None = None, name: str = "lamp.jpg") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, jpeg() if data is None else data)


def upload(product: Product, data: bytes | None = None, alt: str = "") -> ProductImage:
    return services.image_upload(actor=SYSTEM, product_id=product.pk, file=photo(data), alt=alt).image


def send(client: Client, product: Product, **changes: Any) -> Any:
    return client.post(page(product), form(client, product, **changes))


def test_several_files_of_a_plain_form_are_added_whether_or_not_there_are_images(admin_client: Client) -> None:
    product = ProductFactory()
    upload(product, jpeg(50))
    assert 'enctype="multipart/form-data"' in admin_client.get(page(product)).content.decode()
    sent = send(admin_client, product, **{"images-files": [photo(jpeg(100)), photo(jpeg(200))]})
    assert sent.status_code == 302
    assert [*product.images.values_list("width", flat=True)] == [50, 100, 200]


def test_with_a_new_product(admin_client: Client) -> None:
    data = form(admin_client, ProductFactory(), slug="another", sku="")
    answer = admin_client.post("/admin/catalog/product/add/", {**data, "images-files": [photo()]})
    assert answer.status_code == 302
    assert ProductImage.objects.get().product.slug == "another"


def test_photos_that_wait_in_the_browser_lead_to_the_new_products_page(admin_client: Client) -> None:
    draft = "0123456789ab" * 3
    data = form(admin_client, ProductFactory(), slug="another", sku="") | {"images-draft": draft}
    refused = admin_client.post("/admin/catalog/product/add/", {**data, "name": ""})
    assert draft in refused.content.decode()
    answer = admin_client.post("/admin/catalog/product/add/", data)
    assert answer["Location"] == f"{page(Product.objects.get(slug='another'))}?photos={draft}"
    for forged in ("../evil", "x" * 36):
        data |= {"slug": f"other-{len(forged)}", "images-draft": forged}
        assert admin_client.post("/admin/catalog/product/add/", data)["Location"] == "/admin/catalog/product/"


@pytest.mark.parametrize(
    ("data", "words"), [(b"GIF89a" + bytes(99), "JPEG, PNG, WebP and AVIF"), (b"", "empty"), (bytes(5000), "larger")]
)
def test_a_refused_file_adds_none_and_says_that_all_are_to_be_chosen_again(
    admin_client: Client, settings: Settings, data: bytes, words: str
) -> None:
    settings.IMAGE_MAX_BYTES = settings.UPLOAD_MAX_BYTES = 4000
    product = ProductFactory()
    files = [photo(), photo(data, "bad.jpg")]
    text = send(admin_client, product, **{"images-files": files}).content.decode()
    assert words in text
    assert "Choose them again" in text
    assert not ProductImage.objects.exists()


def test_another_mistake_of_the_page_says_that_the_files_are_forgotten(admin_client: Client) -> None:
    product = ProductFactory()
    text = send(admin_client, product, **{"images-files": [photo(name="my lamp.jpg")], "price": "x"}).content.decode()
    assert "were not added" in text
    assert "my lamp.jpg" in text


def test_too_many(admin_client: Client, settings: Settings) -> None:
    settings.IMAGES_PER_PRODUCT = 1
    product = ProductFactory()
    files = [photo(), photo(jpeg(90))]
    assert "at most 1 images" in send(admin_client, product, **{"images-files": files}).content.decode()


def test_texts_that_were_typed_right_before_saving_are_saved(admin_client: Client) -> None:
    product = ProductFactory()
    first, second = upload(product, jpeg(50), "a"), upload(product, jpeg(60), "b")
    texts = {f"images-{first.pk}-alt": " new\n text", f"images-{first.pk}-alt_was": "a"}
    texts |= {f"images-{second.pk}-alt": "b", f"images-{second.pk}-alt_was": "b"}
    services.image_update(actor=SYSTEM, image_id=second.pk, alt="theirs")
    assert send(admin_client, product, **texts).status_code == 302
    assert [*product.images.values_list("alt", flat=True)] == ["new text", "theirs"]


def test_a_text_that_somebody_changed_meanwhile_is_told_and_overwritten_the_second_time(admin_client: Client) -> None:
    product = ProductFactory()
    image = upload(product, alt="a")
    services.image_update(actor=SYSTEM, image_id=image.pk, alt="theirs")
    texts = {f"images-{image.pk}-alt": "mine", f"images-{image.pk}-alt_was": "a"}
    text = send(admin_client, product, **texts).content.decode()
    assert "“a” to “theirs”" in text
    assert ">mine</textarea>" in text
    assert 'value="theirs"' in text
    assert send(admin_client, product, **texts | {f"images-{image.pk}-alt_was": "theirs"}).status_code == 302
    assert ProductImage.objects.get().alt == "mine"
    for wrong, words in (("a\0", "cannot be stored"), ("x" * 501, "at most 500")):
        text = send(admin_client, product, **texts | {f"images-{image.pk}-alt": wrong}).content.decode()
        assert words in text
    services.image_delete(actor=SYSTEM, image_id=image.pk)
    assert "deleted meanwhile" in send(admin_client, product, **texts).content.decode()


def test_who_may_only_look_sees_pictures_without_controls(client: Client) -> None:
    product = ProductFactory()
    upload(product, alt="A lamp")
    client.force_login(holder("catalog.view_product", "catalog.view_productimage"))
    text = client.get(page(product)).content.decode()
    assert "A lamp" in text
    assert "data-may-" not in text
    assert 'type="file"' not in text


def test_a_failed_one_is_tried_again_in_the_list_and_in_its_page(admin_client: Client) -> None:
    product = ProductFactory()
    image = upload(product, jpeg(2000, 1000)[:-3000])
    for path, posted in (
        (LIST, {"action": "try_again", "_selected_action": [image.pk]}),
        (LIST, {"_retry": image.pk}),
        (f"{LIST}{image.pk}/change/", {"_retry": ""}),
    ):
        work_all()
        assert all("damaged" in admin_client.get(each).content.decode() for each in (LIST, page(product), path))
        admin_client.post(path, posted)
        assert ProductImage.objects.get().status == ImageStatus.PENDING


def test_the_page_of_an_image_changes_its_text_and_replaces_it(admin_client: Client) -> None:
    image = upload(ProductFactory())
    other = upload(image.product, jpeg(90))
    path = f"{LIST}{image.pk}/change/"
    text = admin_client.post(path, {"alt": "x", "replacement": photo(b"GIF89a")}).content.decode()
    assert "Nothing was replaced" in text
    assert ProductImage.objects.get(pk=image.pk).alt == ""
    assert admin_client.post(path, {"alt": "x", "replacement": photo(jpeg(400))}).status_code == 302
    assert "on its way" in admin_client.get(path).content.decode()
    work_all()
    image.refresh_from_db()
    assert (image.alt, image.width) == ("x", 400)
    assert admin_client.post(path, {"alt": "y", "replacement": photo(jpeg(90))}, follow=True).status_code == 200
    assert ProductImage.objects.get(pk=image.pk).width == 400
    assert admin_client.post(f"{LIST}{image.pk}/delete/", {"post": "yes"}).status_code == 302
    assert [*ProductImage.objects.values_list("pk", "position")] == [(other.pk, 0)]
    assert admin_client.get(f"{LIST}add/").status_code == 403


def test_the_list_costs_the_same_for_one_and_for_many(
    admin_client: Client, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    product = ProductFactory()
    upload(product)
    work_all()
    admin_client.get(LIST)
    with django_assert_num_queries(6) as captured:
        admin_client.get(LIST)
    for width in (50, 60, 70):
        upload(product, jpeg(width))
    work_all()
    with django_assert_num_queries(len(captured)):
        text = admin_client.get(f"{LIST}?status__exact=READY").content.decode()
    assert text.count("/media/products/") == 4


def test_formats_that_were_given_up_are_tried_again_in_the_list(admin_client: Client) -> None:
    image = upload(ProductFactory())
    work_all()
    job = ImageJob.objects.create(kind=ImageJob.Kind.LATER, key=image.key, image=image, status="FAILED")
    assert "some formats failed" in admin_client.get(LIST).content.decode()
    admin_client.post(LIST, {"_retry": image.pk})
    job.refresh_from_db()
    assert job.status == "DUE"


def test_the_list_finds_the_images_of_a_product(admin_client: Client) -> None:
    image, other = upload(ProductFactory(sku="LAMP-7")), upload(ProductFactory(sku="SOFA-1"))
    text = admin_client.get(LIST, {"q": "lamp-7"}).content.decode()
    assert f"{LIST}{image.pk}/change/" in text
    assert f"{LIST}{other.pk}/change/" not in text
    assert admin_client.get(LIST, {"q": "x" * 3000}).status_code == 200
