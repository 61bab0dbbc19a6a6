"""The admin's front page: what needs a person, and that each entry leads to the rows that it counts."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from catalog.bulk.models import BulkChange
from catalog.images.models import ImageJob, ImageStatus
from catalog.models import ImportJob, ProductImage, SearchCount
from catalog.tests.factories import ProductFactory
from core.admin import front_page
from core.tests.actors import holder
from users.mail import outbox
from users.models import OutgoingMail
from users.tests.factories import UserFactory, employee

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)


def image(number, status):
    facts = {"width": 4, "height": 3, "source": "JPEG", "bytes": 9, "sha256": f"{number:064}"}
    return ProductImage.objects.create(product=ProductFactory(quantity=99), status=status, **facts)


def partly_failed_image(number):
    job = {"kind": ImageJob.Kind.LATER, "key": f"{number:032}", "status": "FAILED"}
    return ImageJob.objects.create(image=image(number + 500, ImageStatus.READY), **job)


def import_job(**fields):
    return ImportJob.objects.create(file_name="products.csv", bytes=1, **fields)


def mail(status):
    return outbox.enqueue(OutgoingMail.Kind.WELCOME, user=UserFactory(), status=status)


def search(number):
    # The same text on two days is one text.
    for ago in (0, 1):
        day = timezone.now().date() - timedelta(days=ago)
        SearchCount.objects.create(day=day, text=f"t{number}", typed=f"t{number}", searches=2, without_hits=1, hits=0)


# What makes a row of each kind, the sentences for one and for many, and the button in the list that is opened.
KINDS = {
    "failed mails": (lambda n: mail("FAILED"), "mail could not be sent", "mails could not", "Send again"),
    "uncertain mails": (lambda n: mail("UNCERTAIN"), "mail may have arrived", "mails may have", "Send again"),
    "failed images": (lambda n: image(n, "FAILED"), "picture could not", "pictures could not", "Try again"),
    "partly failed images": (partly_failed_image, "picture is shown, but", "pictures are shown, but", "Try again"),
    "imports to confirm": (
        lambda n: import_job(status="READY", check_findings={"created": 0, "updated": 1}),
        "import is checked",
        "imports are",
        "not imported yet",
    ),
    "refused rows": (
        lambda n: import_job(status="DONE", phase="IMPORT", refused=3),
        "import of the last 7 days has rows",
        "imports of the last 7 days have rows",
        "imported",
    ),
    "failed imports": (lambda n: import_job(status="FAILED"), "days failed", "days failed", "cannot be imported"),
    "failed bulk changes": (
        lambda n: BulkChange.objects.create(kind="ARCHIVE", size=1, status="FAILED"),
        "bulk change of the last 7 days failed",
        "bulk changes of the last",
        "Archive",
    ),
    "sold out": (
        lambda n: ProductFactory(quantity=0),
        "product in the shop is",
        "products in the shop are",
        "stock",
    ),
    "low stock": (lambda n: ProductFactory(quantity=5), "has 5 units or fewer", "have 5 units or fewer", "stock"),
    "searches": (search, "text that people", "texts that people", "Synonym"),
}
DECOYS = [
    lambda: mail("SENT"),
    lambda: outbox.enqueue(OutgoingMail.Kind.WELCOME, user=None, status="FAILED"),
    lambda: outbox.enqueue(OutgoingMail.Kind.WELCOME, user=UserFactory(is_active=False), status="FAILED"),
    lambda: outbox.enqueue(OutgoingMail.Kind.WELCOME, user=UserFactory(), status="FAILED", delay=-31 * 24 * HOUR),
    lambda: import_job(status="DONE", phase="IMPORT"),
    lambda: import_job(status="READY", check_findings={"created": 0, "updated": 0, "refused": 9}),
    lambda: import_job(status="FAILED", due_at=timezone.now() - 8 * 24 * HOUR),
    lambda: image(999, "READY"),
    lambda: ProductFactory(quantity=0, is_active=False),
    lambda: ProductFactory(quantity=0, unlimited_stock=True),
    lambda: ProductFactory(quantity=6),
    lambda: SearchCount.objects.create(
        day=timezone.now().date(), text="a", typed="a", searches=1, without_hits=0, hits=5
    ),
]


@pytest.fixture
def client():
    """An employee's, of the group "Shop staff"."""
    client = Client()
    client.force_login(employee())
    return client


def needs(client):
    """The entries of the page."""
    response = client.get("/admin/")
    assert response.status_code == 200
    return response.context["needs"]


def test_nothing_is_said_of_what_needs_nobody(client):
    for make in DECOYS:
        make()
    assert needs(client) == []
    page = client.get("/admin/").content.decode()
    assert "Nothing needs you." in page
    assert "Recent actions" not in page


@pytest.mark.parametrize(("make", "one", "many", "button"), KINDS.values(), ids=KINDS)
def test_an_entry_leads_to_the_rows_that_it_counts(client, make, one, many, button):
    for decoy in DECOYS:
        decoy()
    for number, sentence in ((1, one), (2, many)):
        make(number)
        (entry,) = needs(client)
        assert entry.number == str(number)
        assert sentence in entry.sentence
        page = client.get(entry.address)
        assert page.status_code == 200
        assert page.context["cl"].result_count == number
        assert button in page.content.decode()


def test_what_somebody_may_not_mend_is_not_shown():
    for make, *_ in KINDS.values():
        make(1)
    client = Client()
    client.force_login(holder("catalog.view_product"))
    assert needs(client) == []
    client.force_login(holder("users.change_outgoingmail"))
    assert [entry.sentence[:4] for entry in needs(client)] == ["mail", "mail"]


def test_counts_end_somewhere_and_queries_are_constant(client, monkeypatch):
    def cost():
        with CaptureQueriesContext(connection) as made:
            shown = needs(client)
        return len(made), shown

    for make, *_ in KINDS.values():
        make(0)
    before, _ = cost()
    for make, *_ in KINDS.values():
        for number in range(1, 6):
            make(number)
    monkeypatch.setattr(front_page, "MAX_COUNT", 5)
    after, shown = cost()
    assert after == before
    assert {entry.number for entry in shown} == {"4+"}


def test_jobs_that_nobody_does_are_shown_with_their_delay(client):
    mail("DUE")
    assert needs(client) == []
    OutgoingMail.objects.update(due_at=timezone.now() - 3 * HOUR)
    (entry,) = needs(client)
    assert entry.number == "3 hours"
    assert "mails have waited" in entry.sentence
    assert client.get(entry.address).context["cl"].result_count == 1
