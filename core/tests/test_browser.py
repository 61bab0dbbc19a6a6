"""The pages in headless Chromium: sign in, run queries, authorize Swagger; nothing is fetched from elsewhere."""

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from django.core.management import call_command
from playwright.sync_api import Browser, Page, Route, expect, sync_playwright

from catalog.demo.accounts import PASSWORD
from catalog.images.tests.pictures import jpeg
from catalog.importing import jobs
from core.http.pages import LINKS
from core.jobs import heartbeat
from users.models import RefreshToken

pytestmark = pytest.mark.browser

# As long as the pages' own patience below, whatever else is collected.
expect.set_options(timeout=15_000)

QUARTER = 15 * 60 * 1000
SESSION = "sessionStorage.getItem('vitrine.session')"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium, as the system has it."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        pytest.fail("needs Chromium: apt-get install chromium", pytrace=False)
    with pytest.MonkeyPatch.context() as patch, sync_playwright() as playwright:
        # Playwright's loop runs in this thread, and Django would refuse the database beside it.
        patch.setitem(os.environ, "DJANGO_ALLOW_ASYNC_UNSAFE", "1")
        arguments = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-background-networking"]
        browser = playwright.chromium.launch(executable_path=chromium, args=arguments)
        yield browser
        browser.close()


@pytest.fixture
def shop(settings, live_server) -> str:
    """The demo shop's origin."""
    settings.DEBUG = True
    call_command("seed_demo", verbosity=0)
    return live_server.url


@pytest.fixture
def page(browser: Browser, shop: str, request) -> Iterator[Page]:
    """A new browser window; fails a test whose page asks another host for anything or logs an error.

    A breach of the Content-Security-Policy (core.http.security) is such an error.
    """
    width = getattr(request, "param", 1280)
    context = browser.new_context(base_url=shop, viewport={"width": width, "height": 800})
    context.set_default_timeout(15_000)
    strangers: list[str] = []
    errors: list[str] = []

    def watch(route: Route) -> None:
        url = urlsplit(route.request.url)
        if url.netloc != urlsplit(shop).netloc:
            strangers.append(route.request.url)
            route.abort()
        else:
            route.continue_()

    context.route("**/*", watch)
    page = context.new_page()
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: errors.append(str(error)))
    yield page
    context.close()
    assert strangers == []
    # Chromium itself says each time that a request was refused; what comes of it, the test looks at.
    assert [error for error in errors if "status of 4" not in error] == []


phone = pytest.mark.parametrize("page", [390], indirect=True)


def sign_in(page: Page, password: str = PASSWORD, email: str = "shopper@example.com") -> None:
    page.get_by_label("E-mail").fill(email)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in", exact=True).click()


def run(page: Page) -> None:
    page.get_by_role("button", name="Execute query").click()


def answer(page: Page, text: str) -> dict:
    """The answer shown, once it holds the text; the editor draws only what is in sight, so its value is asked."""
    value = "document.querySelector('.result-window .CodeMirror').CodeMirror.getValue()"
    page.wait_for_function(f"text => {value}.includes(text)", arg=text)
    return json.loads(page.evaluate(value))


def headers(page: Page):
    page.get_by_role("button", name="Headers", exact=True).click()
    return expect(page.get_by_role("region", name="Headers"))


def variables(page: Page, values: dict) -> None:
    """Replaces what the Variables editor holds."""
    page.get_by_role("button", name="Variables", exact=True).click()
    page.get_by_role("region", name="Variables").locator(".graphiql-editor:not(.hidden)").click()
    page.keyboard.press("Control+A")
    page.keyboard.insert_text(json.dumps(values))


def example(page: Page, title: str) -> None:
    page.get_by_text("Examples", exact=True).click()
    page.locator(".entries").get_by_role("button", name=title).click()


