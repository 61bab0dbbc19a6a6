"""Real worker processes: killed while they write, rebuilding under load, and with a broken index."""

import os
import random
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.tests.processes import Service, until

pytestmark = pytest.mark.worker
KILLS = 20
PRODUCTS = 1_000
# Changes and their count are told on the command line, so that a process of its own makes them.
CHANGE = """
import random
from catalog.models import Product
chance = random.Random({seed})
keys = list(Product.objects.values_list("id", flat=True))
for n in range({times}):
    row = Product.objects.get(pk=chance.choice(keys))
    row.price, row.is_active = chance.randrange(1, 10_000), chance.random() < 0.9
    row.name = f"Lamp {{chance.randrange(50)}}"
    row.save()
    if n % 10 == 0:
        Product.objects.filter(pk__in=chance.sample(keys, 50)).update(quantity=chance.randrange(100))
"""
FILL = """
from decimal import Decimal
from catalog.models import Brand, Category, Product
category, brand = Category.objects.create(name="Lamps", slug="lamps"), Brand.objects.create(name="Zen", slug="zen")
rows = [
    Product(name=f"Lamp {{n % 50}}", slug=f"lamp-{{n}}", category=category, brand=brand, price=Decimal(n % 97))
    for n in range({count})
]
for row in rows:
    row.fill_keys()
Product.objects.bulk_create(rows, batch_size=500)
"""
# Searches until it is told to stop, one line for each mistake.
SEARCH = """
import sys, time
from pathlib import Path
from catalog.search.criteria import SortField
from catalog.search.engine import engine
from catalog.search.pages import Page
from catalog.search.validation import SearchInput, parse_criteria
stop, done = Path(sys.argv[-1]), 0
asked = [
    parse_criteria(SearchInput(text="lamp")),
    parse_criteria(SearchInput(sort=SortField.PRICE)),
    parse_criteria(SearchInput(categories=["lamps"], sort=SortField.NAME)),
]
hold, held = stop.with_name("hold"), stop.with_name(f"held-{sys.argv[-2]}")
while not stop.exists():
    while hold.exists():
        held.touch()
        time.sleep(0.01)
    for criteria in asked:
        try:
            search = engine().resolve(criteria)
            if len(search.page(Page(20)).positions) != 20 or not search.total():
                print("an answer without products", flush=True)
        except Exception as error:
            print(repr(error), flush=True)
        done += 1
print(f"searches {done}", flush=True)
"""


IMPORTED = 20_000
IMPORT = """
import time
from django.core.files.base import ContentFile
from catalog.importing import services
from catalog.models import ImportJob, Product
from core.auth.policy import SYSTEM
"""
UPLOAD = f"""{IMPORT}
rows = "".join(f"Import {{{{n}}}},i-{{{{n}}}},9.00,1\\n" for n in range({{rows}}))
file = ContentFile(("name,slug,price,quantity\\n" + rows).encode(), "lamps.csv")
print(services.upload_import(actor=SYSTEM, file=file, options={{{{}}}}).pk)
"""
WAIT = f"""{IMPORT}
end = time.monotonic() + 120
while True:
    job = ImportJob.objects.get(pk={{job}})
    if {{condition}}:
        break
    assert time.monotonic() < end, (job.status, job.created, job.reason)
    time.sleep(0.02)
"""


