"""What a shopper's browser loads and waits for, on a fast and on a slow network, of a storefront that runs.

    python -m bench.storefront                           the composed system: make up STOREFRONT=1, with the demo shop
    python -m bench.storefront http://localhost:4173     another one

Medians of five visits, each with an empty cache, in headless Chromium at 1440 by 900.
"""

import shutil
import statistics
import sys
from collections.abc import Callable
from typing import Any

from playwright.sync_api import Browser, Page, sync_playwright

VISITS = 5
# Milliseconds there and back, bits a second. The slow one is Lighthouse's "slow 4G".
NETWORKS = {"fast": None, "slow": {"latency": 150, "downloadThroughput": 1.6e6 / 8, "uploadThroughput": 750e3 / 8}}
PAGES = {"home": "/", "search results": "/search?q=lamp", "category": "/categories/lighting", "product": ""}
# The largest paint and what jumps are kept while the page loads; the search box is typed into like a person does.
WATCH = """
    window.seen = {paint: 0, shift: 0};
    const watch = (type, add) => new PerformanceObserver((list) => list.getEntries().forEach(add)).observe({type, buffered: true});
    watch("largest-contentful-paint", (each) => seen.paint = each.startTime);
    watch("layout-shift", (each) => seen.shift += each.hadRecentInput ? 0 : each.value);
"""
# From Enter to the frame in which the first tile of the results is painted.
SEARCH = """(text) => new Promise((resolve) => {
    const box = document.querySelector("[role=combobox]"), start = performance.now();
    const look = () => document.title.includes(text) && document.querySelector("main .tile:not(.skeleton)")
        ? requestAnimationFrame(() => resolve(performance.now() - start)) : requestAnimationFrame(look);
    box.form.requestSubmit();
    look();
})"""


def visit(browser: Browser, origin: str, path: str, network: dict[str, float] | None) -> dict[str, float]:
    """Opens a page with an empty cache and waits until nothing more is loaded."""
    context = browser.new_context(base_url=origin, viewport={"width": 1440, "height": 900})
    context.add_init_script(WATCH)
    page = context.new_page()
    loaded = count_bytes(page, network)
    page.goto(path, wait_until="networkidle")
    page.wait_for_selector("main .tile:not(.skeleton), main h1")
    seen = page.evaluate("seen")
    context.close()
    kinds = [kind for kind, _ in loaded.values()]
    script = sum(size for kind, size in loaded.values() if kind == "Script")
    total = sum(size for _, size in loaded.values())
    return {
        "requests": len(kinds),
        "kB": total / 1000,
        "script kB": script / 1000,
        "paint ms": seen["paint"],
        "shift": seen["shift"],
    }


def count_bytes(page: Page, network: dict[str, float] | None) -> dict[str, tuple[str, float]]:
    """Each request's kind and compressed bytes, headers included, by its id; filled while the page loads."""
    loaded: dict[str, tuple[str, float]] = {}
    session = page.context.new_cdp_session(page)
    session.send("Network.enable")
    if network:
        session.send("Network.emulateNetworkConditions", {"offline": False, **network})
    session.on("Network.responseReceived", lambda event: loaded.update({event["requestId"]: (event["type"], 0)}))

    def finished(event: dict[str, Any]) -> None:
        kind, _ = loaded.get(event["requestId"], ("Other", 0))
        loaded[event["requestId"]] = (kind, event["encodedDataLength"])

    session.on("Network.loadingFinished", finished)
    return loaded


def search(browser: Browser, origin: str, network: dict[str, float] | None) -> dict[str, float]:
    """From Enter in the search box of the front page to the first result."""
    context = browser.new_context(base_url=origin, viewport={"width": 1440, "height": 900})
    page = context.new_page()
    count_bytes(page, network)
    page.goto("/", wait_until="networkidle")
    page.get_by_role("combobox").fill("lamp")
    page.wait_for_timeout(1000)
    took = page.evaluate(SEARCH, "lamp")
    context.close()
    return {"search ms": took}


def median(measure: Callable[[], dict[str, float]]) -> dict[str, float]:
    """The median of each number."""
    runs = [measure() for _ in range(VISITS)]
    return {name: statistics.median(run[name] for run in runs) for name in runs[0]}


def main(origin: str) -> None:
    """Prints one table in Markdown."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(base_url=origin)
        page.goto(PAGES["search results"])
        PAGES["product"] = page.locator("main .tile a").first.get_attribute("href") or ""
        print(
            "| page | network | requests | kB | of these script | largest paint, ms | layout shift |\n|---|---|---|---|---|---|---|"
        )
        for name, path in PAGES.items():
            for network, conditions in NETWORKS.items():
                m = median(lambda path=path, conditions=conditions: visit(browser, origin, path, conditions))
                print(
                    f"| {name} | {network} | {m['requests']:.0f} | {m['kB']:.0f} | {m['script kB']:.0f} | {m['paint ms']:.0f} | {m['shift']:.3f} |"
                )
        for network, conditions in NETWORKS.items():
            took = median(lambda conditions=conditions: search(browser, origin, conditions))["search ms"]
            print(f"From Enter to the first result, {network}: {took:.0f} ms")
        browser.close()


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:8080")