class TestGraphiql:
    """GraphiQL with its sign-in box and examples."""

    def test_sign_in_and_run_the_example(self, page):
        page.goto("/graphql/")
        sign_in(page)
        expect(page.get_by_text("Signed in as shopper@example.com")).to_be_visible()
        run(page)
        products = answer(page, "totalCount")["data"]["products"]
        assert products["totalCount"] >= 10
        assert all(20 <= float(product["price"]["amount"]) <= 200 for product in products["nodes"])

    def test_the_demo_account_is_filled_in_with_debug(self, page):
        """One click signs in."""
        page.goto("/graphql/")
        page.get_by_role("button", name="Sign in", exact=True).click()
        expect(page.get_by_role("button", name="Sign out")).to_be_focused()

    def test_a_wrong_password_is_told(self, page):
        """In words, and one can try again at once."""
        page.goto("/graphql/")
        sign_in(page, "wrong")
        expect(page.get_by_role("alert")).to_contain_text("password")
        expect(page.get_by_label("Password")).to_be_focused()
        sign_in(page)
        expect(page.get_by_role("button", name="Sign out")).to_be_visible()
        expect(page.get_by_role("alert")).to_be_empty()

    def test_without_signing_in_the_schema_is_there_and_the_catalogue_is_not(self, page):
        """Introspection needs no token; products do. The explorer ticks fields of the schema into the query."""
        page.goto("/graphql/")
        page.get_by_role("button", name="Show GraphiQL Explorer").click()
        page.locator(".graphiql-explorer-root").get_by_text("categories", exact=True).click()
        query = "document.querySelector('.graphiql-query-editor .CodeMirror').CodeMirror.getValue()"
        page.wait_for_function(f"() => /^  categories$/m.test({query})")
        page.get_by_role("button", name="Show Documentation Explorer").click()
        expect(page.get_by_text("Root Types")).to_be_visible()
        run(page)
        answer(page, "UNAUTHENTICATED")

    def test_the_token_stands_in_the_headers_of_every_tab_until_sign_out(self, page):
        """Visible, in tabs opened before and after; gone from all afterwards."""
        page.goto("/graphql/")
        example(page, "Category tree")
        sign_in(page)
        headers(page).to_contain_text("Bearer ey")
        page.get_by_role("tab", name="SearchProducts").click()
        headers(page).to_contain_text("Bearer ey")
        example(page, "Who am I?")
        headers(page).to_contain_text("Bearer ey")
        page.get_by_role("button", name="Sign out").click()
        headers(page).not_to_contain_text("Bearer")
        page.get_by_role("tab", name="CategoryTree").click()
        headers(page).not_to_contain_text("Bearer")

    def test_a_header_of_ones_own_stays(self, page):
        """What the user typed is neither replaced nor removed."""
        page.goto("/graphql/")
        page.get_by_role("button", name="Headers", exact=True).click()
        page.get_by_role("region", name="Headers").locator(".graphiql-editor:not(.hidden)").click()
        page.keyboard.insert_text('{"X-Mine": "1"}')
        sign_in(page)
        headers(page).to_contain_text("X-Mine")
        headers(page).to_contain_text("Bearer ey")
        page.get_by_role("button", name="Sign out").click()
        headers(page).to_contain_text("X-Mine")
        headers(page).not_to_contain_text("Bearer")

    def test_session_and_history_outlive_a_reload_without_secrets(self, page):
        """The session belongs to the browser tab; the history to the browser, without passwords, tokens and headers."""
        page.goto("/graphql/")
        sign_in(page)
        expect(page.get_by_role("button", name="Sign out")).to_be_visible()
        example(page, "Sign in")
        variables(page, {"email": "shopper@example.com", "password": PASSWORD})
        run(page)
        answer(page, '"token": "ey')
        # GraphiQL keeps its tabs half a second after the last change.
        page.wait_for_function("() => /SearchProducts[^]*SignIn/.test(sessionStorage['graphiql:tabState'])")
        page.reload()
        expect(page.get_by_role("button", name="Sign out")).to_be_visible()
        page.get_by_role("tab", name="SearchProducts").click()
        # GraphiQL learns a moment later which operation the tab holds.
        page.wait_for_function("() => sessionStorage['graphiql:operationName'] === 'SearchProducts'")
        run(page)
        answer(page, '"totalCount":')
        page.get_by_role("button", name="Show History").click()
        page.locator(".graphiql-history-item-label", has_text="SignIn").click()
        expect(page.get_by_role("region", name="Variables")).to_contain_text('"password": ""')
        headers(page).to_contain_text("Bearer ey")
        kept = page.evaluate("JSON.stringify([{...localStorage}, {...sessionStorage, 'vitrine.session': ''}])")
        assert "tokenAuth" in kept
        assert PASSWORD not in kept
        assert "eyJ" not in kept

    def test_a_session_renews_itself_once_for_two_tabs_until_the_server_refuses(self, page):
        """The other tab is a duplicate. Both wake up after the token has expired."""
        page.context.clock.install()
        page.goto("/graphql/")
        sign_in(page)
        headers(page).to_contain_text("Bearer ey")
        other = page.context.new_page()
        other.goto("/api/docs/")
        other.evaluate("stored => sessionStorage.setItem('vitrine.session', stored)", page.evaluate(SESSION))
        other.reload()
        expect(other.get_by_role("button", name="Sign out")).to_be_visible()
        before = json.loads(page.evaluate(SESSION))
        page.context.clock.fast_forward(QUARTER + 2000)
        for tab in (page, other):
            tab.wait_for_function(f"before => {SESSION} && JSON.parse({SESSION}).token !== before", arg=before["token"])
        assert page.evaluate(SESSION) == other.evaluate(SESSION)
        assert RefreshToken.objects.count() == 2
        headers(page).to_contain_text(json.loads(page.evaluate(SESSION))["token"][-20:])
        RefreshToken.objects.all().delete()
        page.clock.fast_forward(QUARTER + 2000)
        expect(page.get_by_role("alert")).to_contain_text("no longer accepts this session")
        headers(page).not_to_contain_text("Bearer")
        expect(page.get_by_role("button", name="Sign in", exact=True)).to_be_visible()

    def test_a_token_that_the_server_no_longer_takes_is_told(self, page, django_user_model):
        """An account that was closed meanwhile, say."""
        page.goto("/graphql/")
        sign_in(page)
        headers(page).to_contain_text("Bearer ey")
        django_user_model.objects.update(is_active=False)
        run(page)
        answer(page, "UNAUTHENTICATED")
        expect(page.get_by_role("alert")).to_contain_text("no longer accepts")

    @pytest.mark.parametrize("page", [1280, 390], indirect=True)
    def test_every_example_opens_in_a_tab_and_is_answered(self, page):
        """Variables and a file included; the same example again returns to its tab."""
        page.goto("/graphql/")
        sign_in(page, email="staff@example.com")
        expect(page.get_by_role("button", name="Sign out")).to_be_visible()
        titles = page.evaluate("Vitrine.examples.map((each) => each.title)")
        for title in titles:
            example(page, title)
            if page.get_by_role("button", name="Choose the file to send").is_visible():
                lamp = {"name": "lamp.jpg", "mimeType": "image/jpeg", "buffer": jpeg()}
                page.get_by_label("File to send", exact=True).set_input_files(lamp)
            run(page)
            assert "errors" not in answer(page, "{")
        example(page, titles[0])
        assert page.get_by_role("tab").count() == len(titles)

    def test_the_next_page_follows_by_its_cursor(self, page):
        """As the example's comment says."""
        page.goto("/graphql/")
        sign_in(page)
        expect(page.get_by_role("button", name="Sign out")).to_be_visible()
        example(page, "The next page")
        run(page)
        first = answer(page, '"hasPreviousPage": false')["data"]["products"]
        variables(page, {"after": first["pageInfo"]["endCursor"]})
        run(page)
        second = answer(page, '"hasPreviousPage": true')["data"]["products"]
        assert not {edge["cursor"] for edge in first["edges"]} & {edge["cursor"] for edge in second["edges"]}


