"""
The console in a real browser: the first user, the overview while texts go through, trying things out.

Every page is looked at by axe, in light and dark, on a desk and on a phone; no page may ask anybody but the hub, break
its content policy, or be heavy. The pictures of the documentation show these pages (`fixtures_pictures.py`).
"""

import re

import pytest

from fixtures_browser import DESK, PHONE, SLIM, Browser, run_chromium, violations

PASSWORD = "correct horse battery"
HEAVIEST = 150_000
PAGES = (("/", "Overview"), ("/try", "Try it"), ("/own", "Your account"), ("/nothing", "There is nothing here"))

# Two ways out that share the texts, one of which is slow.
SHARED = """\
[[routes]]
prefixes = [""]
connectors = [{ name = "carrier", priority = 1, weight = 2 }, { name = "slow", priority = 1 }]
"""

# One hub and one browser for all of them.
pytestmark = [pytest.mark.needs("chromium"), pytest.mark.xdist_group("console")]


@pytest.fixture(scope="module")
def chromium():
    """Run Chromium without a screen."""
    with run_chromium() as browser:
        yield browser


@pytest.fixture(scope="module")
def smsc(make_shared_smsc):
    """Give a message centre that delivers everything."""
    return make_shared_smsc()


@pytest.fixture(scope="module")
def browser(chromium, smsc, make_shared_hub, words):
    """Give a browser in front of a hub whose first user it has made: with the secret behind the # of the address."""
    ways = words.smpp("carrier", smsc.port, throughput=100) + words.smpp("slow", smsc.port, throughput=1)
    hub = make_shared_hub(words.accounts + ways + SHARED)
    hub.bound("carrier", "slow")
    browser = Browser(chromium, hub)
    page = browser.page(viewport=SLIM)
    secret = (hub.folder / "hub.db.setup").read_text(encoding="ascii").strip()
    page.goto(f"{hub.url}/console/setup#{secret}")
    assert [f"{hub.url}/console/setup", secret] == [page.url, page.get_by_label("Secret").input_value()]
    page.get_by_label("Secret").fill("")
    browser.picture(page, "setup")
    page.get_by_label("Secret").fill(secret)
    page.get_by_label("Your name here").fill("ada")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_label("Password, once more").fill(PASSWORD)
    page.get_by_role("button", name="Begin").click()
    page.get_by_role("heading", name="Overview").wait_for()
    browser.cookies = page.context.cookies()
    assert not any(secret in url for url in browser.asked)
    page.context.close()
    yield browser
    # Whatever was looked at: nobody else was asked, no policy was broken, no script failed.
    assert [] == [url for url in browser.asked if not url.startswith(f"{hub.url}/console/")]
    assert [] == browser.said
    browser.fail_where_stale()


def test_somebody_signs_in_and_out(browser):
    """A wrong password is refused, the right one leads to the page that was asked for; signing out ends the session."""
    page = browser.page(viewport=SLIM)
    page.context.clear_cookies()
    page.goto(f"{browser.hub.url}/console/try")
    page.get_by_role("heading", level=1, name="Sign in").wait_for()
    browser.picture(page, "sign-in")
    for password in ("incorrect horse battery", PASSWORD):
        page.get_by_label("Name").fill("ada")
        page.get_by_label("Password").fill(password)
        page.get_by_role("button", name="Sign in").click()
        page.get_by_role("alert" if password != PASSWORD else "navigation").wait_for()
    page.get_by_role("heading", level=1, name="Try it").wait_for()

    page.get_by_role("button", name="Sign out").click()

    page.get_by_role("heading", level=1, name="Sign in").wait_for()
    page.goto(f"{browser.hub.url}/console/try")
    page.get_by_role("heading", level=1, name="Sign in").wait_for()
    page.context.close()


