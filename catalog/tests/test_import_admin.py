"""Imports through the admin's pages, as an employee's browser sends them."""

import errno
import html
import re
from datetime import timedelta
from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import transaction
from django.test import Client
from django.utils import timezone

from catalog.importing import job_files, jobs, services
from catalog.importing import tests as importing_tests
from catalog.importing.models import ImportJob
from catalog.models import Product
from catalog.tests.factories import ProductFactory
from core.jobs import heartbeat
from core.tests.actors import holder
from users.tests.factories import employee

UPLOAD = "/admin/catalog/importjob/upload/"
LIST = "/admin/catalog/importjob/"
FILE = b"name,slug,price,quantity\nOak lamp,oak,89.00,12\nAsh lamp,ash,95.50,0\n"
MIXED = b"name,slug,price,quantity\nOak lamp,oak,89.00,12\n=1+1,bad,abc,1\n"
WITHOUT_QUANTITIES = b"name,slug,price\nOak lamp,oak,89.00\n"

pytestmark = pytest.mark.django_db


def client_of(user, **options):
    client = Client(**options)
    client.force_login(user)
    return client


@pytest.fixture
def shop():
    """An employee's browser, in a shop whose worker was just seen."""
    heartbeat.write(heartbeat.queue_names())
    return client_of(employee())


def upload(client, content=FILE, name="products.csv", **options):
    response = client.post(UPLOAD, {"file": SimpleUploadedFile(name, content), **options})
    assert response.status_code == 302, response.context["form"].errors
    return response["Location"]


def checked(client, content=FILE, name="products.csv", **options):
    """The page of an uploaded file that was checked."""
    page = upload(client, content, name, **options)
    jobs.work()
    return page


def text_of(response):
    """What a page says, without markup."""
    assert response.status_code == 200
    page = response.content.decode().partition('id="content-main"')[2].partition('id="footer"')[0]
    return html.unescape(" ".join(re.sub(r"<[^>]+>", " ", page).split()))


def refreshes(response):
    return 'http-equiv="refresh"' in response.content.decode()


def test_from_the_upload_to_the_products(shop):
    page = upload(shop)
    waiting = shop.get(page)
    assert "waits to be checked" in text_of(waiting)
    assert refreshes(waiting)
    jobs.work()
    ready = shop.get(page)
    assert "2 would be created" in counts(ready)
    assert not refreshes(ready)
    assert not Product.objects.exists()
    assert shop.post(page, {"import": ""})["Location"] == page
    assert "waits to begin" in text_of(shop.get(page))
    jobs.work()
    done = shop.get(page)
    assert "The import is done" in text_of(done)
    assert {"2 created", "0 refused"} <= counts(done)
    assert set(Product.objects.values_list("slug", "quantity")) == {("oak", 12), ("ash", 0)}
    row = text_of(shop.get(LIST))
    assert "products.csv imported" in row


def counts(response):
    text = " ".join(response.content.decode().split())
    return {f"{n} {what}" for what, n in re.findall(r"<dt>([^<]+)</dt><dd>([^<]+)</dd>", text)}


def test_the_same_file_again_changes_nothing(shop):
    shop.post(checked(shop), {"import": ""})
    jobs.work()
    page = checked(shop)
    assert "It would change nothing" in text_of(shop.get(page))
    assert "2 are the same already" in counts(shop.get(page))
    assert '"import"' not in shop.get(page).content.decode()


def test_what_would_change_is_shown_by_product_and_field(shop):
    ProductFactory(name="Oak lamp", slug="oak", price="80.00", quantity=12)
    new = b"".join(b"Lamp %d,lamp-%d,9.00,1\n" % (n, n) for n in range(20))
    page = shop.get(checked(shop, FILE.replace(b"Oak", new + b"Oak")))
    assert {"21 would be created", "1 would be changed"} <= counts(page)
    assert "Oak lamp price 80.00 89.00" in text_of(page)


def test_attributes_and_groups_that_would_change_are_shown_like_fields(shop):
    product = ProductFactory(name="Oak lamp", slug="oak")
    file = b"slug,attribute: Wood,attribute: Width (cm),group\noak,Oak | Ash,40,Lamps\n"
    shop.post(checked(shop, file.replace(b"40", b"30").replace(b" | Ash", b"")), {"import": ""})
    jobs.work()
    text = text_of(page := shop.get(checked(shop, file.replace(b"Lamps", b""))))
    assert "1 would be changed" in counts(page)
    assert "Oak lamp" not in text  # A row is called by what the file says of it.
    assert "oak attribute: Wood Oak Ash, Oak attribute: Width 30 cm 40 cm group Lamps –" in text
    assert product.attribute_rows.count() == 2
    text = text_of(shop.get(checked(shop, b"slug,Farbe\noak,Rot\n", mapping="Farbe = attribute: Colour")))
    assert "attribute: Colour – Rot" in text
    assert "New attributes: Colour (text)" in text


