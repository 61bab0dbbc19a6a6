"""Checks the books after the load: every acknowledged write must be there exactly once. One small function for each.

Each check returns what is wrong, in words. A check of a part that is not built yet is skipped and says so.
"""

import json
import subprocess
import time
import urllib.request
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from .actions import World, sign_in
from .client import NoAnswer, Refused

# Seconds within which queues must have emptied.
SETTLE = 120


@dataclass
class Books:
    """What the checks look into."""

    world: World
    compose: list[str]
    mail_port: int

    def django(self, code: str) -> Any:
        """What Python code in the service prints as its last line, as JSON."""
        command = [*self.compose, "exec", "-T", "web", "python", "manage.py", "shell", "--no-imports", "-c", code]
        out = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120).stdout
        return json.loads(out.strip().splitlines()[-1])

    def mails(self) -> list[dict[str, Any]]:
        """What the mail catcher caught."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.mail_port}/messages", timeout=10) as answer:
            return json.load(answer)


def until_settled(check: Callable[[], list[str]]) -> list[str]:
    """What is still wrong after SETTLE seconds at most."""
    end = time.monotonic() + SETTLE
    while (wrong := check()) and time.monotonic() < end:
        time.sleep(3)
    return wrong


def accounts(books: Books) -> list[str]:
    """Every acknowledged registration is one account; a sample of them can sign in."""
    ledger, wrong = books.world.ledger, []
    code = (
        "import json; from users.models import User; "
        "print(json.dumps(list(User.objects.filter(email__endswith='@chaos.example').values_list('email', flat=True))))"
    )
    emails = Counter(books.django(code))
    wrong += [f"{email} was acknowledged and is not there" for email in ledger.registered - set(emails)]
    wrong += [f"{email} is there {times} times" for email, times in emails.items() if times > 1]
    for email in sorted(ledger.registered)[:20]:
        try:
            sign_in(books.world.port, email)
        except (Refused, NoAnswer) as error:
            wrong.append(f"{email} cannot sign in: {error}")
    return wrong


def carts(books: Books) -> list[str]:
    """Every acknowledged addition is in its cart once; one that never was answered, once or not at all."""
    ledger, wrong = books.world.ledger, []
    for email, shop in books.world.shoppers:
        lines = shop.graphql("query ChaosBooks { cart { lines { quantity product { id } } } }")["cart"]["lines"]
        has = Counter({line["product"]["id"]: line["quantity"] for line in lines})
        for product in {p for who, p in [*ledger.carted, *ledger.maybe_carted] if who == email} | set(has):
            least = ledger.carted[email, product]
            most = least + ledger.maybe_carted[email, product]
            if not least <= has[product] <= most:
                wrong.append(f"{email}: {has[product]} of {product}, acknowledged {least}, unanswered {most - least}")
    return wrong


def images(books: Books) -> list[str]:
    """Every acknowledged image is READY."""

    def check() -> list[str]:
        wrong = []
        for key in books.world.ledger.images:
            query = "query ChaosImage($i: ID!) { node(id: $i) { ... on ProductImage { status error } } }"
            image = books.world.staff.graphql(query, i=key)["node"]
            if image is None or image["status"] != "READY":
                wrong.append(f"image {key}: {image}")
        return wrong

    return until_settled(check)


def mail(books: Books) -> list[str]:
    """Every registration's mail came once, or is listed as UNCERTAIN."""

    def check() -> list[str]:
        code = (
            "import json; from users.models import OutgoingMail; "
            "print(json.dumps(list(OutgoingMail.objects.values_list('user__email', 'kind', 'status'))))"
        )
        rows = {(email, kind): status for email, kind, status in books.django(code)}
        caught = Counter(to for message in books.mails() for to in message["to"])
        wrong = []
        for email in books.world.ledger.registered:
            status, came = rows.get((email, "WELCOME"), "no row"), caught[email]
            if (status, came) not in {("SENT", 1), ("UNCERTAIN", 0), ("UNCERTAIN", 1)}:
                wrong.append(f"{email}: {status}, caught {came} times")
        return wrong

    return until_settled(check)


def index(books: Books) -> list[str]:
    """The last acknowledged name of every product finds it, and no name that it had before does."""

    def found(name: str) -> list[str]:
        query = "query ChaosFind($q: String!) { products(search: $q, first: 5) { nodes { id name } } }"
        nodes = books.world.staff.graphql(query, q=name.split()[1])["products"]["nodes"]
        return [node["id"] for node in nodes if node["name"] == name]

    def check() -> list[str]:
        wrong = []
        for product, names in books.world.ledger.maybe_named.items():
            query = "query ChaosName($i: ID!) { product(id: $i) { name } }"
            now = books.world.staff.graphql(query, i=product)["product"]["name"]
            if product in books.world.ledger.named and now not in names:
                wrong.append(f"{product} is called {now!r}, which nobody asked for")
            if now in names and found(now) != [product]:
                wrong.append(f"{product} is not found by its name {now!r}")
            wrong += [f"{product} is still found as {name!r}" for name in names - {now} if found(name)]
        return wrong

    return until_settled(check)


@dataclass(frozen=True)
class Check:
    """A check, and the mutation without which its part is not built yet."""

    run: Callable[[Books], list[str]]
    needs: str | None = None


CHECKS = [
    Check(accounts, "register"),
    Check(carts, "cartLinesAdd"),
    Check(images, "productImageUpload"),
    Check(mail, "register"),
    Check(index, "productUpdate"),
]
