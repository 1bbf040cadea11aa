"""smshubSign: a text with a link, a page that asks, and a call that waits for the answer."""

import http.client
import json
import re
import shutil
import sqlite3
import threading
from urllib.parse import urlsplit

import pytest
import zeep

LINK = re.compile(r"http://127\.0\.0\.1:\d+/sign/[A-Za-z0-9_-]{22}\b")
TEXT = "Pay 50 € to <Müller & Söhne>?"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


class Asking:
    """A call of smshubSign on a thread of its own."""

    def __init__(self, hub, text=TEXT, timeout=30, mobile="+491701234567", user="shop"):
        self.hub = hub
        self.result = None
        params = {
            "username": user,
            "password": f"{user}-password",
            "mobile": mobile,
            "text": text,
            "timeout": timeout,
        }
        self.call = {"jsonrpc": "2.0", "method": "smshubSign", "params": params, "id": 1}
        self._thread = threading.Thread(target=self._ask)
        self._thread.start()

    def _ask(self):
        try:
            self.result = self.hub.call("POST", "/smshub/", self.call, user=None).json["result"]
        except (OSError, http.client.HTTPException) as error:
            self.result = error

    def answered(self):
        """Wait for the end of the call, and give what it came to."""
        self._thread.join(20)
        assert not self._thread.is_alive()
        return self.result


def link_in(pair, words, text):
    """Wait for the text at the handset, and give the path of the link in it."""
    found = words.wait_for(lambda: [one for one in pair.smsc.texts if text in one and LINK.search(one)])
    return urlsplit(LINK.search(found[-1])[0]).path


def page(hub, path, method="GET", body=None, headers=None):
    """Look at a page, or send its form."""
    return hub.call(method, path, body, user=None, headers=headers or {})


def press(hub, path, button):
    """Press a button of the page."""
    return page(hub, path, "POST", f"answer={button}".encode(), FORM)


@pytest.mark.parametrize(
    ("button", "code", "error", "message"),
    [("accept", 1, "", "The recipient has accepted."), ("refuse", 0, "SignRefused", "The recipient has refused.")],
)
def test_the_call_answers_when_the_recipient_has(shared, words, button, code, error, message):
    """The text comes with a link, the page shows it, a button is pressed, and the call that waited has its answer."""
    asking = Asking(shared.hub, f"{TEXT} {button}")
    path = link_in(shared, words, f"{TEXT} {button}")

    shown = page(shared.hub, path)
    pressed = press(shared.hub, path, button)

    assert (200, 200) == (shown.status, pressed.status)
    assert "Pay 50 € to &lt;Müller &amp; Söhne&gt;?" in shown.body.decode()
    assert TEXT.encode() not in shown.body + pressed.body
    assert {"code": code, "error": error, "message": message} == asking.answered()


def test_looking_changes_nothing(shared, words):
    """Whatever looks at links of its own accord, GET or HEAD, with or without a query, presses no button."""
    asking = Asking(shared.hub, "a preview looks")
    path = link_in(shared, words, "a preview looks")

    for method in ("GET", "HEAD", "GET"):
        assert 200 == page(shared.hub, path, method).status
    assert 200 == page(shared.hub, f"{path}?answer=accept").status
    assert b"" == page(shared.hub, path, "HEAD").body
    for body, headers in [
        (b"", FORM),
        (b"answer=yes", FORM),
        (b"answer=accept&answer=refuse", FORM),
        (b"answer=accept&more=1", FORM),
        (b"answer=" + b"x" * 5_000, FORM),
        (b'{"answer": "accept"}', {"Content-Type": "application/json"}),
        (b"answer=accept", {"Content-Type": "text/plain"}),
    ]:
        misread = page(shared.hub, path, "POST", body, headers)
        assert 400 == misread.status
        assert b"a preview looks" in misread.body
    assert 405 == page(shared.hub, path, "PUT", b"answer=accept", FORM).status

    assert asking.result is None
    press(shared.hub, path, "refuse")
    assert "SignRefused" == asking.answered()["error"]


def test_the_first_answer_counts(shared, words):
    """A link works once: the other button, and the same one again, get the first answer, without the text."""
    asking = Asking(shared.hub, "once only", mobile=["+491701234567", "+436601234567"])
    path = link_in(shared, words, "once only")
    words.wait_for(lambda: 2 == len([one for one in shared.smsc.texts if path in one]))

    first, *again = [press(shared.hub, path, button) for button in ("accept", "refuse", "accept")]

    assert b"you have accepted" in first.body
    assert {first.body} == {one.body for one in again}
    assert b"once only" not in page(shared.hub, path).body
    assert 1 == asking.answered()["code"]