CHANGED = 5_000
BULK = """
import time
from decimal import Decimal
from catalog.bulk import services
from catalog.bulk.models import BulkChange
from catalog.models import Product
from core.history.models import Change
from users.models import User
"""
LOWER = f"""{BULK}
user = User.objects.create_superuser("boss@example.com", "x")
place = Product.objects.first()
rows = [
    Product(name=f"Bulk {{n}}", slug=f"b-{{n}}", price=n + 1, category_id=place.category_id, brand_id=place.brand_id)
    for n in range({CHANGED})
]
for row in rows:
    row.fill_keys()
Product.objects.bulk_create(rows, batch_size=1000)
ids = Product.objects.filter(slug__startswith="b-").values_list("pk", flat=True)
change = services.draft_change(actor=user, kind="CHANGE_PRICES", product_ids=ids)
options = {{"percent": "50", "rounding": "0.01+0", "direction": "NEAREST", "before": "KEEP"}}
services.choose_options(actor=user, change_id=change.pk, options=options)
services.confirm_change(actor=user, change_id=change.pk, version=1)
print(change.pk)
"""
WAIT_BULK = f"""{BULK}
end = time.monotonic() + 120
while True:
    change = BulkChange.objects.get(pk={{change}})
    if {{condition}}:
        break
    assert time.monotonic() < end, (change.status, change.position, change.reason)
    time.sleep(0.02)
"""


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    made = Service(tmp_path)
    try:
        done = made.manage("migrate", "-v0")
        assert done.returncode == 0, done.stderr
        made.run(FILL.format(count=PRODUCTS))
        done = made.manage("rebuild_index")
        assert done.returncode == 0, done.stderr
        yield made
    finally:
        made.kill_all()


def test_killed_twenty_times_nothing_is_lost_and_nothing_doubled(service: Service) -> None:
    chance = random.Random(1)
    # Without Celery's start-up it is the applying itself that is killed, again and again.
    apply = "from catalog.search.index import updating\nprint('ready', flush=True)\nwhile True: updating.sweep()"
    writers = [service.script(CHANGE.format(seed=seed, times=100)) for seed in range(2)]
    for _ in range(KILLS):
        worker = service.script(apply)
        assert worker.stdout
        assert worker.stdout.readline() == "ready\n"
        time.sleep(chance.random())
        worker.send_signal(signal.SIGKILL)
        worker.wait()
    assert [writer.wait(500) for writer in writers] == [0, 0]
    service.worker()
    until(lambda: service.drift() == "", 120)


def test_a_rebuild_under_load_fails_no_search_and_loses_no_change(service: Service) -> None:
    stop = service.folder / "stop"
    service.worker()
    searchers = [service.script(SEARCH, str(n), str(stop)) for n in range(2)]
    writer = service.script(CHANGE.format(seed=3, times=60))
    for _ in range(4):
        done = service.manage("rebuild_index")
        assert done.returncode == 0, done.stderr
    assert writer.wait(300) == 0
    stop.touch()
    for searcher in searchers:
        told = searcher.communicate(timeout=60)[0].splitlines()
        assert len(told) == 1, told[:5]
        assert int(told[0].removeprefix("searches ")) > 0
    until(lambda: service.drift() == "", 120)


@pytest.mark.parametrize("wreck", ["deleted", "truncated", "garbled"])
def test_an_index_that_breaks_under_load_fails_no_search_and_comes_back(service: Service, wreck: str) -> None:
    stop = service.folder / "stop"
    searchers = [service.script(SEARCH, str(n), str(stop)) for n in range(2)]
    time.sleep(3)
    index = service.folder / "index"
    generation = index / (index / "current").read_text()
    # Between two searches: a file that is truncated in the very millisecond in which it is read ends the process.
    (service.folder / "hold").touch()
    until(lambda: all((service.folder / f"held-{n}").exists() for n in range(2)))
    if wreck == "deleted":
        subprocess.run(["rm", "-rf", str(index)], check=True)  # noqa: S603, S607
    else:
        for path in generation.iterdir():
            if path.suffix in (".term", ".idx", ".fast"):
                size = path.stat().st_size
                path.write_bytes(b"" if wreck == "truncated" else os.urandom(size))
    (service.folder / "hold").unlink()
    time.sleep(2)
    service.worker()
    until(lambda: (index / "current").exists() and (index / "current").read_text() != generation.name)
    time.sleep(2)
    stop.touch()
    for searcher in searchers:
        told = searcher.communicate(timeout=60)[0].splitlines()
        assert len(told) == 1, told[:5]
        assert told[0].startswith("searches ")
    until(lambda: service.drift() == "", 120)


