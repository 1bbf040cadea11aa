"""The console in a real browser: a way out, a route and an account are made; the first day of a hub that has them."""

import re

import pytest

from fixtures_browser import DESK, PHONE, Browser, run_chromium
from fixtures_console import PASSWORD

# One hub and one browser for all of them.
pytestmark = [pytest.mark.needs("chromium"), pytest.mark.xdist_group("console-objects")]


@pytest.fixture(scope="module")
def smsc(make_shared_smsc):
    """Give a message centre that delivers everything."""
    return make_shared_smsc()


@pytest.fixture(scope="module")
def browser(make_shared_hub, words):
    """Give a browser in front of a hub that has no way out yet, signed in as its administrator."""
    hub = make_shared_hub(words.accounts)
    with run_chromium() as chromium:
        browser = Browser(chromium, hub)
        page = browser.page()
        secret = (hub.folder / "hub.db.setup").read_text(encoding="ascii").strip()
        page.goto(f"{hub.url}/console/setup#{secret}")
        for label in ("Password", "Password, once more"):
            page.get_by_label(label, exact=True).fill(PASSWORD)
        page.get_by_role("button", name="Begin").click()
        page.get_by_role("heading", name="Overview").wait_for()
        browser.cookies = page.context.cookies()
        page.context.close()
        yield browser
    # Whatever was looked at: nobody else was asked, no policy was broken, no script failed.
    assert [] == [url for url in browser.asked if not url.startswith((f"{hub.url}/console/", f"blob:{hub.url}/"))]
    assert [] == browser.said
    browser.fail_where_stale()


@pytest.fixture(scope="module")
def made(browser, smsc):
    """Make a connector, a route and an account in the browser; give the account's key."""
    page = browser.page()
    make_connector(browser, page, smsc.port)
    make_route(browser, page)
    key = make_account(browser, page)
    page.context.close()
    return key


def heading(page, name):
    """Wait for a page by its heading."""
    page.get_by_role("heading", level=1, name=name, exact=True).wait_for()


def make_connector(browser, page, port):
    """Make the connector `carrier`: what is wrong is told while it is typed, and goes when it is right."""
    browser.go(page, "/connectors", "Connectors")
    page.get_by_text("There is none yet: no text can leave.").wait_for()
    page.get_by_role("link", name="New connector").click()
    heading(page, "New connector")
    assert 0 == page.get_by_role("link", name="script", exact=True).count()
    browser.check(page, "connector-types")
    page.get_by_role("link", name="smpp", exact=True).click()
    page.get_by_label("Host").fill("127.0.0.1")
    page.get_by_label("Port").press_sequentially("many")
    page.locator("#set-port-error", has_text="Must be a valid integer").wait_for()
    assert "true" == page.get_by_label("Port").get_attribute("aria-invalid")
    page.get_by_label("Name", exact=False).first.fill("no good")
    page.locator("#set-its-name-error", has_text="up to 64 letters").wait_for()
    browser.check(page, "connector-wrong")
    page.get_by_label("Port").fill(str(port))
    page.get_by_label("Name", exact=False).first.fill("carrier")
    for field in ("port", "its-name"):
        page.locator(f"#set-{field}-error:empty").wait_for(state="attached")
    assert None is page.get_by_label("Port").get_attribute("aria-invalid")
    page.get_by_label("Password", exact=True).fill("secret-1")
    page.get_by_role("button", name=re.compile("Show")).click()
    assert "text" == page.get_by_label("Password", exact=True).get_attribute("type")
    browser.picture(page, "connector-new", until=".field:has(#set-system_type)")

    page.get_by_role("button", name="Make it").click()

    heading(page, "carrier")
    page.get_by_text("carrier is made.").wait_for()
    page.locator("#state .state", has_text=re.compile("^up$")).wait_for()
    assert "secret-1" not in page.content()


def make_route(browser, page):
    """Make the default route."""
    browser.go(page, "/routes", "Routes")
    page.get_by_role("link", name="New route").click()
    heading(page, "New route")
    page.get_by_label("Name").fill("world")
    page.get_by_label("Prefixes").fill("default")
    page.get_by_label("Connector 1").select_option("carrier")
    browser.check(page, "route-new")
    page.get_by_role("button", name="Make it").click()
    page.get_by_text("world is made.").wait_for()
    browser.go(page, "/routes", "Routes")
    page.get_by_role("cell", name="every other").wait_for()
    browser.picture(page, "routes")


def make_account(browser, page):
    """Make an account; give its key, which is shown once."""
    browser.go(page, "/accounts", "Accounts")
    page.get_by_role("link", name="New account").click()
    heading(page, "New account")
    page.locator("#set-its-name").fill("web")
    page.get_by_label("Originator", exact=True).fill("WebShop")
    browser.check(page, "account-new")
    page.get_by_role("button", name="Make it").click()
    heading(page, "web: a new API key")
    key = page.locator("#secret").inner_text()
    browser.check(page, "account-key")
    page.get_by_role("link", name="I have it").click()
    heading(page, "web")
    assert key not in page.content()
    browser.picture(page, "account")
    return key


