"""The example storefront in Chromium: built, and served from another origin than a real service with its worker."""

import json
import re
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from catalog.demo.accounts import PASSWORD
from core.tests.accessibility import violations
from core.tests.processes import Service, until
from core.tests.test_browser import browser

__all__ = ["browser"]
pytestmark = pytest.mark.browser

ROOT = Service.ROOT
STOREFRONT = ROOT / "examples" / "storefront"
# As nginx serves it (docker/nginx/storefront.include.template), except that Vitrine is another origin here.
POLICY = re.search(
    r'Content-Security-Policy "([^"]+ form-action [^"]+)"',
    (ROOT / "docker" / "nginx" / "storefront.include.template").read_text(),
)[1]
# The demo shop. A drawn picture takes a second of a core: only what the tests look at has one.
SEED = """
from django.core.management import call_command
call_command("migrate", verbosity=0)
call_command("seed_demo")
from catalog.demo.models import WantedPicture
WantedPicture.objects.exclude(product__name__icontains="pendant lamp").delete()
"""
# What moves by itself. What a press moves may take two seconds here; a browser by itself leaves out half a second.
SHIFTS = """
    window.shifts = [];
    let pressed = -2000;
    for (const type of ["keydown", "pointerdown"]) addEventListener(type, (event) => pressed = event.timeStamp, true);
    const name = ({node}) => node && (node.className || node.parentElement?.className || node.nodeName);
    const note = ({startTime, value, sources}) =>
        startTime < pressed + 2000 || window.shifts.push([value, location.pathname, sources.map(name)]);
    new PerformanceObserver((list) => list.getEntries().forEach(note)).observe({type: "layout-shift", buffered: true});
"""


class Shop:
    """A service on a port of its own, which tests may stop and start, and the storefront that is built for it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), SimpleHTTPRequestHandler)
        self.origin = f"http://127.0.0.1:{self.server.server_port}"
        with ThreadingHTTPServer(("127.0.0.1", 0), SimpleHTTPRequestHandler) as free:
            self.api = f"http://127.0.0.1:{free.server_port}"
        self.service = Service(
            folder / "var",
            **{"DEBUG": "1", "EMAIL_URL": "", "SITE_URL": self.origin, "CORS_ALLOWED_ORIGINS": self.origin},
            **{"CATALOG_PUBLIC": "1", "GUEST_CARTS": "1"},
        )
        self.service.folder.mkdir()

    def build(self) -> None:
        """Builds the storefront as `make storefront-build` does, into a folder of its own, and serves it."""
        files = self.folder / "dist"
        run = partial(subprocess.run, check=True, capture_output=True)
        run([sys.executable, ROOT / ".ci" / "storefront.py", "install"])
        run(["npm", "run", "codegen"], cwd=STOREFRONT)
        environment = {**self.service.environment, "VITE_VITRINE_URL": self.api}
        run(["npx", "vite", "build", "--outDir", files], cwd=STOREFRONT, env=environment)
        policy = POLICY.replace("${MEDIA_SOURCES}", self.api).replace("connect-src 'self'", f"connect-src {self.api}")

        class Files(SimpleHTTPRequestHandler):
            """Answers every page of the storefront with its one page."""

            def do_GET(self) -> None:
                if not self.path.startswith("/assets/"):
                    self.path = "/index.html"
                super().do_GET()

            def end_headers(self) -> None:
                self.send_header("Content-Security-Policy", policy)
                super().end_headers()

            def log_message(self, *args: Any) -> None:
                pass

        self.server.RequestHandlerClass = partial(Files, directory=str(files))
        Thread(target=self.server.serve_forever, daemon=True).start()

    def start(self) -> None:
        address = self.api.removeprefix("http://")
        options = ("--threads", "4", "--no-control-socket", "--log-level", "warning")
        self.web = self.service.start("-m", "gunicorn", "core.wsgi", "--bind", address, *options)
        until(lambda: self.answers("/healthz"))

    def stop(self) -> None:
        self.web.terminate()
        self.web.wait()

    def answers(self, path: str) -> bool:
        try:
            with urllib.request.urlopen(self.api + path, timeout=5):  # noqa: S310
                return True
        except OSError:
            return False

    def ask(self, query: str, token: str = "", **variables: Any) -> dict[str, Any]:
        """GraphQL's data, as anybody would get it."""
        headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
        body = json.dumps({"query": query, "variables": variables}).encode()
        request = urllib.request.Request(f"{self.api}/graphql/", body, headers)  # noqa: S310
        with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
            return json.load(answer)["data"]

    def sell(self, slug: str, quantity: int) -> None:
        """Leaves so many units of a product in stock, as an employee does."""
        query = (
            "mutation ($email: String!, $password: String!) { tokenAuth(email: $email, password: $password) { token } }"
        )
        token = self.ask(query, email="staff@example.com", password=PASSWORD)["tokenAuth"]["token"]
        query = "mutation ($input: InventoryUpdateInput!) { inventoryUpdate(input: $input) { errors { message } } }"
        answer = self.ask(query, token, input={"items": [{"slug": slug, "quantity": quantity}]})
        assert answer["inventoryUpdate"]["errors"] == []