def test_killed_in_the_middle_of_an_import_it_is_exact(service: Service) -> None:
    """Twice; the third worker finishes it."""
    job = int(service.run(UPLOAD.format(rows=IMPORTED)))
    worker = service.worker()
    service.run(WAIT.format(job=job, condition="job.status == 'READY'"))
    service.run(f"{IMPORT}services.confirm_import(actor=SYSTEM, job_id={job})")
    for created in (IMPORTED // 5, IMPORTED // 2):
        service.run(WAIT.format(job=job, condition=f"job.created >= {created}"))
        os.killpg(worker.pid, signal.SIGKILL)
        worker = service.worker()
    service.run(WAIT.format(job=job, condition="job.status == 'DONE'"))
    told = service.run(
        f"""{IMPORT}
job = ImportJob.objects.get(pk={job})
print(job.created, job.updated, job.unchanged, job.refused, job.attempts, end=" ")
print(Product.objects.filter(slug__startswith="i-").count())
"""
    )
    assert told == f"{IMPORTED} 0 0 0 3 {IMPORTED}\n"
    until(lambda: service.drift() == "", 120)


def test_a_bulk_change_killed_in_the_middle_goes_on_and_so_does_its_undoing(service: Service) -> None:
    """No price is raised twice, and none is left out."""
    change = int(service.run(LOWER))
    worker = service.worker()
    for count in (CHANGED // 5, CHANGED // 2):
        service.run(WAIT_BULK.format(change=change, condition=f"change.position >= {count}"))
        os.killpg(worker.pid, signal.SIGKILL)
        worker = service.worker()
    service.run(WAIT_BULK.format(change=change, condition="change.status == 'DONE'"))
    count = f"""{BULK}
change = BulkChange.objects.get(pk={change})
wanted = {{{{f"b-{{{{n}}}}": Decimal(n + 1) * {{times}} for n in range({CHANGED})}}}}
prices = dict(Product.objects.filter(slug__startswith="b-").values_list("slug", "price"))
print(change.changed, change.undone, Change.objects.filter(via=change.via).count(), prices == wanted)
"""
    assert service.run(count.format(times='Decimal("1.5")')) == f"{CHANGED} 0 {CHANGED} True\n"
    service.run(f"{BULK}services.undo_change(actor=User.objects.get(), change_id={change})")
    service.run(WAIT_BULK.format(change=change, condition=f"change.undone >= {CHANGED // 3}"))
    os.killpg(worker.pid, signal.SIGKILL)
    worker = service.worker()
    service.run(WAIT_BULK.format(change=change, condition="change.status == 'DONE'"))
    assert service.run(count.format(times="1")) == f"{CHANGED} {CHANGED} {CHANGED} True\n"
    until(lambda: service.drift() == "", 120)


def test_a_change_is_searchable_soon(service: Service) -> None:
    """How soon on a quiet machine, bench/search.py tells; here that it is found at all, each time."""
    service.worker()
    found = service.script(
        """
import time
from catalog.models import Product
from catalog.search.cursors import Position
from catalog.search.engine import engine
from catalog.search.strategy import STRICT
from catalog.search.validation import SearchInput, parse_criteria
for n in range(15):
    row = Product.objects.order_by("id")[n + 20]
    row.name = f"Unheard{'of' * (n + 3)}"
    row.save()
    criteria = parse_criteria(SearchInput(text=row.name))
    end = time.monotonic() + 60
    strictly = Position(0, 0, STRICT)
    while not engine().resolve(criteria, strictly).total() and time.monotonic() < end:
        time.sleep(0.01)
    assert engine().resolve(criteria, strictly).total(), row.name
print("all found")
"""
    )
    assert found.communicate(timeout=900)[0] == "all found\n"