def test_silence_ends_with_the_time(shared, words):
    """After its seconds the call answers SignTimeout, and the link is too late for an answer."""
    asking = Asking(shared.hub, "nobody answers", timeout=1)
    path = link_in(shared, words, "nobody answers")

    assert {
        "code": 0,
        "error": "SignTimeout",
        "message": "The recipient has not answered in time.",
    } == asking.answered()
    late = press(shared.hub, path, "accept")
    assert (410, False) == (late.status, b"nobody answers" in late.body)
    assert 410 == page(shared.hub, path).status


def test_the_page_keeps_to_itself(shared, words):
    """No script, nothing from elsewhere, nothing kept, no address passed on, no frame around it; light and dark."""
    asking = Asking(shared.hub, "headers")
    path = link_in(shared, words, "headers")

    answer = page(shared.hub, path)

    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'; style-src 'sha256-" in policy
    for part in ("form-action 'self'", "base-uri 'none'", "frame-ancestors 'none'"):
        assert part in policy
    assert ("no-store", "no-referrer", "nosniff") == (
        answer.headers["cache-control"],
        answer.headers["referrer-policy"],
        answer.headers["x-content-type-options"],
    )
    assert b"<script" not in answer.body
    assert b'name="viewport"' in answer.body
    assert b"color-scheme: light dark" in answer.body
    press(shared.hub, path, "accept")
    asking.answered()


@pytest.mark.parametrize(
    "token", ["", "A" * 22, "A" * 23, "../../etc/passwd", "%00" * 22, "A" * 21 + "%2F", "<script>", "x" * 5_000]
)
def test_a_link_that_nobody_was_sent_leads_nowhere(shared, token):
    """Each is the same page of nothing, and never an error."""
    for answer in (page(shared.hub, f"/sign/{token}"), press(shared.hub, f"/sign/{token}", "accept")):
        assert 404 == answer.status
        assert b"There is no such request" in answer.body
        assert "no-store" == answer.headers["cache-control"]


def test_what_cannot_be_asked_is_refused_at_once(shared):
    """Wrong credentials, no number, a bad number and a bad time are answered as smshubSend does."""
    for changed, error in [
        ({"password": "wrong"}, "AuthFailed"),
        ({"mobile": []}, "BadRequest"),
        ({"mobile": "+49"}, "BadNumber"),
        ({"timeout": "soon"}, "BadRequest"),
        ({"timeout": 0}, "BadRequest"),
    ]:
        params = {"username": "shop", "password": "shop-password", "mobile": "+491701234567", "text": "Hello"}
        call = {"jsonrpc": "2.0", "method": "smshubSign", "params": {**params, **changed}, "id": 1}
        answer = shared.hub.call("POST", "/smshub/", call, user=None, source="127.0.5.1").json["result"]
        assert (0, error) == (answer["code"], answer["error"])


def test_zeep_asks_by_the_wsdl(shared, words):
    """Made from the WSDL alone, the call waits and reads the answer."""
    with zeep.Client(f"{shared.hub.url}/smshub/?wsdl") as client:
        answers = []
        arguments = ("shop", "shop-password", {"String": ["+491701234567"]}, "zeep asks", 20, "", "")
        thread = threading.Thread(target=lambda: answers.append(client.service.smshubSign(*arguments)))
        thread.start()
        press(shared.hub, link_in(shared, words, "zeep asks"), "accept")
        thread.join(20)

    assert (1, None) == (answers[0].code, answers[0].error)


@pytest.mark.needs("chromium")
def test_a_phone_without_scripts_can_answer(shared, words):
    """A browser as narrow as a phone, scripts off, light and dark: all in sight, no complaint, and one tap answers."""
    from playwright.sync_api import sync_playwright  # noqa: PLC0415 - heavy

    asking = Asking(shared.hub, "a tap " + "and more words " * 12)
    path = link_in(shared, words, "a tap")
    said = []
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        for scheme in ("light", "dark"):
            context = browser.new_context(
                viewport={"width": 320, "height": 560}, java_script_enabled=False, color_scheme=scheme, is_mobile=True
            )
            tab = context.new_page()
            tab.on("console", lambda message: said.append(message.text))
            tab.goto(f"{shared.hub.url}{path}")
            for name in ("Accept", "Refuse"):
                box = tab.get_by_role("button", name=name).bounding_box()
                assert box["height"] >= 44
                assert 0 <= box["x"]
                assert box["x"] + box["width"] <= 320
        tab.get_by_role("button", name="Accept").click()
        tab.get_by_text("you have accepted").wait_for()
        browser.close()

    assert [] == said
    assert 1 == asking.answered()["code"]


