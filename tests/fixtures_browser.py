"""
The console in a real browser, which keeps what it asked for, what it complained about, and which pictures are stale.

Axe looks at pages as they are. Where one is shown in the documentation, what it is made of is compared to its picture;
with SMSHUB_SCREENSHOTS=1 (`make screenshots`) the picture is taken instead.
"""

import contextlib
import shutil

import pytest

import fixtures_pictures as pictures

DESK = {"width": 1280, "height": 800}
# For the pages of those who are not signed in, which are narrow; still wide enough for the navigation of the others.
SLIM = {"width": 750, "height": 600}
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
    """A browser in front of a hub: what it asked, what it complained about and which pictures are stale is kept."""

    def __init__(self, chromium, hub):
        self.chromium = chromium
        self.hub = hub
        self.cookies = []
        self.asked = []
        self.said = []
        self.stale = []

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

        That a refusal has the status of one is no complaint, nor that the check of a form came when it was gone, nor
        that signing out clears what the browser keeps.
        """
        if not message.text.startswith(("Failed to load resource", "htmx:oobErrorNoTarget", "Clear-Site-Data header")):
            self.said.append(message.text)

    def go(self, page, path, heading):
        """Look at a page of the console."""
        page.goto(f"{self.hub.url}/console{path}")
        page.get_by_role("heading", level=1, name=heading, exact=True).wait_for()

    def check(self, page, name):
        """Let axe look at the page as it is."""
        assert [] == violations(page), name
        assert page.evaluate("document.documentElement.scrollWidth") <= page.viewport_size["width"]

    def picture(self, page, name, *, until="body"):
        """
        Look at a page that the documentation shows, down to the end of the element `until`.

        Its name is written out where this is called: `test_pictures.py` reads there which pictures there are.
        """
        self.check(page, name)
        if pictures.TAKEN:
            pictures.take(page, name, until)
        else:
            self.stale += pictures.stale(page, name)

    def fail_where_stale(self):
        """Fail where a picture shows a page as it was: with all of them, and what is gone (-) and new (+) in each."""
        if self.stale:
            pytest.fail("\n".join(["Pictures are stale.", *self.stale, pictures.MENDS]), pytrace=False)

    def keep_busy(self, page):
        """Send a text, and more for half a minute where a picture is to show them."""
        self.hub.send(text="Your parcel comes today.")
        for place in range(15 if pictures.TAKEN else 0):
            for number in range(4 + place % 5):
                self.hub.send(
                    text=f"Your parcel {place}{number} comes today.", **{"class": ("otp", "bulk")[number % 2]}
                )
            page.wait_for_timeout(2_000)