@pytest.fixture(scope="module")
def shop(tmp_path_factory) -> Iterator[Shop]:
    shop = Shop(tmp_path_factory.mktemp("storefront"))
    try:
        building = Thread(target=shop.build)
        building.start()
        shop.service.run(SEED)
        building.join()
        shop.service.worker()
        shop.start()
        yield shop
    finally:
        shop.server.shutdown()
        shop.server.server_close()
        shop.service.kill_all()


def stands_still(page: Page) -> None:
    shifts = page.evaluate("window.shifts")
    assert sum(shift[0] for shift in shifts) < 0.02, shifts


# A machine that runs all tests at once is slow.
expect.set_options(timeout=15_000)


@pytest.fixture
def page(browser: Browser, shop: Shop, request) -> Iterator[Page]:
    """A shopper's window. Whatever a test does: no error in the console, no request elsewhere, nothing that jumps."""
    width = getattr(request, "param", 1280)
    context = browser.new_context(base_url=shop.origin, viewport={"width": width, "height": 800}, locale="en-GB")
    context.set_default_timeout(15_000)
    context.add_init_script(SHIFTS)
    allowed, strangers, errors = {urlsplit(shop.origin).netloc, urlsplit(shop.api).netloc}, [], []

    def watch(route: Route) -> None:
        if urlsplit(route.request.url).netloc in allowed:
            route.continue_()
        else:
            strangers.append(route.request.url)
            route.abort()

    context.route(re.compile("^http"), watch)
    page = context.new_page()
    page.on("console", lambda message: errors.append(message.text) if message.type in {"error", "warning"} else None)
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.errors = errors
    yield page
    stands_still(page)
    context.close()
    assert (strangers, errors) == ([], [])


LAMPS = "/search?q=pendant+lamp"


def cart_link(page: Page, count: int):
    return page.get_by_role("link", name="Cart, 1 item" if count == 1 else f"Cart, {count} items")


def sign_in(page: Page) -> None:
    page.get_by_label("E-mail address").fill("shopper@example.com")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("main").get_by_role("button", name="Sign in").click()


def add_to_cart(page: Page) -> None:
    page.get_by_role("button", name="Add to cart").click()
    expect(page.get_by_role("status").filter(has_text="in your cart")).to_be_visible()