@pytest.mark.needs("chromium")
@pytest.mark.parametrize("scripts", [True, False], ids=["with scripts", "without scripts"])
def test_a_browser_can_refuse(shared, words, scripts):
    """The other button, with scripts and without: the page says so, and the call has its answer."""
    from playwright.sync_api import sync_playwright  # noqa: PLC0415 - heavy

    asking = Asking(shared.hub, f"no thanks, scripts {scripts}")
    path = link_in(shared, words, f"no thanks, scripts {scripts}")
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        tab = browser.new_context(java_script_enabled=scripts).new_page()
        tab.goto(f"{shared.hub.url}{path}")
        tab.get_by_role("button", name="Refuse").click()
        tab.get_by_text("you have refused").wait_for()
        browser.close()

    answer = asking.answered()
    assert (0, "SignRefused") == (answer["code"], answer["error"])


def test_several_wait_side_by_side(shared, words):
    """Two calls of one batch, and a send beside them, hold nobody up; each gets its own answer."""
    params = {"username": "shop", "password": "shop-password", "mobile": "+491701234567", "timeout": 20}
    calls = [
        {"jsonrpc": "2.0", "method": "smshubSign", "params": {**params, "text": "side one"}, "id": 1},
        {"jsonrpc": "2.0", "method": "smshubSign", "params": {**params, "text": "side two"}, "id": 2},
        {"jsonrpc": "2.0", "method": "smshubStatus", "id": 3},
    ]
    answers = []
    thread = threading.Thread(target=lambda: answers.extend(shared.hub.call("POST", "/smshub/", calls, user=None).json))
    thread.start()

    press(shared.hub, link_in(shared, words, "side two"), "refuse")
    shared.hub.send(text="beside them")
    press(shared.hub, link_in(shared, words, "side one"), "accept")
    thread.join(20)

    assert [1, "SignRefused", 1] == [
        answers[0]["result"]["code"],
        answers[1]["result"]["error"],
        answers[2]["result"]["status"],
    ]


def test_the_link_outlives_the_hub(make_smsc, make_hub, words):
    """
    A crash ends the call and not the link: the page works after a restart, and its answer is kept.

    In the database there is only a digest of the token, and no text once it is answered.
    """
    smsc = make_smsc()
    hub = make_hub(words.accounts + words.smpp("smsc", smsc.port) + words.route("smsc"))
    hub.bound("smsc")
    asking = Asking(hub, "before the crash")
    found = words.wait_for(lambda: [one for one in smsc.texts if LINK.search(one)])
    path = urlsplit(LINK.search(found[0])[0]).path

    hub.kill()
    assert isinstance(asking.answered(), Exception)
    hub.start()
    assert b"before the crash" in page(hub, path).body
    assert b"you have accepted" in press(hub, path, "accept").body
    assert b"you have accepted" in press(hub, path, "refuse").body

    assert 0 == hub.stop()
    with sqlite3.connect(hub.folder / "hub.db") as database:
        rows = database.execute("SELECT digest, answer, text FROM signatures").fetchall()
    database.close()
    assert [("accepted", "")] == [row[1:] for row in rows]
    assert path.removeprefix("/sign/") not in rows[0][0]


def test_a_stopping_hub_ends_the_wait(make_smsc, make_hub, words):
    """A call that waits for minutes does not hold up the end of the hub."""
    smsc = make_smsc()
    hub = make_hub(words.accounts + words.smpp("smsc", smsc.port) + words.route("smsc"))
    hub.bound("smsc")
    asking = Asking(hub, "until the end", timeout=300)
    words.wait_for(lambda: [one for one in smsc.texts if "until the end" in one])

    assert 0 == hub.stop()

    assert "Stopping" == asking.answered()["error"]


def test_links_are_of_the_public_address_and_places_are_bounded(make_smsc, make_hub, words):
    """`public_url` is in the link; of two places an account has one, and whoever goes away gives it back."""
    smsc = make_smsc()
    tables = words.accounts + words.smpp("smsc", smsc.port) + words.route("smsc") + "[server.limits]\nsigning = 2\n"
    hub = make_hub(tables, server='public_url = "https://sms.example/hub/"')
    hub.bound("smsc")
    asking = Asking(hub, "the first one", timeout=300)
    found = words.wait_for(lambda: [one for one in smsc.texts if "the first one" in one])

    assert re.search(r"https://sms\.example/hub/sign/[A-Za-z0-9_-]{22}$", found[0])
    assert "SignBusy" == Asking(hub, "the second one").answered()["error"]

    connection = http.client.HTTPConnection("127.0.0.1", hub.port)
    asking_too = {**asking.call, "params": {**asking.call["params"], "username": "admin", "password": "admin-password"}}
    connection.request("POST", "/smshub/", json.dumps(asking_too), {"Content-Type": "application/json"})
    words.wait_for(lambda: len([one for one in smsc.texts if "the first one" in one]) == 2)
    assert "SignBusy" == Asking(hub, "a third", user="admin").answered()["error"]
    connection.close()  # gone, without an answer
    words.wait_for(lambda: "SignTimeout" == Asking(hub, "in its place", user="admin", timeout=1).answered()["error"])
    hub.stop()
    asking.answered()