class TestSwagger:
    """Swagger UI."""

    def search(self, page: Page, text: str) -> None:
        """Opens the search, asks for a text, presses Execute."""
        page.locator("[data-path='/api/v1/products/search/']").click()
        page.locator("tr[data-param-name=q] input").fill(text)
        page.get_by_role("button", name="Execute").click()

    def test_authorize_and_search(self, page, shop):
        """With the token that auth/token/ answered."""
        page.goto("/api/docs/")
        page.locator("[data-path='/api/v1/auth/token/']").click()
        page.locator(".body-param textarea").fill(f'{{"email": "shopper@example.com", "password": "{PASSWORD}"}}')
        with page.expect_response("**/auth/token/") as signed_in:
            page.get_by_role("button", name="Execute").click()
        token = signed_in.value.json()["token"]
        page.locator("[data-path='/api/v1/auth/token/']").click()
        page.get_by_role("button", name="Authorize").click()
        page.locator(".auth-container input").fill(token)
        page.locator(".auth-container").get_by_role("button", name="Apply credentials").click()
        page.get_by_role("button", name="Close").last.click()
        with page.expect_response("**/products/search/?*") as found:
            self.search(page, "lamp")
        assert found.value.status == 200
        assert found.value.json()["count"] > 0
        expect(page.locator(".live-responses-table .response-col_status").last).to_contain_text("200")

    def test_the_sign_in_box_authorizes_too(self, page):
        """And signing out takes it back."""
        page.goto("/api/docs/")
        expect(page.locator("[data-path='/api/v1/products/search/']")).to_be_visible()
        sign_in(page)
        expect(page.locator(".btn.authorize.locked")).to_be_visible()
        with page.expect_response("**/products/search/?*") as found:
            self.search(page, "lamp")
        assert found.value.status == 200
        page.get_by_role("button", name="Sign out").click()
        expect(page.locator(".btn.authorize.unlocked")).to_be_visible()
        assert page.evaluate("localStorage.length") == 0

    def test_says_where_the_cart_lives(self, page):
        """On its front page."""
        page.goto("/api/docs/")
        expect(page.get_by_text("The cart lives in GraphQL only").first).to_be_visible()


