"""What axe-core finds on a page in Chromium."""

from pathlib import Path

import pytest
from django.conf import settings
from playwright.sync_api import Page

AXE = Path(settings.BASE_DIR, ".venv", "axe", "node_modules", "axe-core", "axe.min.js")
# Colours that are on their way to others are not looked at.
RUN = """async () => {
    await Promise.all(document.getAnimations().map(animation => animation.finished));
    return (await axe.run(document, {resultTypes: ["violations"]})).violations
    .filter(({impact}) => impact === "serious" || impact === "critical")
    .flatMap(({id, nodes}) => nodes.map(({html, failureSummary}) => `${id}: ${html}\\n${failureSummary}`));
}"""


def violations(page: Page, *, dark: bool = False) -> list[str]:
    """The serious and critical violations, each with its element. An empty list is what a test asks for."""
    if not AXE.exists():
        pytest.fail("needs axe-core: make test-browser installs it", pytrace=False)
    page.emulate_media(color_scheme="dark" if dark else "light")
    # Otherwise some colours are still those of the other scheme.
    page.evaluate("document.getAnimations().forEach((each) => each instanceof CSSTransition && each.finish())")
    page.evaluate(AXE.read_text())
    found: list[str] = page.evaluate(RUN)
    return found