def test_a_file_without_quantities_is_imported_after_a_choice_only(shop):
    page = checked(shop, WITHOUT_QUANTITIES)
    assert "The file has no quantities" in text_of(shop.get(page))
    for wrong in ({}, {"stock": ""}, {"stock": "7"}):
        assert "Choose one" in text_of(shop.post(page, {"import": "", **wrong}))
    assert ImportJob.objects.get().status == ImportJob.Status.READY
    shop.post(page, {"import": "", "stock": "unlimited"})
    jobs.work()
    assert Product.objects.get().unlimited_stock


class TestRefusedRows:
    def test_are_shown_downloaded_corrected_and_imported(self, shop):
        page = checked(shop, MIXED)
        shown = shop.get(page)
        assert "3 price 'abc'" in text_of(shown)
        assert "1 would be refused" in counts(shown)
        response = shop.get(page.replace("change", "refused"))
        assert "refused-products.csv" in response["Content-Disposition"]
        report = b"".join(response.streaming_content)
        assert report.splitlines()[1].startswith(b"products.csv,3,")
        assert b",'=1+1,bad,abc,1" in report
        page = checked(shop, report.replace(b"abc", b"7.00"), "corrected.csv")
        shop.post(page, {"import": ""})
        jobs.work()
        assert Product.objects.get(slug="bad").name == "=1+1"

    def test_there_are_none(self, shop):
        page = checked(shop)
        assert shop.get(page.replace("change", "refused")).status_code == 404
        assert shop.get(f"{LIST}999999/refused/").status_code == 404


class TestOnce:
    def test_two_people_confirm(self, shop):
        page = checked(shop)
        other = client_of(employee())
        shop.post(page, {"import": ""})
        assert "started already" in other.post(page, {"import": ""}, follow=True).content.decode()
        jobs.work()
        assert "started already" in shop.post(page, {"import": ""}, follow=True).content.decode()
        assert ImportJob.objects.get().status == ImportJob.Status.DONE
        assert Product.objects.count() == 2

    def test_cancelled_by_the_one_and_confirmed_by_the_other(self, shop):
        page = checked(shop)
        shop.post(page, {"cancel": ""})
        refused = shop.post(page, {"import": ""}, follow=True)
        assert "cannot be started any more" in refused.content.decode()
        assert "Nothing was imported" in text_of(refused)
        assert "had ended already" in shop.post(page, {"cancel": ""}, follow=True).content.decode()
        jobs.work()
        assert not Product.objects.exists()

    def test_deleted_meanwhile(self, shop):
        page = checked(shop)
        ImportJob.objects.all().delete()
        for response in (shop.get(page), shop.post(page, {"import": ""})):
            assert response.status_code == 302

    def test_a_second_file_waits_for_the_first(self, shop):
        upload(shop, name="first.csv")
        page = upload(shop, name="second.csv")
        user = ImportJob.objects.first().user
        assert f"It waits for first.csv , uploaded by {user}" in text_of(shop.get(page))


class TestFilesThatCannotBeImported:
    """Each is told in words; none is an error of the server."""

    @pytest.mark.parametrize(
        ("name", "content"),
        [
            ("photo.png", b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 20),
            ("products.xlsx", b"PK\x03\x04 no workbook"),
            ("text.csv", b"hello"),
            ("blank.csv", b"\n\n"),
            ("zeros.csv", bytes(1000)),
        ],
    )
    def test_are_failed_with_a_sentence(self, shop, name, content):
        page = text_of(shop.get(checked(shop, content, name)))
        assert "This file cannot be imported, and nothing was changed" in page
        assert name in page
        assert "vitrine-import" not in page

    def test_nothing_or_an_empty_file_is_refused_at_once(self, shop):
        assert "Choose a file" in text_of(shop.post(UPLOAD, {}))
        assert "The file is empty" in text_of(shop.post(UPLOAD, {"file": SimpleUploadedFile("a.csv", b"")}))
        assert not ImportJob.objects.exists()

    def test_too_large(self, shop, settings):
        settings.IMPORT_MAX_BYTES = 1000
        response = shop.post(UPLOAD, {"file": SimpleUploadedFile("a.csv", b"x" * 1001)})
        assert "The file is larger than" in text_of(response)
        assert len(response.context["form"].errors) == 1
        assert settings.LONGER_FORMS[UPLOAD] > 100 * 2**20
        settings.LONGER_FORMS = {UPLOAD: 2000}
        assert shop.post(UPLOAD, {"file": SimpleUploadedFile("a.csv", b"x" * 3000)}).status_code == 413

    @pytest.mark.parametrize("where", ["core.storage.WholeFiles._save", "tempfile._TemporaryFileWrapper.write"])
    def test_a_full_disk_is_told(self, shop, monkeypatch, where):
        def full(*_):
            raise OSError(errno.ENOSPC, "No space left on device")

        monkeypatch.setattr(where, full, raising=False)
        response = shop.post(UPLOAD, {"file": SimpleUploadedFile("a.csv", FILE)})
        monkeypatch.undo()
        assert "The file could not be stored" in text_of(response)
        assert not ImportJob.objects.exists()

    def test_too_many_wait(self, shop, monkeypatch):
        monkeypatch.setattr(services, "MAX_UNFINISHED", 1)
        upload(shop)
        assert "imports that are not done" in text_of(shop.post(UPLOAD, {"file": SimpleUploadedFile("a.csv", FILE)}))

    @pytest.mark.parametrize("wrong", [{"mapping": "abc"}, {"mapping": "a = b"}, {"encoding": "x"}, {"sheet": "\x00"}])
    def test_wrong_options_are_told(self, shop, wrong):
        response = shop.post(UPLOAD, {"file": SimpleUploadedFile("a.csv", FILE), **wrong})
        assert response.context["form"].errors
        assert not ImportJob.objects.exists()