def test_every_link_of_the_landing_page_answers(page, shop):
    page.goto("/")
    links = {link.get_attribute("href") or "" for link in page.get_by_role("link").all()}
    assert {path for path, _, _ in LINKS} <= links
    # The storefront has an address of its own.
    for link in {link for link in links if link.startswith("/")}:
        assert page.request.get(f"{shop}{link}", headers={"Accept": "text/html, */*;q=0.5"}).ok, link


def staff_opens(page: Page, path: str) -> None:
    page.goto(path)
    page.get_by_label("E-mail address").fill("staff@example.com")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()


def holds(page: Page, path: str) -> list[Route]:
    """The requests for a script, which pages wait for until the test lets them go on: a slow network."""
    held: list[Route] = []
    # Of pop-ups, too. Playwright marks the function, which a bound method forbids.
    page.context.route(path, lambda route: held.append(route))
    return held


def test_staff_signs_in_to_the_admin_and_sees_the_products(page):
    staff_opens(page, "/admin/catalog/product/")
    expect(page.get_by_role("heading", name="Products", exact=True)).to_be_visible()
    assert page.locator("#result_list tbody tr").count() == 50
    page.goto("/admin/catalog/product/add/")
    page.get_by_label("Name:").fill("Möller 灯 हिन्दी น้ำ")
    page.get_by_label("Name:").press("Tab")
    expect(page.get_by_label("Slug:")).to_have_value("möller-灯-हिन्दी-น้ำ")


class TestSteering:
    """The admin's pages of search rules and synonyms."""

    def find(self, page: Page, field: str, text: str) -> None:
        """Adds the first product that the box finds."""
        page.locator(f".field-{field} .select2-selection").click()
        page.locator(".select2-search__field").fill(text)
        page.locator(".select2-results__option", has_text=text).first.click()

    @pytest.mark.parametrize("page", [1280, 390], indirect=True)
    def test_products_are_found_ordered_and_taken_out_and_the_preview_shows_them(self, page):
        staff_opens(page, "/admin/catalog/searchrule/add/")
        page.get_by_label("Text:").fill("lamp")
        for text in ("rug", "sofa", "chair"):
            self.find(page, "pinned", text)
        pinned = page.locator(".field-pinned ol li")
        expect(pinned).to_have_count(3)
        pinned.nth(1).get_by_role("button", name="Up").click()
        pinned.nth(2).get_by_role("button", name="Take out").click()
        expect(pinned).to_contain_text(["sofa", "rug"])
        self.find(page, "pinned", "rug")
        expect(pinned).to_have_count(2)
        page.get_by_label("Search for").press("Enter")
        expect(page.get_by_role("heading", name="With this: “lamp” finds")).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth") == page.viewport_size["width"]
        page.get_by_role("button", name="Save and continue editing").click()
        expect(page.get_by_text("was added successfully")).to_be_visible()
        expect(pinned).to_contain_text(["sofa", "rug"])

    def test_a_pin_is_dragged(self, page):
        staff_opens(page, "/admin/catalog/searchrule/add/")
        for text in ("rug", "sofa"):
            self.find(page, "pinned", text)
        pinned = page.locator(".field-pinned ol li")
        pinned.nth(1).drag_to(pinned.nth(0), target_position={"x": 20, "y": 2})
        expect(pinned).to_contain_text(["sofa", "rug"])

    def test_a_synonym_that_is_not_complete_says_so_instead_of_a_preview(self, page):
        staff_opens(page, "/admin/catalog/synonym/add/")
        page.get_by_label("Terms:").fill("sofa")
        page.get_by_role("button", name="Preview").click()
        expect(page.get_by_text("Give at least 2 terms")).to_be_visible()
        page.get_by_label("Terms:").fill("sofa\nsettee")
        page.get_by_label("Search for").fill("settee")
        page.get_by_role("button", name="Preview").click()
        expect(page.get_by_text("“settee” also finds “sofa”")).to_be_visible()


