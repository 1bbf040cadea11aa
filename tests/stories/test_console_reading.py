"""In a real browser: the pages for blocklist, inbox, codes, errors, audit, users and settings, read and used."""

import sqlite3
import time
from pathlib import Path

import pytest

from fixtures_browser import DESK, PHONE, Browser, run_chromium
from fixtures_console import PASSWORD, Person, add_users
from fixtures_hub import ADMIN

ID = f"{1:032x}"
LOG = '[connectors.log]\ntype = "log"\nfile = "texts.log"\n'
DOOR = """
[[frontends]]
dialect = "otppi"
carrier = "redis"
url = "redis://127.0.0.1:1/"
topic = "sms"
account = "shop"
"""
FILE = '\n[errors]\nEmptyText = "Leer."\n\n[groups.ward]\notp = { life = 120 }\n'
PAGES = {
    "/blocklist": "Blocklist",
    "/inbox": "Inbox",
    "/modems": "Modems",
    "/frontends": "Broker doors",
    "/parked": "Parked",
    f"/parked/{ID}": "A parked document",
    "/codes": "Codes",
    "/guard": "Guard",
    "/log": "Log",
    "/settings/plan": "What the file would change",
    "/errors": "Error texts",
    "/errors/NoRoute": "NoRoute",
    "/errors/EmptyText": "EmptyText",
    "/audit": "Audit log",
    "/audit/verify": "Audit log",
    "/users": "Users",
    "/users/una": "una",
    "/privacy": "Privacy",
    "/settings": "Settings",
}

pytestmark = [pytest.mark.needs("chromium"), pytest.mark.xdist_group("console-reading")]


@pytest.fixture(scope="module")
def chromium():
    """Run Chromium without a screen."""
    with run_chromium() as browser:
        yield browser


@pytest.fixture(scope="module")
def browser(chromium, make_shared_hub, words):
    """Give a browser, signed in, in front of a hub that has something to show on every page."""
    hub = make_shared_hub(words.accounts + LOG + words.route("log") + FILE + DOOR)
    Person(hub).set_up()
    assert 202 == hub.call("POST", "/v1/otp", {"to": "+37120000001", "reference": "s"}).status
    assert 0 == hub.stop()
    add_users(hub, ("una", "auditor", None))
    at = time.time()
    with sqlite3.connect(hub.folder / "hub.db") as database:
        text = "Please stop. A long text: " + "abcdefghij" * 20
        database.execute(
            "INSERT INTO incoming VALUES (?, 'modem-a', '491701234567', '4915100', ?, ?, 'r')", (ID, text, at)
        )
        database.execute("INSERT INTO parked VALUES (?, 'shop-redis', ?, 3, 'not JSON', 6, ?)", (ID, at, b'{"to":'))
        database.execute("INSERT INTO guard_prefixes VALUES ('37120000', 'LV', 0, ?, 0)", (at + 3_000,))
    database.close()
    hub.start()
    for path, body in (
        ("/v1/blocklist/+491701111111", {"reason": "asked us to stop"}),
        ("/v1/errors/NoRoute", {"text": "Where to, {value}?"}),
        ("/v1/errors/NoRoute", {"text": "Where to, with {value}?"}),
    ):
        assert 200 == hub.call("PUT", path, body, user=words.admin).status
    assert 202 == hub.call("POST", "/v1/otp", {"to": "+33612345678", "reference": "r"}).status
    browser = Browser(chromium, hub)
    page = browser.page()
    page.goto(f"{hub.url}/console/sign-in")
    page.get_by_label("Name").fill("ada")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("heading", name="Overview").wait_for()
    browser.cookies = page.context.cookies()
    page.context.close()
    yield browser
    # Whatever was looked at: nobody else was asked, no policy was broken, no script failed.
    assert [] == [url for url in browser.asked if not url.startswith(f"{hub.url}/console/")]
    assert [] == browser.said
    browser.fail_where_stale()


@pytest.mark.parametrize(("where", "scheme"), [("desk", "light"), ("phone", "dark")])
def test_everybody_can_read_and_use_every_page(browser, scheme, where):
    """Contrast, names, landmarks and order: axe finds nothing, and nothing is lost sideways."""
    page = browser.page(scheme=scheme, viewport=PHONE if where == "phone" else DESK)
    for path, heading in PAGES.items():
        browser.go(page, path, heading)
        browser.check(page, f"{path}-{where}-{scheme}")
    page.context.close()


def test_a_recipient_is_blocked_and_unblocked(browser):
    """By buttons that say whom they mean; what is done is said."""
    page = browser.page()
    browser.go(page, "/blocklist", "Blocklist")
    page.get_by_label("Recipient", exact=True).fill("+49 170 2222222")
    page.get_by_label("Why").fill("twice <b>asked</b>")
    page.get_by_role("button", name="Block", exact=True).click()
    page.get_by_text("491702222222 is blocked.").wait_for()
    page.get_by_role("cell", name="twice <b>asked</b>").wait_for()

    page.get_by_role("button", name="Unblock 491702222222").click()

    page.get_by_text("491702222222 is unblocked.").wait_for()
    page.context.close()