def send(browser, key, text, to="+49 170 7654321"):
    """Hand a text in with the account's key; give its id."""
    answer = browser.hub.call("POST", "/v1/messages", {"to": to, "text": text}, user=None, headers={"X-API-Key": key})
    assert 202 == answer.status, answer.body
    return answer.json["messages"][0]["id"]


def test_a_text_goes_by_what_was_made_and_is_found_by_its_number(browser, smsc, made):
    """Sent with the key, delivered by the connector, found as somebody would write the number, told from its start."""
    send(browser, made, "=1+2 <b>found</b>")
    smsc.arrives("WebShop -> 491707654321: =1+2 <b>found</b>")
    send(browser, made, "To somebody else", to="+491701111111")
    page = browser.page()
    browser.go(page, "/messages", "Messages")
    page.get_by_label("Number, mail address or id").fill("0049 (170) 7654321")
    page.get_by_role("button", name="Find").click()
    page.get_by_text("Looked for +491707654321.").wait_for()
    assert 2 == page.get_by_role("row").count()
    page.get_by_role("cell", name="=1+2 <b>found</b>").wait_for()
    browser.check(page, "messages")
    page.get_by_text("More to go by").click()
    browser.check(page, "messages-filters")

    page.get_by_role("row").nth(1).get_by_role("link").click()

    heading(page, "A message")
    page.locator("#life-heading", has_text="DELIVERED").wait_for()
    life = page.locator(".timeline").inner_text()
    places = [life.index(word) for word in ("Accepted", "Try 1 on carrier", "Try 1: accepted", "Report: DELIVERED")]
    assert sorted(places) == places
    page.context.close()


def test_a_table_is_saved_while_it_comes(browser, made):
    """The browser tells how many rows there are so far, and then has a file in which nothing counts."""
    for number in range(3):
        send(browser, made, f"=SUM({number})")
    page = browser.page()
    browser.go(page, "/messages", "Messages")
    page.get_by_label("Number, mail address or id").fill("+491707654321")
    page.get_by_role("button", name="Find").click()
    with page.expect_download() as saved:
        page.get_by_role("link", name="Save as CSV").click()

    page.locator("#saving", has_text="rows saved").wait_for()
    written = saved.value.path().read_text(encoding="utf-8-sig")
    assert written.startswith("id,accepted,account,to")
    assert all(f"'=SUM({number})" in written for number in range(3))
    assert f"{len(written.splitlines()) - 1} rows saved." == page.locator("#saving").inner_text()
    page.context.close()


def test_a_connector_is_tested_and_changed(browser, smsc, made):
    """A test really sends; a change keeps the secret."""
    page = browser.page()
    browser.go(page, "/connectors/one?name=carrier", "carrier")
    page.get_by_label("To", exact=True).fill("+491702222222")
    page.get_by_label("Text", exact=True).fill("Only a test")
    page.get_by_role("button", name="Send it").click()
    page.locator("#followed .state", has_text="DELIVERED").wait_for()
    assert 1 == len([text for text in smsc.texts if text.endswith("-> 491702222222: Only a test")])
    browser.picture(page, "connector")
    page.get_by_role("link", name="Change it").click()
    heading(page, "Change carrier")
    assert "********" == page.get_by_label("Password", exact=True).input_value()
    page.get_by_label("Window").fill("20")
    page.get_by_role("button", name="Change it").click()
    page.get_by_text("carrier is changed.").wait_for()
    page.locator("#state .state", has_text=re.compile("^up$")).wait_for()
    page.context.close()


def test_the_first_day_goes_from_signing_in_to_erasing(browser, smsc, made):
    """A text is sent and watched, found by its number and erased; that the connector breaks is told without asking."""
    page = browser.page()
    page.context.clear_cookies()
    page.goto(f"{browser.hub.url}/console/")
    heading(page, "Sign in")
    page.get_by_label("Name").fill("admin")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    heading(page, "Overview")

    order, parcel = "Your order 1042 is on its way.", "Your parcel comes today between 2 and 4 pm."
    browser.hub.ends(send(browser, made, order, to="+491705550123"))
    watch_a_text(page, "+49 170 5550123", parcel)
    smsc.arrives(f"WebShop -> 491705550123: {order}")
    page.get_by_role("link", name="Messages", exact=True).click()
    find(page, "0049 170 5550123")
    for text in (order, parcel):
        page.get_by_role("cell", name=text).wait_for()
    browser.picture(page, "messages")
    page.get_by_role("row").filter(has_text=order).get_by_role("link").click()
    heading(page, "A message")
    page.locator("#life-heading", has_text="DELIVERED").wait_for()
    browser.picture(page, "message")

    see_it_break(browser, page, smsc)

    erase(page, "+491705550123")
    page.get_by_text("Erased: 2 messages").wait_for()
    page.get_by_role("link", name="Messages", exact=True).click()
    find(page, "+491705550123")
    page.get_by_text("There is none").wait_for()
    page.context.close()