class TestImport:
    """The whole way of a file through the admin. The test is its worker."""

    FILE = (
        b"name,slug,price,brand\nOak lamp,oak-lamp,89.00,Nordlys\n=1+1,formula,abc,Nordlys\nAsh lamp,ash-lamp,95.50,\n"
    )

    @pytest.mark.parametrize("page", [1280, 390], indirect=True)
    def test_from_the_list_of_products_and_back(self, page):
        heartbeat.write(heartbeat.queue_names())
        staff_opens(page, "/admin/catalog/product/")
        page.get_by_role("link", name="Import", exact=True).click()
        upload = page.get_by_label("File")
        upload.set_input_files({"name": "lamps.csv", "mimeType": "text/csv", "buffer": self.FILE})
        page.get_by_role("button", name="Upload and check").click()
        expect(page.get_by_role("heading", name="The file waits to be checked")).to_be_visible()
        self.fits(page)
        jobs.work()
        # The page reads itself again.
        expect(page.get_by_text("would be created")).to_be_visible(timeout=15_000)
        expect(page.get_by_text("price 'abc'")).to_be_visible()
        self.fits(page)
        with page.expect_download() as refused:
            page.get_by_role("link", name="Download the refused rows").click()
        assert b",'=1+1,formula,abc," in Path(refused.value.path()).read_bytes()
        page.get_by_role("button", name="Import", exact=True).click()
        expect(page.get_by_text("Choose one: the file has no quantities")).to_be_visible()
        page.get_by_label("sold without limit").check()
        page.get_by_role("button", name="Import", exact=True).click()
        expect(page.get_by_role("heading", name="The import waits to begin")).to_be_visible()
        jobs.work()
        expect(page.get_by_text("The import is done")).to_be_visible(timeout=15_000)
        self.fits(page)
        page.get_by_role("link", name="Look at the products").click()
        expect(page.get_by_role("link", name="Oak lamp", exact=True)).to_be_visible()
        with page.expect_download() as products:
            page.get_by_role("link", name="Export", exact=True).click()
        assert b"Oak lamp,oak-lamp," in Path(products.value.path()).read_bytes()

    def test_a_file_that_is_too_large_is_told_before_it_is_sent(self, page, settings):
        staff_opens(page, "/admin/catalog/importjob/upload/")
        upload = page.get_by_label("File")
        upload.evaluate("input => { input.dataset.maxBytes = 10 }")
        upload.set_input_files({"name": "lamps.csv", "mimeType": "text/csv", "buffer": self.FILE})
        expect(page.get_by_text("The file is larger than")).to_be_visible()
        expect(page.get_by_role("button", name="Upload and check")).to_be_disabled()

    def test_a_file_that_is_chosen_before_the_script_comes_is_told_too(self, page):
        held = holds(page, "**/catalog/importing*.js")
        staff_opens(page, "/admin/catalog/importjob/upload/")
        upload = page.get_by_label("File")
        upload.evaluate("input => { input.dataset.maxBytes = 10 }")
        upload.set_input_files({"name": "lamps.csv", "mimeType": "text/csv", "buffer": self.FILE})
        held.pop().continue_()
        expect(page.get_by_text("The file is larger than")).to_be_visible()
        page.wait_for_load_state()
        expect(page.get_by_role("button", name="Upload and check")).to_be_disabled()

    def fits(self, page: Page) -> None:
        # Waiting outlasts the page's reading itself again, which would end an evaluation.
        page.wait_for_function(f"() => document.documentElement.scrollWidth === {page.viewport_size['width']}")


@phone
@pytest.mark.parametrize("path", ["/", "/graphql/", "/api/docs/"])
def test_nothing_sticks_out_on_a_phone(page, path):
    page.goto(path)
    page.wait_for_load_state("networkidle")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