def test_the_overview_follows_the_texts(browser, smsc):
    """A text that is sent shows up without a reload: in the figures, in the charts, and among the latest."""
    page = browser.page()
    browser.go(page, "/", "Overview")
    assert "0" == page.locator("#now-accepted").inner_text()
    page.get_by_text("There is no text yet.").wait_for()

    browser.hub.send(text="Hello <b>overview</b>")
    smsc.arrives("ACME -> 491701234567: Hello <b>overview</b>")

    page.locator("td", has_text="Hello <b>overview</b>").wait_for()
    page.locator("#now-accepted").filter(has_not_text=re.compile("^0$")).wait_for()
    row = page.get_by_role("row").filter(has_text="carrier").first
    assert re.search(r"\bup\b.* of 100\b", re.sub(r"\s+", " ", row.inner_text()))
    page.locator(".uplot canvas").nth(5).wait_for()
    page.get_by_label("Show the last").select_option("3600")
    browser.check(page, "overview")
    page.context.close()


def test_the_overview_fits_a_desk_and_a_phone_by_day_and_by_night(browser, words):
    """The charts follow the scheme and the width of a page that stays open."""
    page = browser.page()
    browser.go(page, "/", "Overview")
    browser.keep_busy(page)
    page.get_by_role("group", name="Latest texts").wait_for()
    page.locator(".uplot canvas").nth(5).wait_for()
    browser.picture(page, "overview-desk-light", until="figure:nth-of-type(4)")

    page.emulate_media(color_scheme="dark")
    browser.picture(page, "overview-desk-dark", until="figure:nth-of-type(2)")
    page.emulate_media(color_scheme="light")
    page.set_viewport_size(PHONE)
    fit = "[...document.querySelectorAll('.uplot')].every((one) => one.clientWidth < innerWidth)"
    words.wait_for(lambda: page.evaluate(fit))
    browser.picture(page, "overview-phone-light", until="figure")
    page.context.close()