def watch_a_text(page, to, text):
    """Send a text and watch it to its end, without a reload."""
    page.get_by_role("link", name="Try it").click()
    heading(page, "Try it")
    page.get_by_label("To", exact=True).fill(to)
    page.get_by_label("Text", exact=True).fill(text)
    page.get_by_role("button", name="Send", exact=True).click()
    page.locator("#followed .state", has_text="DELIVERED").wait_for()


def find(page, number):
    """Look for texts by their number."""
    heading(page, "Messages")
    page.get_by_label("Number, mail address or id").fill(number)
    page.get_by_role("button", name="Find").click()


def see_it_break(browser, page, smsc):
    """End the message centre: the connector's page, the list and the overview tell it, and when it is there again."""
    browser.go(page, "/connectors/one?name=carrier", "carrier")
    smsc.stop()
    page.locator("#state .state", has_text=re.compile("^down$")).wait_for()
    page.locator("#state").get_by_text(re.compile("refused|closed|connect", re.IGNORECASE)).first.wait_for()
    browser.go(page, "/connectors", "Connectors")
    page.get_by_role("row").filter(has_text="carrier").locator(".state-down").wait_for()
    browser.check(page, "connectors-broken")
    browser.go(page, "/", "Overview")
    page.get_by_role("link", name=re.compile("The connector carrier is down: .*refused")).wait_for()
    browser.picture(page, "overview-broken", until="#figures")
    smsc.start()
    page.locator(".state-up").wait_for()
    page.get_by_text("The connector carrier is down").wait_for(state="detached")


def erase(page, number):
    """Erase whatever is kept of a number."""
    page.get_by_role("link", name="Privacy").click()
    heading(page, "Privacy")
    page.get_by_label("Recipient").fill(number)
    page.get_by_role("button", name="Look").click()
    page.get_by_label("Erase all of it").check()
    page.get_by_role("button", name="Erase", exact=True).click()


def test_the_policy_of_codes_is_changed_by_a_form(browser):
    """What is wrong is told while one types; what is changed stands on the page, and can be the default again."""
    page = browser.page()
    browser.go(page, "/codes", "Codes")
    page.get_by_role("link", name="Change it").click()
    heading(page, "Change the policy of all accounts")
    page.get_by_label("Tries", exact=True).fill("99")
    page.get_by_text("less than or equal to 10").wait_for()
    page.get_by_label("Tries", exact=True).fill("3")
    page.locator("#set-tries-error", has_text=re.compile("^$")).wait_for(state="attached")
    page.get_by_label("Length", exact=True).fill("8")
    page.get_by_role("button", name="Change it").click()

    page.get_by_text("The policy of all accounts is changed.").wait_for()
    assert ["8", "3"] == [
        page.locator("dt", has_text=re.compile(f"^{name}$")).locator("+ dd").inner_text()
        for name in ("length", "tries")
    ]
    browser.picture(page, "codes")
    page.get_by_role("link", name="Reset it").click()
    heading(page, "Reset the policy of all accounts?")
    page.get_by_role("button", name="Reset it").click()
    page.get_by_text("The policy of all accounts is the default again.").wait_for()
    page.context.close()


@pytest.mark.parametrize(("scheme", "viewport"), [("dark", DESK), ("light", PHONE)], ids=["dark", "phone"])
def test_everybody_can_read_and_use_these_pages(browser, made, scheme, viewport):
    """Axe finds nothing in the dark and on a phone either, and nothing is lost sideways."""
    message = send(browser, made, "For axe")
    browser.hub.ends(message)
    page = browser.page(scheme=scheme, viewport=viewport)
    for path, name in (
        ("/messages", "Messages"),
        (f"/messages/{message}", "A message"),
        (f"/messages/{message}/sure", "Cancel it?"),
        ("/connectors", "Connectors"),
        ("/connectors/types", "New connector"),
        ("/connectors/new?type=http", "New connector"),
        ("/connectors/one?name=carrier", "carrier"),
        ("/connectors/remove?name=carrier", "Remove carrier?"),
        ("/routes", "Routes"),
        ("/routes/change?name=world", "Change world"),
        ("/routes/one?name=world", "world"),
        ("/accounts", "Accounts"),
        ("/accounts/change?name=web", "Change web"),
        ("/accounts/one?name=web", "web"),
        ("/accounts/token", "What does a token say?"),
        ("/codes/change?name=otp", "Change the policy of all accounts"),
        ("/codes/remove?name=otp", "Reset the policy of all accounts?"),
    ):
        browser.go(page, path, name)
        page.evaluate("for (const one of document.querySelectorAll('details')) one.open = true")
        browser.check(page, f"{path}-{scheme}")
    page.context.close()
