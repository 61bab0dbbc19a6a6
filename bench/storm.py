"""Uploads many images at once through gunicorn and a real worker, and measures pages meanwhile; with --kills kills all.

    .venv/bin/python -m bench.storm [--uploads 50] [--kills SECONDS] [--side 3000]      on SQLite, or on DATABASE_URL

Database (on MySQL: <name>, dropped first) and VAR_DIR are its own. With --kills the worker and its children are killed
again and again. Exit status 1 unless every upload becomes READY, with all files of its rows and no others.
"""

import argparse
import json
import os
import random
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.parse import quote

ROOT = Path(__file__).resolve().parent.parent
TOOLS = Path(sys.executable).parent
BOUNDARY = "a-boundary-that-no-picture-has"
PAGE = "{ products(first: 20) { nodes { id name price { amount } image { url placeholder } } } }"
PATIENCE_SECONDS = 900


def draw(number: int, side: int) -> bytes:
    """A noisy JPEG that no other number has."""
    from PIL import Image, ImageDraw

    image = Image.effect_noise((side // 2, side * 3 // 8), 60).convert("RGB").resize((side, side * 3 // 4))
    pen, dice = ImageDraw.Draw(image), random.Random(number)
    for _ in range(20):
        x, y = dice.randrange(side), dice.randrange(side)
        pen.ellipse((x, y, x + side // 9, y + side // 9), fill=(dice.randrange(256), dice.randrange(256), 99))
    pen.text((5, 5), str(number))
    out = BytesIO()
    image.save(out, "JPEG", quality=88)
    return out.getvalue()


class Shop:
    """A migrated and seeded shop behind gunicorn, with a worker to kill."""

    def __init__(self, folder: Path) -> None:
        from django.core.management import call_command

        from catalog.demo.models import WantedPicture
        from catalog.models import Product
        from core.auth import tokens
        from users.models import User

        call_command("migrate", verbosity=0)
        call_command("seed_demo", verbosity=0)
        WantedPicture.objects.all().delete()  # the demo's own pictures would be rendered too
        self.headers = {"Authorization": f"Bearer {tokens.issue(User.objects.get(email='staff@example.com')).token}"}
        self.slugs = list(Product.objects.filter(is_active=True).values_list("slug", flat=True))
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.base = f"http://127.0.0.1:{probe.getsockname()[1]}"
        self.log = (folder / "log").open("w")
        address = self.base.removeprefix("http://")
        options = ["--workers", "2", "--threads", "4", "--no-control-socket", "--log-level", "warning"]
        self.web = self._run("gunicorn", "core.wsgi", "--bind", address, *options)
        self.beat = f"{folder}/beat"
        self.start_worker()

    def _run(self, tool: str, *arguments: str) -> subprocess.Popen[bytes]:
        command = [str(TOOLS / tool), *arguments]
        return subprocess.Popen(command, cwd=ROOT, stdout=self.log, stderr=self.log, start_new_session=True)

    def start_worker(self) -> None:
        """As the Procfile does."""
        options = "--pool threads --concurrency 3 --queues celery,images --without-gossip --without-mingle"
        self.worker = self._run(
            "celery", "-A", "core", "worker", "-B", "--schedule", self.beat, *options.split(), "--loglevel", "INFO"
        )

    def kill_worker(self) -> None:
        """Kills beat with it. Its children end by themselves."""
        os.killpg(self.worker.pid, signal.SIGKILL)
        self.worker.wait()

    def children(self) -> list[int]:
        """The pool's children of the worker."""
        command = ["pgrep", "-P", str(self.worker.pid), "-f", "catalog.images.child"]
        listed = subprocess.run(command, capture_output=True, check=False)
        return [int(pid) for pid in listed.stdout.split()]

    def close(self) -> None:
        """Stops all, and leaves nothing behind."""
        for process in (self.web, self.worker):
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
        self.log.close()

    def ask(self, path: str, body: bytes, content_type: str) -> tuple[int, Any, float]:
        """Status, answer and seconds of a POST."""
        headers = {**self.headers, "Content-Type": content_type}
        request = urllib.request.Request(self.base + path, body, headers)
        started = time.perf_counter()
        try:
            with urllib.request.urlopen(request, timeout=60) as response:
                return response.status, json.load(response), time.perf_counter() - started
        except urllib.error.HTTPError as error:
            return error.code, error.read(), time.perf_counter() - started

    def page(self) -> float:
        """Seconds that a page of 20 products with images takes."""
        status, answer, seconds = self.ask("/graphql/", json.dumps({"query": PAGE}).encode(), "application/json")
        if status != 200 or "errors" in answer:
            raise SystemExit(f"a page failed: {status} {answer}")
        return seconds

    def upload(self, number: int, data: bytes) -> tuple[int, float]:
        """Status and seconds of an upload."""
        disposition = 'Content-Disposition: form-data; name="image"; filename="a.jpg"'
        head = f"--{BOUNDARY}\r\n{disposition}\r\nContent-Type: image/jpeg\r\n\r\n".encode()
        path = f"/api/v1/products/{quote(self.slugs[number % len(self.slugs)])}/images/"
        body = head + data + f"\r\n--{BOUNDARY}--\r\n".encode()
        status, _, seconds = self.ask(path, body, f"multipart/form-data; boundary={BOUNDARY}")
        return status, seconds


def wait_for(what: str, done: Callable[[], bool], seconds: float) -> None:
    """Waits. Raises SystemExit when it takes too long."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            if done():
                return
        except OSError:
            pass
        time.sleep(0.5)
    raise SystemExit(f"{what} took longer than {seconds:g} seconds")


def in_ms(seconds: list[float]) -> str:
    """Median and 95th percentile."""
    ordered = sorted(seconds)
    return f"median {statistics.median(ordered) * 1000:.0f} ms, p95 {ordered[int(len(ordered) * 0.95)] * 1000:.0f} ms"


def statuses() -> Counter[str]:
    """How many images have which status."""
    from django.db import connection

    from catalog.models import ProductImage

    counted = Counter(ProductImage.objects.values_list("status", flat=True))
    connection.close()
    return counted


def upload_all(shop: Shop, pictures: list[bytes], pause: float) -> list[tuple[int, float]]:
    """Each picture from a thread of its own, the next one after the pause."""
    answers: list[tuple[int, float]] = []
    threads = [
        threading.Thread(target=lambda n=n, data=data: answers.append(shop.upload(n, data)))
        for n, data in enumerate(pictures)
    ]
    for thread in threads:
        thread.start()
        time.sleep(pause)
    for thread in threads:
        thread.join()
    return answers


def kill(shop: Shop, seconds: float) -> tuple[int, int]:
    """Kills children, and now and then the worker; tells how many of each."""
    children = workers = 0
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        time.sleep(random.uniform(0.3, 1.2))
        for pid in shop.children():
            if random.random() < 0.7:
                try:
                    os.kill(pid, signal.SIGKILL)
                    children += 1
                except ProcessLookupError:
                    pass
        if random.random() < 0.15:
            shop.kill_worker()
            shop.start_worker()
            workers += 1
    return children, workers


def storm(shop: Shop, arguments: argparse.Namespace, folder: Path) -> bool:
    """Runs everything and returns whether all is well at the end."""
    from datetime import timedelta

    from catalog.images import consistency
    from catalog.models import ImageJob

    wait_for("gunicorn", lambda: shop.page() > 0, 60)
    print(f"pages, quiet:          {in_ms([shop.page() for _ in range(60)])}   (load {os.getloadavg()[0]:.1f})")
    pictures = [draw(number, arguments.side) for number in range(arguments.uploads)]
    started = time.monotonic()
    if arguments.kills:
        uploading = threading.Thread(target=lambda: answers.extend(upload_all(shop, pictures, 0.1)))
        answers: list[tuple[int, float]] = []
        uploading.start()
        children, workers = kill(shop, arguments.kills)
        print(f"killed:                {children} children, {workers} workers")
        uploading.join()
    else:
        for number in range(4):  # so that the pool is busy
            shop.upload(len(pictures) + number, draw(len(pictures) + number, arguments.side))
        answers = upload_all(shop, pictures, 0)
        print(f"pages, pool busy:      {in_ms([shop.page() for _ in range(60)])}   {dict(statuses())}")
    print(f"{len(answers)} uploads:            {in_ms([seconds for _, seconds in answers])}")
    print(
        f"                       {dict(Counter(status for status, _ in answers))}, {len(pictures[0]) / 1e6:.1f} MB each"
    )
    wait_for("rendering", lambda: not statuses()["PENDING"], PATIENCE_SECONDS)
    print(f"all READY after        {time.monotonic() - started:.0f} s")
    jobs = ImageJob.objects.exclude(kind=ImageJob.Kind.REMOVE)
    wait_for("AVIF", lambda: not jobs.exists(), PATIENCE_SECONDS)
    findings = consistency.check(min_age=timedelta())
    wrong = findings.orphans or findings.holes or findings.lost
    print(f"all with AVIF after    {time.monotonic() - started:.0f} s, {dict(statuses())}")
    print(f"orphans, holes:        {wrong or 'none'}")
    return not wrong and statuses().keys() == {"READY"} and all(status == 202 for status, _ in answers)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--uploads", type=int, default=50)
    parser.add_argument("--kills", type=float, default=0, help="seconds of killing children and workers")
    parser.add_argument("--side", type=int, default=3000, help="pixels of a picture's longest side")
    arguments = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="vitrine-storm-"))
    os.environ.update(DEBUG="1", VAR_DIR=str(folder), DJANGO_SETTINGS_MODULE="core.settings")
    import django
    from django.db import connection

    django.setup()
    if connection.vendor == "mysql":
        from core.management.commands.serve import create_database

        with connection._nodb_cursor() as cursor:
            cursor.execute(f"DROP DATABASE IF EXISTS {connection.ops.quote_name(connection.settings_dict['NAME'])}")
        create_database()
    shop = Shop(folder)
    try:
        well = storm(shop, arguments, folder)
    finally:
        shop.close()
        print(f"log: {folder}/log" if "well" not in locals() or not well else "all is well")
    shutil.rmtree(folder)
    sys.exit(not well)


if __name__ == "__main__":
    main()