def test_options_reach_the_import(shop):
    content = "Bezeichner;Kosten;Stück\nLampe groß;89,00;3\n".encode("cp1252")
    mapping = "Bezeichner = name\nKosten = price"
    page = checked(shop, content, encoding="cp1252", delimiter=";", mapping=mapping)
    shop.post(page, {"import": ""})
    jobs.work()
    assert list(Product.objects.values_list("name", "quantity")) == [("Lampe groß", 3)]


def test_a_workbook_and_what_the_form_calls_its_options(shop):
    workbook = Path(importing_tests.__file__).parent / "cases" / "products.xlsx"
    page = shop.get(checked(shop, workbook.read_bytes(), "products.xlsx"))
    assert "4 would be created" in counts(page)
    assert "the option “Sheet” overrides this" in text_of(page)
    unknown = text_of(shop.get(checked(shop, b"name,price,Colour\nOak,9.00,red\n")))
    assert "the option “Columns with other names”" in unknown
    assert "--" not in unknown


def test_without_a_worker_the_page_says_so():
    client = client_of(employee())
    assert "No worker runs" in text_of(client.get(upload(client)))


class TestWhoMay:
    RIGHTS = ("catalog.add_product", "catalog.change_product", "catalog.view_importjob")

    def test_import_with_all_of_the_permissions_only(self, shop):
        page = checked(shop)
        for missing in self.RIGHTS:
            client = client_of(holder(*(set(self.RIGHTS) - {missing})))
            assert client.get(UPLOAD).status_code == 403
            assert client.post(UPLOAD, {"file": SimpleUploadedFile("a.csv", FILE)}).status_code == 403
            assert client.post(page, {"import": ""}).status_code == 403
            assert client.post(page, {"cancel": ""}).status_code == 403
            assert "Import" not in client.get("/admin/catalog/product/").content.decode().partition("object-tools")[2]
        assert ImportJob.objects.get().status == ImportJob.Status.READY
        client = client_of(holder(*self.RIGHTS))
        assert client.post(page, {"import": ""}).status_code == 302
        assert ImportJob.objects.get().phase == ImportJob.Phase.IMPORT

    def test_whoever_may_only_look_sees_no_buttons(self, shop):
        page = checked(shop, MIXED)
        client = client_of(holder("catalog.view_importjob"))
        assert 'name="import"' not in client.get(page).content.decode()
        assert client.get(page.replace("change", "refused")).getvalue()
        assert client_of(holder("catalog.view_product")).get(page.replace("change", "refused")).status_code == 403

    def test_a_strangers_file_is_not_read(self, monkeypatch):
        def read(*_):
            raise AssertionError("the body was read")

        monkeypatch.setattr("django.http.request.HttpRequest._load_post_and_files", read)
        for client in (Client(), client_of(holder("catalog.view_product"))):
            response = client.post(UPLOAD, {"file": SimpleUploadedFile("a.csv", FILE)})
            assert response.status_code in (302, 403)

    def test_another_sites_form_is_refused(self):
        client = client_of(employee(), enforce_csrf_checks=True)
        assert client.post(UPLOAD, {"file": SimpleUploadedFile("a.csv", FILE)}).status_code == 403


class TestOldFiles:
    def test_are_deleted_with_the_imports_that_nobody_confirmed(self, shop, monkeypatch):
        monkeypatch.setattr(job_files, "ABANDONED_AFTER", timedelta())
        page = checked(shop, MIXED)
        fresh = upload(shop)
        assert job_files.delete_old() == 0
        ImportJob.objects.filter(pk=ImportJob.objects.order_by("pk").first().pk).update(
            created_at=timezone.now() - timedelta(days=31)
        )
        assert job_files.delete_old() == 1
        old = shop.get(page)
        assert "Nobody confirmed it within 30 days" in text_of(old)
        assert shop.get(page.replace("change", "refused")).status_code == 404
        assert len(job_files._folders()) == 1
        jobs.work()
        assert "2 would be created" in counts(shop.get(fresh))

    def test_of_no_import_are_deleted(self, shop, monkeypatch):
        with transaction.atomic():
            upload(shop)
            transaction.set_rollback(True)
        job_files.delete_old()
        assert len(job_files._folders()) == 1
        monkeypatch.setattr(job_files, "ABANDONED_AFTER", timedelta())
        job_files.delete_old()
        assert job_files._folders() == []


@pytest.fixture(autouse=True)
def _no_files_are_left(monkeypatch):
    yield
    monkeypatch.setattr(job_files, "ABANDONED_AFTER", timedelta())
    ImportJob.objects.all().delete()
    job_files.delete_old()
