"""An image is replaced and images are ordered, whatever happens meanwhile."""

from datetime import timedelta
from uuid import UUID

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from catalog.images import files, jobs, pipeline, services
from catalog.images.consistency import check
from catalog.images.tests.pictures import jpeg, work_all
from catalog.models import ImageJob, ImageStatus, Product, ProductImage
from catalog.tests.factories import ProductFactory
from core.auth.policy import SYSTEM
from core.errors import ErrorCode, InvalidInput
from core.tests.actors import holder

pytestmark = pytest.mark.django_db(transaction=True)
NO_TIME = timedelta(0)


@pytest.fixture(autouse=True)
def _no_files_of_other_tests() -> None:
    for storage in (files.served(), files.private()):
        for key in files.keys(storage):
            files.remove(UUID(key))


def photo(data: bytes | None = None) -> SimpleUploadedFile:
    return SimpleUploadedFile("lamp.jpg", data or jpeg())


def upload(product: Product, width: int = 300, alt: str = "") -> ProductImage:
    return services.image_upload(actor=SYSTEM, product_id=product.pk, file=photo(jpeg(width)), alt=alt).image


def replace(image: ProductImage, data: bytes) -> services.Upload:
    return services.image_replace(actor=SYSTEM, image_id=image.pk, file=photo(data))


def stored(image: ProductImage) -> list[str]:
    return [name for storage in (files.served(), files.private()) for name in files.listed(storage, image.key)]


def test_the_new_picture_takes_text_and_place_and_the_old_is_shown_until_then() -> None:
    product = ProductFactory()
    _, image = upload(product, 100), upload(product, 200, alt="A lamp")
    work_all()
    image.refresh_from_db()
    assert replace(image, jpeg(300, 400)).is_new
    services.image_update(actor=SYSTEM, image_id=image.pk, alt="A brass lamp")
    old = ProductImage.objects.get(pk=image.pk)
    assert (old.status, old.key, old.width) == (ImageStatus.READY, image.key, 200)
    work_all()
    new = ProductImage.objects.get(pk=image.pk)
    assert (new.status, new.width, new.height, new.position, new.alt) == (
        ImageStatus.READY,
        300,
        400,
        1,
        "A brass lamp",
    )
    assert new.key != image.key
    assert stored(image) == []
    assert {rendition.name.split("/")[1] for rendition in new.renditions.all()} == {new.key.hex}
    assert {rendition.format for rendition in new.renditions.all()} == {"JPEG", "WEBP", "AVIF"}
    assert not check(min_age=NO_TIME)


def test_the_old_picture_stays_when_the_new_one_is_damaged_and_a_third_makes_way_for_nothing() -> None:
    image = upload(ProductFactory())
    work_all()
    image.refresh_from_db()
    replace(image, jpeg(2000, 1000)[:-3000])
    work_all()
    job = image.jobs.get(kind=ImageJob.Kind.REPLACE)
    assert job.status == "FAILED"
    assert "damaged" in job.reason
    assert ProductImage.objects.get().key == image.key
    assert not check(min_age=NO_TIME)
    assert services.retry_later_jobs(actor=SYSTEM, images=ProductImage.objects.all()) == 1
    replace(image, jpeg(500))
    job = image.jobs.get(kind=ImageJob.Kind.REPLACE)
    services.replacement_discard(actor=SYSTEM, image_id=image.pk)
    work_all()
    assert files.listed(files.private(), job.key) == []
    assert ProductImage.objects.get().key == image.key
    assert not check(min_age=NO_TIME)


def test_what_is_refused_changes_nothing_and_leaves_no_file() -> None:
    product = ProductFactory()
    image, other = upload(product, 100), upload(product, 200)
    for data, code in ((b"GIF89a", ErrorCode.UNSUPPORTED_IMAGE), (jpeg(200), ErrorCode.ALREADY_EXISTS)):
        with pytest.raises(InvalidInput) as refused:
            replace(image, data)
        assert refused.value.field_errors[0].code == code
    with pytest.raises(InvalidInput, match="permission"):
        services.image_replace(actor=holder("catalog.add_productimage"), image_id=image.pk, file=photo(jpeg(9)))
    services.image_delete(actor=SYSTEM, image_id=other.pk)
    with pytest.raises(InvalidInput, match="deleted"):
        replace(other, jpeg(9))
    assert not replace(image, jpeg(100)).is_new
    assert not ImageJob.objects.filter(kind=ImageJob.Kind.REPLACE).exists()
    assert not check(min_age=NO_TIME)


def test_an_image_that_is_deleted_takes_its_replacement_along() -> None:
    image = upload(ProductFactory())
    replace(image, jpeg(400))
    key = image.jobs.get(kind=ImageJob.Kind.REPLACE).key
    image.product.delete()
    assert files.listed(files.private(), key) == []
    work_all()
    assert not check(min_age=NO_TIME)


def test_the_same_bytes_that_were_added_meanwhile_end_the_replacement() -> None:
    image = upload(ProductFactory())
    work_all()
    replace(image, jpeg(400))
    upload(image.product, 400)
    work_all()
    assert image.jobs.get(kind=ImageJob.Kind.REPLACE).reason == jobs.SAME_PICTURE


def test_order_is_of_what_there_is() -> None:
    product, other = ProductFactory(), ProductFactory()
    first, second, third = (upload(product, width) for width in (100, 200, 300))
    services.image_delete(actor=SYSTEM, image_id=second.pk)
    added, strange = upload(product, 400), upload(other)
    order = services.image_order(actor=SYSTEM, product_id=product.pk, ids=[third.pk, second.pk, first.pk, strange.pk])
    assert order.missing == [second.pk, strange.pk]
    assert list(product.images.values_list("pk", "position")) == [(third.pk, 0), (first.pk, 1), (added.pk, 2)]


def test_a_text_that_somebody_else_changed_is_not_overwritten_unseen() -> None:
    image = upload(ProductFactory(), alt="a")
    services.image_update(actor=SYSTEM, image_id=image.pk, alt="b", alt_was="a")
    services.image_update(actor=SYSTEM, image_id=image.pk, alt="b", alt_was="a")
    with pytest.raises(InvalidInput, match="“b”") as refused:
        services.image_update(actor=SYSTEM, image_id=image.pk, alt="c", alt_was="a")
    assert refused.value.field_errors[0].code == ErrorCode.VERSION_CONFLICT


def test_a_worker_that_dies_before_the_rows_leaves_the_old_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    image = upload(ProductFactory())
    work_all()
    image.refresh_from_db()
    replace(image, jpeg(400))
    with monkeypatch.context() as patch:
        patch.setattr(jobs, "run_in_transaction", lambda work: (_ for _ in ()).throw(SystemExit))
        job = image.jobs.get(kind=ImageJob.Kind.REPLACE)
        assert pipeline.claim(job)
        with pytest.raises(SystemExit):
            jobs.do(job, pipeline.pool())
    assert ProductImage.objects.get().key == image.key
    assert not set(stored(image)) - {name for name in stored(image) if image.key.hex in name}
    pipeline.release(ImageJob, max_attempts=9)
    work_all()
    assert ProductImage.objects.get().width == 400
    assert not check(min_age=NO_TIME)
