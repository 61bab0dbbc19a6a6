"""What the load does, and a ledger of the writes that the service acknowledged."""

import io
import random
import threading
import time
import uuid
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from PIL import Image

from .client import NoAnswer, Refused, Shop

PASSWORD = "chaos-is-a-ladder-7"  # noqa: S105
WORDS = ["lamp", "vase", "oak", "linen", "steel", "chair", "shelf"]


@dataclass
class Ledger:
    """Writes by what became of them: `yes` was acknowledged, `maybe` had no answer and nothing was heard since."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    registered: set[str] = field(default_factory=set)
    maybe_registered: set[str] = field(default_factory=set)
    # (shopper, product) → units; each addition has a key and is repeated until it is answered.
    carted: Counter[tuple[str, str]] = field(default_factory=Counter)
    maybe_carted: Counter[tuple[str, str]] = field(default_factory=Counter)
    images: set[str] = field(default_factory=set)
    # SKU → the name that the product was last given.
    named: dict[str, str] = field(default_factory=dict)
    maybe_named: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))


@dataclass
class World:
    """What the actions act on."""

    port: int
    staff: Shop
    shoppers: list[tuple[str, Shop]]
    products: list[dict[str, Any]]
    ledger: Ledger = field(default_factory=Ledger)

    def renew_tokens(self) -> None:
        """Signs everybody in again; an access token lives 15 minutes."""
        for email, shop in [("staff@chaos.example", self.staff), *self.shoppers]:
            shop.token = sign_in(self.port, email)


SIGN_IN = (
    "mutation ChaosSignIn($e: String!, $p: String!) { tokenAuth(email: $e, password: $p) { token errors { code } } }"
)


def sign_in(port: int, email: str) -> str:
    """An access token. Raises Refused when the credentials do not hold, NoAnswer."""
    payload = Shop(port).graphql(SIGN_IN, e=email, p=PASSWORD)["tokenAuth"]
    if not payload["token"]:
        raise Refused(str(payload["errors"]))
    return payload["token"]


def search(world: World) -> None:
    """A page of GraphQL's search."""
    _, shop = random.choice(world.shoppers)
    query = "query ChaosSearch($q: String!) { products(search: $q) { totalCount nodes { id name price { amount } } } }"
    if shop.graphql(query, q=random.choice(WORDS))["products"]["totalCount"] == 0:
        raise Refused("a word of the demo shop found nothing")


def rest_search(world: World) -> None:
    """A page of REST's search."""
    _, shop = random.choice(world.shoppers)
    status, _ = shop.send("GET", f"/api/v1/products/search/?q={random.choice(WORDS)}&ordering=price")
    if status >= 500:
        raise NoAnswer("internal error")
    if status != 200:
        raise Refused(str(status))


def register(world: World) -> None:
    """A new account; asked again after no answer, it is either new or known already."""
    email = f"chaos-{uuid.uuid4().hex}@chaos.example"
    query = "mutation ChaosRegister($i: RegisterInput!) { register(input: $i) { user { email } errors { code } } }"
    with world.ledger.lock:
        world.ledger.maybe_registered.add(email)
    payload = Shop(world.port).graphql(query, i={"email": email, "password": PASSWORD})["register"]
    if payload["errors"]:
        raise Refused(str(payload["errors"]))
    with world.ledger.lock:
        world.ledger.maybe_registered.discard(email)
        world.ledger.registered.add(email)


def cart_add(world: World) -> None:
    """One unit into a cart, with an idempotency key: after no answer it is asked again, up to a minute."""
    (email, shop), product = random.choice(world.shoppers), random.choice(world.products)
    query = "mutation ChaosCart($i: CartLinesAddInput!) { cartLinesAdd(input: $i) { errors { code } } }"
    entry = {"lines": [{"productId": product["id"], "quantity": 1}], "idempotencyKey": uuid.uuid4().hex}
    place, until, first = (email, product["id"]), time.monotonic() + 60, None
    with world.ledger.lock:
        world.ledger.maybe_carted[place] += 1
    while True:
        try:
            payload = shop.graphql(query, i=entry)["cartLinesAdd"]
            break
        except NoAnswer as error:
            first = first or error
            if time.monotonic() > until:
                raise
            time.sleep(1)
    with world.ledger.lock:
        world.ledger.maybe_carted[place] -= 1
        if not payload["errors"]:
            world.ledger.carted[place] += 1
    if payload["errors"]:
        raise Refused(str(payload["errors"]))
    if first is not None:
        raise NoAnswer(f"{first.kind}, then repeated well")


def upload(world: World) -> None:
    """A new picture for a product."""
    picture, content = Image.effect_noise((640, 480), random.uniform(20, 90)).convert("RGB"), io.BytesIO()
    picture.save(content, "JPEG")
    path = f"/api/v1/products/{quote(random.choice(world.products)['slug'])}/images/"
    status, answer = world.staff.upload(path, "chaos.jpg", content.getvalue())
    if status >= 500:
        raise NoAnswer("internal error" if status == 500 else str(status))
    if status not in {200, 202}:
        raise Refused(f"{status} {answer}")
    with world.ledger.lock:
        world.ledger.images.add(answer["id"])


def rename(world: World) -> None:
    """Gives a product a name that nothing else has; the index must learn of it."""
    product, name = random.choice(world.products), f"Chaos {uuid.uuid4().hex[:12]}"
    query = "mutation ChaosRename($i: ProductUpdateInput!) { productUpdate(input: $i) { errors { code message } } }"
    with world.ledger.lock:
        world.ledger.maybe_named[product["id"]].add(name)
    payload = world.staff.graphql(query, i={"id": product["id"], "name": name})["productUpdate"]
    if payload["errors"]:
        raise Refused(str(payload["errors"]))
    with world.ledger.lock:
        # Two renamings at once: either may have been the last one.
        world.ledger.named[product["id"]] = name


@dataclass(frozen=True)
class Action:
    """A kind of request: how often among the others, and the mutation that the schema must have for it."""

    run: Callable[[World], None]
    weight: int
    needs: str | None = None


ACTIONS = [
    Action(search, 10),
    Action(rest_search, 4),
    Action(cart_add, 5, "cartLinesAdd"),
    Action(register, 1, "register"),
    Action(upload, 1, "productImageUpload"),
    Action(rename, 1, "productUpdate"),
]