def test_the_guard_tells_what_it_thought_and_what_is_closed(browser):
    """With the rule and the reason; a prefix that is closed has a button of its own."""
    page = browser.page()
    browser.go(page, "/guard", "Guard")
    page.get_by_role("row").filter(has_text="33612345678").get_by_text("FR is none of the countries").wait_for()
    page.get_by_role("row").filter(has_text="LV").get_by_role("button", name="Open 37120000").wait_for()
    browser.picture(page, "guard")
    page.context.close()


def test_the_log_is_looked_through_and_followed(browser):
    """By words; a line that comes is shown without a reload."""
    page = browser.page()
    browser.go(page, "/log", "Log")
    page.get_by_role("row").filter(has_text="frontend.down").first.wait_for()
    browser.picture(page, "log")
    page.get_by_label("Words").fill("recipient.exported admin")
    page.get_by_role("button", name="Find").click()
    page.get_by_text("There is no such line.").wait_for()

    assert 200 == browser.hub.call("GET", "/v1/recipients/+491703333333/export", user=ADMIN).status

    page.get_by_role("row").filter(has_text="recipient.exported").wait_for()
    page.context.close()


def test_what_was_and_what_is_are_told_apart(browser):
    """In the audit log: what was is struck out."""
    page = browser.page()
    browser.go(page, "/audit", "Audit log")
    row = page.get_by_role("row").filter(has_text="errors.NoRoute").first
    assert ["Where to, {value}?", "Where to, with {value}?"] == [
        row.locator("del").inner_text(),
        row.locator("ins").inner_text(),
    ]
    browser.picture(page, "audit")
    page.get_by_role("link", name="Verify the whole log").click()
    page.get_by_text("entries are as they were written").wait_for()
    page.context.close()


def test_somebody_is_let_in_and_put_out(browser):
    """A user is made, and removed by two clicks, so that one alone does no harm."""
    page = browser.page()
    browser.go(page, "/users", "Users")
    page.get_by_label("Name", exact=True).fill("neo")
    page.get_by_label("Role").select_option("operator")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_label("Password, once more").fill(PASSWORD)
    page.get_by_role("button", name="Add").click()
    page.get_by_text("neo may sign in now.").wait_for()

    page.get_by_role("link", name="neo").click()
    assert not page.get_by_role("button", name="Remove").is_visible()
    page.get_by_text("Remove neo").click()
    page.get_by_role("button", name="Remove").click()

    page.get_by_text("neo is removed.").wait_for()
    page.context.close()


def test_a_number_is_erased_and_found_nowhere(browser):
    """What is kept of it is told, saved and erased by hand; afterwards no page has the number or its text."""
    number, text = "491755555123", "To nobody else, please."
    browser.hub.ends(browser.hub.send(f"+{number}", text), "SENT", "DELIVERED")
    otp = {"to": f"+{number}", "reference": "erased"}
    assert 202 == browser.hub.call("POST", "/v1/otp", otp).status
    page = browser.page()
    browser.go(page, "/privacy", "Privacy")
    page.get_by_label("Recipient").fill(f"+{number}")
    page.get_by_role("button", name="Look").click()
    page.get_by_role("heading", name=f"Kept of {number}").wait_for()
    assert "2" == page.locator("dt", has_text="Messages").locator("+ dd").inner_text()
    browser.picture(page, "privacy")
    with page.expect_download() as saved:
        page.get_by_role("button", name="Save all of it as a file").click()
    kept = Path(saved.value.path()).read_text(encoding="utf-8")
    assert (True, True) == (number in kept, text in kept)

    page.get_by_role("button", name="Erase", exact=True).click()
    assert "tick the box" in page.get_by_role("alert").inner_text()
    page.get_by_label("Recipient").fill(f"+{number}")
    page.get_by_role("button", name="Look").click()
    page.get_by_label("Erase all of it").check()
    page.get_by_role("button", name="Erase", exact=True).click()

    page.get_by_text("Erased: 2 messages").wait_for()
    browser.picture(page, "privacy-erased")
    page.get_by_label("Recipient").fill(f"+{number}")
    page.get_by_role("button", name="Look").click()
    assert "0" == page.locator("dt", has_text="Messages").locator("+ dd").inner_text()
    for path in ("/", f"/messages?to={number}", "/messages", "/inbox", "/parked", "/guard", "/audit"):
        page.goto(f"{browser.hub.url}/console{path}")
        page.get_by_role("heading", level=1).wait_for()
        shown = page.locator("main").inner_text()
        assert (False, False) == (number[2:] in shown, text in shown), path
    assert number not in browser.hub.log
    page.context.close()