def test_the_whole_way_of_a_shopper(page, shop):
    page.goto("/")
    # By keyboard: a suggestion is chosen, and no more once the text goes on.
    search = page.get_by_role("combobox", name="Search products")
    search.fill("lam")
    option = page.get_by_role("listbox", name="Suggestions").get_by_role("option")
    expect(option.nth(2)).to_be_visible()
    search.press("ArrowDown")
    expect(option.first).to_have_attribute("aria-selected", "true")
    search.fill("lamp")
    search.press("Enter")
    expect(page).to_have_url(re.compile(r"/search\?q=lamp$"))
    total = page.get_by_role("main").get_by_role("status").first
    expect(total).to_have_text(re.compile(r"\d+ products"))
    # A facet narrows, its chip takes it back.
    everything = total.inner_text()
    page.get_by_role("complementary", name="Filters").get_by_role("checkbox", name=re.compile("^In stock")).check()
    expect(page).to_have_url(re.compile("stock=1"))
    page.get_by_role("button", name="Remove In stock").click()
    expect(total).to_have_text(everything)
    page.goto("/search")
    page.get_by_label("Sort by").select_option("Price, low to high")
    expect(page).to_have_url(re.compile("sort=cheap"))
    tile = page.get_by_role("main").locator(".tile:not(.skeleton)")
    expect(tile).to_have_count(24)
    # The next page, a product of it, and back to the same place.
    page.get_by_role("button", name="Load more").click()
    expect(tile.nth(30)).to_be_visible()
    tile.nth(30).scroll_into_view_if_needed()
    name = tile.nth(30).get_by_role("link").inner_text()
    top = page.evaluate("scrollY")
    tile.nth(30).get_by_role("link").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(name)
    page.go_back()
    expect(tile.nth(30).get_by_role("link")).to_have_text(name)
    page.wait_for_function("top => Math.abs(scrollY - top) < 50", arg=top)


def test_a_guests_cart_joins_the_account(page, shop):
    page.goto("/products/harlow-two-seater-sofa-in-oatmeal")
    # The group's other product is a page of its own.
    page.get_by_role("group", name=re.compile("Colour")).get_by_text("Slate grey").click()
    expect(page).to_have_url(re.compile("slate-grey"))
    add_to_cart(page)
    expect(cart_link(page, 1)).to_be_visible()
    page.get_by_role("link", name="Sign in").click()
    sign_in(page)
    expect(page.get_by_role("link", name="Your account")).to_be_visible()
    cart_link(page, 1).click()
    expect(page.get_by_role("heading", name="Your cart")).to_be_visible()
    page.get_by_role("button", name="One more").click()
    expect(cart_link(page, 2)).to_be_visible()
    page.reload()
    expect(cart_link(page, 2)).to_be_visible()
    page.get_by_role("button", name=re.compile("^Remove ")).click()
    expect(page.get_by_text("There is nothing in it yet.")).to_be_visible()
    page.get_by_role("link", name="Your account").click()
    page.get_by_role("button", name="Sign out", exact=True).click()
    expect(page.get_by_role("link", name="Sign in").first).to_be_visible()


def test_what_is_sold_out_between_look_and_click_is_told(page, shop):
    slug = "harlow-two-seater-sofa-in-slate-grey"
    page.goto(f"/products/{slug}")
    expect(page.get_by_text(re.compile("^In stock"))).to_be_visible()
    shop.sell(slug, 0)
    page.get_by_role("button", name="Add to cart").click()
    expect(page.get_by_role("alert")).to_contain_text("sold out")
    expect(cart_link(page, 0)).to_be_visible()
    expect(page.get_by_text("Sold out at the moment")).to_be_visible()
    shop.sell(slug, 9)


def test_a_restart_of_the_service_loses_nothing_and_adds_nothing_twice(page, shop):
    page.goto("/products/harlow-two-seater-sofa-in-slate-grey")
    expect(page.get_by_role("button", name="Add to cart")).to_be_visible()
    shop.stop()
    page.get_by_role("button", name="Add to cart").click()
    expect(page.get_by_role("button", name="Adding…")).to_be_visible()
    shop.start()
    expect(page.get_by_role("status").filter(has_text="in your cart")).to_be_visible(timeout=30_000)
    expect(cart_link(page, 1)).to_be_visible()
    page.goto("/cart")
    expect(page.get_by_role("textbox", name=re.compile("Quantity"))).to_have_value("1")
    # Chromium itself logs each connection that was refused or cut off.
    page.errors[:] = [error for error in page.errors if "net::ERR_" not in error]