def test_a_hub_that_does_not_answer_is_said_so(make_hub, words, chromium):
    """What is shown is not taken for live; when the hub is back, so is the page."""
    hub = make_hub(words.accounts)
    browser = Browser(chromium, hub)
    page = browser.page()
    secret = (hub.folder / "hub.db.setup").read_text(encoding="ascii").strip()
    page.goto(f"{hub.url}/console/setup#{secret}")
    for label in ("Password", "Password, once more"):
        page.get_by_label(label, exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Begin").click()
    page.get_by_text("live", exact=True).wait_for()

    hub.kill()
    page.get_by_text("The hub does not answer").wait_for()
    hub.start()

    page.get_by_text("live", exact=True).wait_for()
    page.context.close()


def test_a_text_is_tried_and_followed(browser, smsc):
    """Explained first, which sends nothing; then sent, and its end shown without a reload."""
    page = browser.page()
    browser.go(page, "/try", "Try it")
    page.get_by_label("To", exact=True).fill("+49 170 1234567")
    page.get_by_label("Text", exact=True).fill("Grüße, Привет from the console")
    page.get_by_role("button", name="Explain").click()
    page.locator("#explained").wait_for()
    assert "UCS2" in page.locator("#explained").inner_text().replace("-", "")
    assert not any("from the console" in text for text in smsc.texts)
    browser.picture(page, "try")

    page.get_by_role("button", name="Send", exact=True).click()

    page.locator("#followed .state", has_text="DELIVERED").wait_for()
    assert 1 == len([text for text in smsc.texts if text.endswith("-> 491701234567: Grüße, Привет from the console")])
    page.get_by_label("To", exact=True).fill("12")
    page.get_by_role("button", name="Send", exact=True).click()
    assert "'12'" in page.get_by_role("alert").inner_text()
    browser.check(page, "try-refused")
    page.context.close()


def test_a_code_is_tried(browser, smsc, words):
    """Asked for, refused while it is wrong, and right once."""
    page = browser.page()
    browser.go(page, "/try", "Try it")
    page.get_by_label("Send a code to").fill("+491709999999")
    page.get_by_role("button", name="Send a code").click()
    page.get_by_text("A code is on its way").wait_for()
    text = words.wait_for(lambda: next((text for text in smsc.texts if "-> 491709999999" in text), None))
    code = re.search(r"\b\d{6}\b", text.partition(":")[2])[0]

    for typed, said in ((f"{(int(code) + 1) % 1_000_000:06d}", "MISMATCH"), (code, "MATCH")):
        page.get_by_label("The code").fill(typed)
        page.get_by_role("button", name="Check it").click()
        page.locator(".state", has_text=re.compile(f"^{said}$")).wait_for()
    browser.go(page, "/", "Overview")
    assert code not in page.content()
    page.context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("where", ["desk", "phone"])
def test_everybody_can_read_and_use_every_page(browser, scheme, where):
    """Contrast, names, landmarks and order: axe finds nothing, and nothing is lost sideways."""
    page = browser.page(scheme=scheme, viewport=PHONE if where == "phone" else DESK)
    for path, heading in PAGES:
        browser.go(page, path, heading)
        if path == "/":
            page.locator(".uplot canvas").nth(5).wait_for()
        browser.check(page, f"{path.strip('/') or 'overview'}-{where}-{scheme}")
    browser.go(page, "/own", "Your account")
    page.get_by_role("button", name="Set up an authenticator").click()
    page.locator("#totp-secret").wait_for()
    assert [] == violations(page)
    page.context.clear_cookies()
    browser.go(page, "/sign-in", "Sign in")
    browser.check(page, f"sign-in-{where}-{scheme}")
    page.context.close()


def test_the_keyboard_is_enough(browser):
    """The first stop leads past the navigation; the focus is seen; on a phone the menu opens and closes."""
    page = browser.page(viewport=PHONE)
    browser.go(page, "/", "Overview")
    page.keyboard.press("Tab")
    assert "Skip to the page" == page.evaluate("document.activeElement.innerText")
    assert page.evaluate("document.activeElement.getBoundingClientRect().left") >= 0
    assert "none" != page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    page.keyboard.press("Enter")
    assert "main" == page.evaluate("document.activeElement.id")

    link = page.get_by_role("link", name="Try it")
    assert not link.is_visible()
    page.get_by_role("button", name="Menu").focus()
    page.keyboard.press("Enter")
    assert link.is_visible()
    link.focus()
    page.keyboard.press("Enter")
    page.get_by_role("heading", level=1, name="Try it").wait_for()
    page.context.close()


@pytest.mark.parametrize("path", ["/", "/try", "/own"])
def test_a_page_is_light(browser, path):
    """A first load, with scripts and styles and unpacked, is below 150 kB."""
    page = browser.page()
    answers = []
    page.on("response", lambda answer: answers.append(answer))  # noqa: PLW0108 - no builtin may be handed over
    page.goto(f"{browser.hub.url}/console{path}", wait_until="load")

    loaded = {answer.url: len(answer.body()) for answer in answers if answer.status == 200}

    assert {"console.css", "htmx.min.js"} <= {url.rpartition("/")[2].partition("?")[0] for url in loaded}
    assert sum(loaded.values()) < HEAVIEST
    page.context.close()


def test_without_scripts_the_console_still_works(browser, smsc, words):
    """Pages, forms and the way out need none; what is live is then of the moment."""
    context = browser.chromium.new_context(java_script_enabled=False)
    page = context.new_page()
    browser.go(page, "/sign-in", "Sign in")
    page.get_by_label("Name").fill("ada")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("link", name="Try it").click()
    page.get_by_label("To", exact=True).fill("+491701234567")
    page.get_by_label("Text", exact=True).fill("without scripts")
    page.get_by_role("button", name="Send", exact=True).click()
    words.wait_for(lambda: [text for text in smsc.texts if text.endswith("-> 491701234567: without scripts")])
    page.get_by_role("button", name="Sign out").click()
    page.get_by_role("heading", name="Sign in").wait_for()
    context.close()
