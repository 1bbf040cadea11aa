"""
The console in a real browser, which keeps what it asked for and what it complained about.

Axe looks at pages as they are; with SMSHUB_SCREENSHOTS=1 (`make screenshots`) the pictures of the documentation are
taken, without nothing is written.
"""

import contextlib
import os
import shutil
from pathlib import Path

import pytest

PICTURES = Path(__file__).parents[1] / "docs" / "images" / "console"
TAKEN = bool(os.environ.get("SMSHUB_SCREENSHOTS"))
SHOWN = {
    "setup", "overview-desk-light", "overview-desk-dark", "overview-phone-light", "try", "messages", "message",
    "connector-new", "connector", "routes", "account", "audit", "guard",
}  # fmt: skip
DESK = {"width": 1280, "height": 800}
PHONE = {"width": 360, "height": 740}
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
VIOLATIONS = "addEventListener('securitypolicyviolation', e => console.error('policy: ' + e.violatedDirective))"


def violations(page):
    """Let axe look at a page; tell the rules that are broken, and where."""
    from axe_playwright_python.sync_playwright import Axe  # noqa: PLC0415 - of the test environment

    found = Axe().run(page, options=RULES).response["violations"]
    return [(one["id"], [node["html"] for node in one["nodes"]]) for one in found]


@contextlib.contextmanager
def run_chromium():
    """Run Chromium without a screen."""
    sync_api = pytest.importorskip("playwright.sync_api")
    with sync_api.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        yield browser
        browser.close()


class Browser:
    """A browser in front of a hub: what it asked and what it complained about is kept."""

    def __init__(self, chromium, hub):
        self.chromium = chromium
        self.hub = hub
        self.cookies = []
        self.asked = []
        self.said = []

    def page(self, *, scheme="light", viewport=DESK):
        """Open a new window, signed in as the one before."""
        context = self.chromium.new_context(color_scheme=scheme, viewport=viewport, reduced_motion="reduce")
        context.add_init_script(VIOLATIONS)
        context.add_cookies(self.cookies)
        page = context.new_page()
        page.on("request", lambda request: self.asked.append(request.url))
        page.on("console", self.hear)
        page.on("pageerror", lambda error: self.said.append(str(error)))
        return page

    def hear(self, message):
        """
        Keep what the browser complains about.

        That a refusal has the status of one is no complaint, nor that the check of a form came when it was gone.
        """
        if not message.text.startswith(("Failed to load resource", "htmx:oobErrorNoTarget")):
            self.said.append(message.text)

    def go(self, page, path, heading):
        """Look at a page of the console."""
        page.goto(f"{self.hub.url}/console{path}")
        page.get_by_role("heading", level=1, name=heading, exact=True).wait_for()

    def check(self, page, name):
        """Let axe look at the page as it is; take its picture where pictures are asked for."""
        assert [] == violations(page), name
        assert page.evaluate("document.documentElement.scrollWidth") <= page.viewport_size["width"]
        if TAKEN and name in SHOWN:
            PICTURES.mkdir(parents=True, exist_ok=True)
            page.screenshot(path=PICTURES / f"{name}.png")

    def keep_busy(self, page):
        """Send texts for half a minute, so that a picture has something to show."""
        for place in range(15 if TAKEN else 0):
            for number in range(4 + place % 5):
                self.hub.send(
                    text=f"Your parcel {place}{number} comes today.", **{"class": ("otp", "bulk")[number % 2]}
                )
            page.wait_for_timeout(2_000)