def test_an_expired_token_is_renewed_before_it_is_sent_and_an_ended_session_is_told(page, shop):
    page.clock.install()
    page.goto("/sign-in")
    sign_in(page)
    expect(page.get_by_role("link", name="Your account")).to_be_visible()
    refused, renewed = [], []
    page.on("response", lambda response: refused.append(response.url) if response.status >= 400 else None)
    page.on("request", lambda request: renewed.append(1) if "mutation Refresh" in (request.post_data or "") else None)
    page.get_by_role("link", name="Vitrine").first.click()
    expect(page.get_by_role("main").get_by_role("heading", name="Departments")).to_be_visible()
    page.clock.fast_forward("16:00")
    page.get_by_role("link", name="Your account").click()
    expect(page.get_by_text("You are signed in as shopper@example.com.")).to_be_visible()
    # The access token is gone with the page, the refresh token is not.
    page.reload()
    expect(page.get_by_text("You are signed in as shopper@example.com.")).to_be_visible()
    assert renewed
    # Another device ends all sessions.
    query = "mutation ($email: String!, $password: String!) { tokenAuth(email: $email, password: $password) { token } }"
    token = shop.ask(query, email="shopper@example.com", password=PASSWORD)["tokenAuth"]["token"]
    shop.ask("mutation { revokeAllTokens { revoked } }", token)
    page.clock.fast_forward("16:00")
    page.goto("/account")
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    expect(page.get_by_text("You have been signed out")).to_be_visible()
    assert refused == []


def test_a_mailed_link_sets_a_new_password(page, shop):
    """The worker sends the mail; its link leads to a page of the storefront."""
    page.goto("/register")
    page.get_by_label("E-mail address").fill("new@example.com")
    page.get_by_label("Password").fill("correct-horse-battery")
    page.get_by_role("main").get_by_role("button").last.click()
    expect(page.get_by_role("link", name="Your account")).to_be_visible()
    page.goto("/password-reset")
    page.get_by_label("E-mail address").fill("new@example.com")
    page.get_by_role("button", name="Send me a link").click()
    expect(page.get_by_text("a mail with a link is on its way")).to_be_visible()
    links: list[str] = []

    def has_come() -> bool:
        for mail in (shop.service.folder / "mail").glob("*"):
            links.extend(
                re.findall(
                    rf"{shop.origin}/password-reset\?\S+", mail.read_text().replace("=\n", "").replace("=3D", "=")
                )
            )
        return bool(links)

    until(has_come)
    page.goto(links[0].rstrip('">'))
    page.get_by_label("New password").fill("another-horse-battery")
    page.get_by_role("button", name="Set the password").click()
    expect(page.get_by_text("Your new password is set.")).to_be_visible()


PLACES = {
    "/": "Departments",
    LAMPS: "Results for",
    "/search?q=zzzzzz": "Nothing found",
    "/categories/lighting": "Lighting",
    "/products/harlow-two-seater-sofa-in-oatmeal": "Harlow",
    "/products/none": "no",
    "/cart": "Your cart",
    "/sign-in": "Sign in",
    "/register": "account",
    "/password-reset": "password",
    "/account": "Sign in",
}


@pytest.mark.parametrize("page", [1280, 390], indirect=True)
def test_every_page_fits_and_axe_has_no_objection_by_day_and_by_night(page, shop):
    # An animation that never ends would keep axe waiting.
    page.emulate_media(reduced_motion="reduce")
    jumps: dict[str, list] = {}
    for path, heading in PLACES.items():
        page.goto(path)
        expect(page.get_by_role("heading", name=re.compile(heading)).first).to_be_visible()
        expect(page.locator(".skeleton")).to_have_count(0)
        assert page.evaluate("document.documentElement.scrollWidth") <= page.viewport_size["width"], path
        assert page.locator("h1").count() == 1, path
        jumps |= {path: page.evaluate("window.shifts")}
        assert violations(page) == violations(page, dark=True) == [], path
    assert {path: shifts for path, shifts in jumps.items() if sum(shift[0] for shift in shifts) >= 0.02} == {}


def test_a_slow_network_shows_the_list_as_it_will_be(page, shop):
    session = page.context.new_cdp_session(page)
    session.send("Network.enable")
    slow = {"offline": False, "latency": 150, "downloadThroughput": 200_000, "uploadThroughput": 90_000}
    session.send("Network.emulateNetworkConditions", slow)
    page.goto(LAMPS)
    expect(page.locator(".tile.skeleton").first).to_be_visible()
    expect(page.locator("main .tile:not(.skeleton)").first).to_be_visible()
    expect(page.locator("main .tile img").first).to_be_visible()
    page.locator("main .tile a").first.click()
    expect(page.get_by_role("button", name="Add to cart")).to_be_visible()
