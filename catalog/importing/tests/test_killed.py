"""An import that is killed at any moment and run again is exact."""

import os
import random
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest
from django.conf import settings

ROWS = 9_000


@pytest.mark.slow
def test_an_import_that_is_killed_and_run_again_is_exact(tmp_path: Path) -> None:
    env = {
        **os.environ,
        "DEBUG": "1",
        "VAR_DIR": str(tmp_path / "var"),
        "DATABASE_URL": "",
        "SEARCH_ENGINE": "database",
    }
    env = {name: value for name, value in env.items() if value and name not in ("CACHE_URL", "CELERY_BROKER_URL")}
    path = tmp_path / "products.csv"
    rows = "".join(
        f"Lamp {i},L-{i},{i}.50,{i % 7},Home > Room {i % 50},Brand {i % 90},Shade {i % 3},{i % 80},Lamp {i // 3}\n"
        for i in range(ROWS)
    )
    columns = "name,sku,price,quantity,category,brand,attribute: Shade,attribute: Power (W),group"
    path.write_text(f"{columns}\n{rows}Bad,B,x,1,,,,,\n")
    manage = [sys.executable, str(settings.BASE_DIR / "manage.py")]

    def start(*arguments: str) -> subprocess.Popen[bytes]:
        with (tmp_path / "said").open("wb") as said:
            return subprocess.Popen([*manage, *arguments], env=env, stdout=said, stderr=said)

    def said() -> str:
        return (tmp_path / "said").read_text("utf-8")

    assert start("migrate", "-v0").wait() == 0
    for _ in range(4):
        importing = start("import_products", str(path))
        time.sleep(random.uniform(1.5, 5))
        importing.kill()
        importing.wait()
    assert start("import_products", str(path)).wait() == 2  # a row was refused
    counts = re.search(r"(\d+) created, 0 updated, (\d+) unchanged, 1 refused", said())
    assert counts is not None
    assert int(counts[1]) + int(counts[2]) == ROWS
    question = (
        "from catalog.models import *; from catalog.attributes.models import *; p = Product.objects; "
        "print(p.count(), p.values('name').distinct().count(), Category.objects.count(), Brand.objects.count(), "
        "sum(p.values_list('quantity', flat=True)), p.exclude(brand__name__startswith='Brand').count(), "
        "ProductAttribute.objects.count(), ProductGroup.objects.count(), p.filter(options_key=None).count())"
    )
    assert start("shell", "-v0", "-c", question).wait() == 0
    units = sum(i % 7 for i in range(ROWS))
    assert said().split()[-9:] == [str(n) for n in (ROWS, ROWS, 51, 90, units, 0, 2 * ROWS, ROWS // 3, 0)]
