"""An attacker at the console: passwords by the thousand, forged forms, frames, markup in texts, sessions kept long."""

import http.server
import json
import os
import re
import socket
import sqlite3
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from urllib.parse import quote, urlencode

import pytest

from fixtures_browser import Browser, run_chromium
from fixtures_console import FORM, PASSWORD, TOKEN, Person, add_users
from fixtures_hub import ADMIN
from smshub.console.routing import PAGES
from smshub.domain.users import IDLE, LONGEST_SESSION
from smshub.engine import totp
from smshub.engine.people import MOST_HASHES
from smshub.frontends.slowing import MOST_WAITING
from smshub.protocols.smpp.pdus import Command, Pdu

# One hub for all of them.
pytestmark = pytest.mark.xdist_group("console-attacks")

GUESSES = 10_000
EVIL = "127.0.0.66"
# What a rightful sign-in takes at the most while the hub is being guessed at, on a machine that has other things to do.
SOON = 10.0
MARK = "xss7731"
PAYLOADS = (
    f"<script>{MARK}()</script>",
    f"<img src=x onerror={MARK}()>",
    f'"><{MARK} x="',
    f"</td></table></textarea></title><{MARK}>",
    f"<svg onload='{MARK}()' hx-on:load='{MARK}()' hx-get='/console/own' hx-trigger='load'>",
    f"<form action='https://{MARK}.example'><button>ok",
)
# A provider that has nothing but markup to say, and would rather have the text later.
BUSY = f"#!/bin/sh\necho '<script>{MARK}()</script><{MARK}>'\nexit 75\n"
WAYS = """\
[connectors.busy]
type = "script"
script = "{script}"

[[routes]]
prefixes = ["4917"]
connectors = ["carrier"]

[[routes]]
prefixes = ["4915"]
connectors = ["busy"]
"""


@pytest.fixture(scope="module")
def smsc(make_shared_smsc):
    """Give a message centre that reports nothing by itself."""
    return make_shared_smsc("receipt none")


@pytest.fixture(scope="module")
def hub(make_shared_hub, smsc, words, tmp_path_factory):
    """Give a hub with people of every role, before a message centre and a provider that is too busy."""
    script = tmp_path_factory.mktemp("busy") / "busy.sh"
    script.write_text(BUSY)
    script.chmod(0o755)
    hub = make_shared_hub(words.accounts + words.smpp("carrier", smsc.port) + WAYS.format(script=script))
    Person(hub).set_up()
    assert 0 == hub.stop()
    people = (("oscar", "operator", None), ("una", "auditor", None), ("carl", "account", "shop"))
    add_users(hub, *people, ("boss", "account", "admin"), ("tom", "operator", None))
    hub.start()
    hub.bound("carrier")
    return hub


def signed_in(hub, name="ada"):
    """Give somebody who is signed in."""
    person = Person(hub)
    assert 303 == person.sign_in(name).status
    return person


def in_database(hub, statement, *values):
    """Change something in the hub's database behind its back."""
    with sqlite3.connect(hub.folder / "hub.db", timeout=10.0) as database:
        changed = database.execute(statement, values).rowcount
    database.close()
    return changed


# --- passwords by the thousand ----------------------------------------------------------------------------------------


class Guesser:
    """Sends the form for signing in over connections that it keeps, with the token and the cookie of one browser."""

    def __init__(self, hub, patience=1.0):
        person = Person(hub)
        token = TOKEN.search(person.look("/sign-in").text)[1]
        cookie = "; ".join(f"{name}={value}" for name, value in person.cookies.items())
        self.port, self.patience, self.token = hub.port, patience, token
        self.head = (
            f"POST /console/sign-in HTTP/1.1\r\nHost: 127.0.0.1:{hub.port}\r\nSec-Fetch-Site: same-origin\r\n"
            f"Content-Type: {FORM}\r\nCookie: {cookie}\r\nContent-Length: "
        )
        self.statuses = Counter()

    def guess(self, source, guesses, name="ada"):
        """Try passwords from an address one after the other; whoever is kept waiting hangs up and goes on."""
        connection, found = None, Counter()
        for guess in guesses:
            body = urlencode({"csrf": self.token, "name": name, "password": guess}).encode()
            try:
                connection = connection or socket.create_connection(
                    ("127.0.0.1", self.port), self.patience, source_address=(source, 0)
                )
                connection.sendall(f"{self.head}{len(body)}\r\n\r\n".encode() + body)
                found[_status(connection)] += 1
            except OSError:
                found["kept waiting"] += 1
                connection.close()
                connection = None
        if connection is not None:
            connection.close()
        self.statuses += found


def _status(connection):
    """Read an answer; give its status."""
    read = b""
    while (end := read.find(b"\r\n\r\n")) < 0:
        read += _more(connection)
    length = int(re.search(rb"content-length: (\d+)", read)[1])
    while len(read) < end + 4 + length:
        read += _more(connection)
    return int(read[9:12])


def _more(connection):
    more = connection.recv(65_536)
    if not more:
        raise ConnectionError("closed")
    return more


def cpu(hub):
    """Tell the seconds of a core that the hub has used."""
    fields = Path(f"/proc/{hub.process.pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def took(action):
    """Do something; give what came of it, and the seconds that it took."""
    began = time.monotonic()
    return action(), time.monotonic() - began


def all_at_once(calls):
    """Start calls in threads of their own; give what ends them."""
    threads = [threading.Thread(target=call) for call in calls]
    for thread in threads:
        thread.start()

    def join():
        for thread in threads:
            thread.join(90.0)
            assert not thread.is_alive()

    return join


def test_ten_thousand_passwords_are_refused_mostly_unread_while_the_owner_signs_in(make_hub, words):
    """From one address over sixteen connections: a handful is looked at, and the whole costs less than fifty hashes."""
    hub = make_hub(words.accounts)
    Person(hub).set_up()
    guesser, used, began = Guesser(hub), cpu(hub), time.monotonic()
    share = GUESSES // 16
    guesses = [[f"guess {number}" for number in range(place * share, (place + 1) * share)] for place in range(16)]

    join = all_at_once(partial(guesser.guess, EVIL, one) for one in guesses)
    rightful = [took(Person(hub).sign_in) for _ in range(3)]
    join()
    rightful.append(took(Person(hub).sign_in))

    statuses = guesser.statuses
    assert GUESSES == sum(statuses.values())
    assert {403, 429, "kept waiting"} >= statuses.keys()
    # The first, one in each turn, which come ten seconds apart, and what the machine was too busy to answer in time.
    assert statuses[403] + statuses["kept waiting"] <= GUESSES / 100
    assert time.monotonic() - began < 60.0
    assert [(303, True)] * 4 == [(seen.status, seconds < SOON) for seen, seconds in rightful]
    # Ten thousand hashes are ten minutes of a core and more.
    assert cpu(hub) - used < 40.0


def test_hundreds_of_connections_at_once_hold_nobody_up(make_hub, words):
    """All of them before the first has failed: the owner does not stand in line behind them."""
    hub = make_hub(words.accounts)
    Person(hub).set_up()
    guesser, used = Guesser(hub, patience=3.0), cpu(hub)

    join = all_at_once(partial(guesser.guess, EVIL, [f"guess {number}"]) for number in range(300))
    seen, seconds = took(Person(hub).sign_in)
    join()

    assert (303, True) == (seen.status, seconds < SOON)
    assert guesser.statuses[403] + guesser.statuses["kept waiting"] <= 4 * MOST_WAITING
    assert cpu(hub) - used < 15.0


def test_a_password_from_hundreds_of_addresses_holds_nobody_up_either(make_hub, words):
    """No more hashes wait than there is room for; the owner, known from before, goes past them."""
    hub = make_hub(words.accounts)
    Person(hub).set_up()
    signed_in(hub)
    guesser, used = Guesser(hub, patience=60.0), cpu(hub)
    addresses = [f"127.0.{1 + number // 200}.{1 + number % 200}" for number in range(400)]

    join = all_at_once(partial(guesser.guess, address, ["guess"]) for address in addresses)
    seen, seconds = took(Person(hub).sign_in)
    join()

    assert (303, True) == (seen.status, seconds < SOON)
    assert {403, 429} == guesser.statuses.keys()
    # As many as wait at once, and those that came when some of these were done.
    assert MOST_HASHES <= guesser.statuses[403] <= MOST_HASHES + 100
    assert cpu(hub) - used < 60.0


BIG = {"a megabyte": 2**20, "what still is a form": 15_000, "a little too long": 257}
PASSWORDS = {
    "/sign-in": ({"name": "ada", "password": "*"}, {403}),
    "/setup": ({"secret": "x", "name": "eve", "password": "*", "again": "*"}, {403}),
    "/own/password": ({"old": "*", "new": "*", "again": "*"}, {403}),
    "/own/password?new": ({"old": PASSWORD, "new": "*", "again": "*"}, {403, 422}),
    "/users": ({"name": "eve", "role": "auditor", "password": "*", "again": "*"}, {403, 422}),
    "/users/una/reset": ({"password": "*", "again": "*"}, {403, 422}),
}


@pytest.mark.parametrize("size", BIG.values(), ids=BIG)
@pytest.mark.parametrize("path", PASSWORDS)
def test_a_password_of_any_size_costs_nothing_and_changes_nothing(hub, path, size):
    """Wherever a password is asked for it is refused with a page, at once; it is nowhere in the page or the log."""
    fields, statuses = PASSWORDS[path]
    person = Person(hub) if path in {"/sign-in", "/setup"} else signed_in(hub)
    form = "/sign-in" if path in {"/sign-in", "/setup"} else "/own"
    big = "P" * size

    seen, seconds = took(
        lambda: person.send(path.partition("?")[0], {k: v.replace("*", big) for k, v in fields.items()}, form=form)
    )

    assert seen.status in statuses
    if size == BIG["a megabyte"]:
        assert "The form is larger than" in seen.words
    assert "P" * 200 not in seen.text + hub.log
    assert seconds < SOON
    assert 303 == Person(hub).sign_in("una").status


# --- forged, framed, injected: by a real browser ----------------------------------------------------------------------


@pytest.fixture(scope="module")
def chromium():
    """Run Chromium without a screen."""
    with run_chromium() as browser:
        yield browser


@pytest.fixture
def browser(chromium, hub):
    """Give a browser in which the administrator is signed in."""
    browser = Browser(chromium, hub)
    page = browser.page()
    page.goto(f"{hub.url}/console/sign-in")
    page.get_by_label("Name").fill("ada")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("heading", name="Overview").wait_for()
    browser.cookies = page.context.cookies()
    page.context.close()
    return browser


@pytest.fixture
def elsewhere():
    """Give what publishes a page on another origin of this machine: `publish(page)` gives its port."""
    servers = []

    def publish(page):
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_response(200)
                self.send_header("Content-Type", "text/html")
                self.end_headers()
                self.wfile.write(page.encode())

            def log_message(self, *words):
                """Say nothing."""

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        servers.append((server, thread))
        return server.server_port

    yield publish
    for server, thread in servers:
        server.shutdown()
        thread.join()
        server.server_close()


FORGED = """<!doctype html><title>A cat</title>
<form id="forged" method="post" enctype="{enctype}" action="{action}">
<input name="csrf" value="{token}"><input name="block" value="+491709990000"><input name="reason" value="forged">
</form>
<script>
const send = (body) => fetch("{action}", {{method: "POST", mode: "no-cors", credentials: "include", body}});
Promise.allSettled([
  send("csrf={token}&block=%2B491709990000"),
  send(new URLSearchParams({{csrf: "{token}", block: "+491709990000"}})),
]).then(() => forged.submit());
</script>"""


@pytest.mark.needs("chromium")
@pytest.mark.parametrize("enctype", [FORM, "text/plain", "multipart/form-data"])
# By its port alone an origin is another one and still of the same site: the browser sends the cookie along.
@pytest.mark.parametrize(
    ("host", "status", "led"), [("127.0.0.1", 403, "This cannot be done"), ("localhost", 303, "Sign in")]
)
def test_no_page_of_another_origin_sends_a_form_of_ours(browser, hub, elsewhere, enctype, host, status, led):
    """Whatever it is written as, with the cookie where the browser gives it, and even with the token."""
    page = browser.page()
    browser.go(page, "/own", "Your account")
    token = TOKEN.search(page.content())[1]
    action = f"{hub.url}/console/blocklist/block"
    url = f"http://{host}:{elsewhere(FORGED.format(enctype=enctype, action=action, token=token))}/"

    unseen = []
    page.on("requestfailed", lambda request: unseen.append(request.url))

    with page.expect_response(lambda answer: answer.url == action and answer.request.is_navigation_request()) as form:
        page.goto(url)

    page.get_by_role("heading", level=1, name=led).wait_for()
    # What the hub answers to the scripts, no page of another origin gets to see.
    assert [action] * 2 == unseen
    assert status == form.value.status
    assert 404 == hub.call("GET", "/v1/blocklist/+491709990000", user=ADMIN).status
    browser.go(page, "/own", "Your account")
    page.context.close()


@pytest.mark.needs("chromium")
@pytest.mark.parametrize("path", ["/own", "/sign-in", "/nothing", "/overview/samples"])
def test_no_page_of_ours_is_shown_in_a_frame(browser, hub, elsewhere, path):
    """Of another origin of the same site, to which the browser sends the cookie: the frame stays empty."""
    page = browser.page()
    frame = f'<!doctype html><title>A cat</title><iframe src="{hub.url}/console{path}"></iframe>'

    page.goto(f"http://127.0.0.1:{elsewhere(frame)}/", wait_until="networkidle")

    assert ["chrome-error://chromewebdata/"] == [one.url for one in page.frames[1:]]
    assert any("frame-ancestors" in words for words in browser.said)
    page.context.close()


@pytest.fixture(scope="module")
def evil(hub, smsc, words):
    """Put markup wherever the world outside can write to the hub; give the ids of messages."""
    sent = [hub.send(text=payload, reference=payload) for payload in PAYLOADS]
    sent.append(hub.send(text="From somebody", **{"from": f"<{MARK}>"}))
    words.wait_for(lambda: len(smsc.received) >= len(sent))
    for one in sent[: len(PAYLOADS)]:
        ref = hub.ends(one, "SENT")["attempts"][0]["provider_ref"]
        report = f"id:{ref} sub:001 dlvrd:000 stat:UNDELIV err:<svg/onload={MARK}()> text:<{MARK}>"
        deliver(smsc, "491701234567", "ACME", report, 0x04)
        hub.ends(one, "UNDELIVERABLE")
    for payload in PAYLOADS:
        deliver(smsc, "491701234567", "4915100", payload, 0)
    words.wait_for(lambda: len(hub.call("GET", "/v1/incoming", user=ADMIN).json["texts"]) == len(PAYLOADS))
    sent.append(hub.send("+4915112345678", "To the busy one"))
    words.wait_for(lambda: MARK in (hub.connectors()["busy"].get("last_error") or ""))
    return sent


def deliver(smsc, source, to, text, esm_class):
    """Have the message centre deliver something."""
    fields = {"source_addr": source, "destination_addr": to, "esm_class": esm_class, "short_message": text.encode()}
    smsc.loop.call_soon_threadsafe(smsc.simulator.deliver, Pdu(Command.DELIVER_SM, fields))


@pytest.mark.needs("chromium")
def test_nothing_that_anybody_writes_is_run_or_becomes_an_element(browser, evil):
    """Texts, senders, a provider's answer, reports and texts that came in, on whole pages and on parts that follow."""
    page = browser.page()
    shown = {
        "/": ("Overview", PAYLOADS[0]),
        "/messages": ("Messages", PAYLOADS[0]),
        "/inbox": ("Inbox", PAYLOADS[0]),
        "/connectors": ("Connectors", f"<{MARK}>"),
        f"/log?{urlencode({'words': PAYLOADS[2]})}": ("Log", "There is no such line."),
        "/connectors/one?name=busy": ("busy", f"<{MARK}>"),
        **{f"/messages/{one}": ("A message", f"<svg/onload={MARK}()>") for one in evil[: len(PAYLOADS)]},
        f"/messages/{evil[-2]}": ("A message", f"<{MARK}>"),
        f"/messages/{evil[-1]}": ("A message", f"<{MARK}>"),
    }

    for path, (heading, words) in shown.items():
        browser.go(page, path, heading)
        if path == "/" or path == f"/messages/{evil[-1]}":
            part = "/overview/latest" if path == "/" else "/life"
            with page.expect_response(lambda answer, part=part: part in answer.url):
                pass
            page.locator(".htmx-request, .htmx-swapping, .htmx-settling").first.wait_for(state="detached")
        assert words in page.locator("main").inner_text()
        assert page.evaluate(
            f"!document.querySelector('{MARK}, main svg, main img, main script, [onerror], [hx-on\\\\:load]')"
        )
    page.context.close()
    assert [] == browser.said
    assert not [url for url in browser.asked if not url.startswith(f"{browser.hub.url}/console/")]


def test_nothing_can_be_called_what_a_page_could_run(hub):
    """Accounts, people, connectors and routes have names of letters and digits; others are refused, and stay text."""
    ada = signed_in(hub)
    for payload in (*PAYLOADS, "a\r\nb", "a b", "../a", "a;b", "__proto__"):
        for path, fields in (
            ("/accounts/new", {"name": payload}),
            ("/users", {"name": payload, "role": "auditor", "password": PASSWORD, "again": PASSWORD}),
            ("/connectors/new", {"name": payload, "type": "log"}),
            ("/routes/new", {"name": payload, "set-prefixes": "1", "set-connectors-name": "carrier"}),
        ):
            seen = ada.send(path, fields, form="/own")
            assert (422, False) == (seen.status, f"<{MARK}" in seen.text or "<script>" in seen.text), (path, payload)
        assert 404 == hub.call("GET", f"/v1/accounts/{quote(payload, safe='')}", user=ADMIN).status


# --- every answer -----------------------------------------------------------------------------------------------------


CLOSED = {
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
}


def test_every_page_of_every_path_keeps_to_itself(hub, evil):
    """Whether it is a page, a part, a file or JSON: kept by nobody, framed by nobody, guessed at by nobody."""
    ada = signed_in(hub)
    for page in PAGES:
        path = page.path.replace("{id}", evil[0]).replace("{name}", "una")
        seen = ada.look(path) if page.method == "GET" else ada.call("POST", path, b"", {"Content-Type": FORM})
        assert "frame-ancestors 'none'" in seen.headers["content-security-policy"], path
        assert {name: seen.headers[name] for name in CLOSED} == CLOSED, path
        assert "access-control-allow-origin" not in seen.headers
        if "htmx.min.js" in seen.text:
            config = json.loads(re.search(r"name=\"htmx-config\" content='([^']+)'", seen.text)[1])
            shut = ("allowEval", "allowScriptTags", "includeIndicatorStyles", "historyCacheSize")
            assert ([0] * 4, True) == ([config[name] for name in shut], config["selfRequestsOnly"])


ODD = [
    "//evil.example/",
    "/\\evil.example",
    "/%0d%0aSet-Cookie:%20evil=1",
    "/messages/%0d%0aevil:%201",
    "/%2f%2fevil.example",
]


@pytest.mark.parametrize("path", ODD)
@pytest.mark.parametrize("script", [True, False])
def test_no_address_leads_out_or_writes_a_header(hub, path, script):
    """Whoever is not signed in is led to the sign-in, by a page or a script, and from there back into the console."""
    person = Person(hub)
    seen = person.look(path, **({"hx_request": "true"} if script else {}))

    assert not {"evil", "set-cookie"} & seen.headers.keys()
    where = seen.headers.get("location", seen.headers.get("hx-redirect", "/console/sign-in"))
    assert where.startswith("/console/sign-in")
    led = Person(hub).sign_in(next=f"/console{path}").headers["location"]
    assert re.match(r"/console/([^/\\]|$)", led)


# --- sessions ---------------------------------------------------------------------------------------------------------


def test_a_session_of_the_attackers_own_is_not_what_the_victim_signs_in_to(hub):
    """Their cookie was planted in the victim's browser: it is ended, and the victim's session is another one."""
    attacker, victim = signed_in(hub, "oscar"), Person(hub)
    victim.look("/sign-in")
    victim.cookies |= attacker.cookies

    assert 303 == victim.sign_in("una").status

    assert attacker.cookies["__Host-smshub"] != victim.cookies["__Host-smshub"]
    assert "You are una" in victim.look("/own").words
    assert 303 == attacker.look("/own").status


def test_the_token_of_the_form_is_no_session_and_a_session_is_no_token_of_a_form(hub):
    """What anybody is given before signing in opens nothing, and what is learnt from a page signs nobody in."""
    person = Person(hub)
    person.look("/sign-in")
    form = person.cookies["__Host-smshub-form"]
    ada = signed_in(hub)
    csrf = TOKEN.search(ada.look("/own").text)[1]

    for token in (form, csrf, "", "a" * 43, "../x"):
        thief = Person(hub)
        thief.cookies = {"__Host-smshub": token, "smshub": token}
        assert 303 == thief.look("/own").status
    body = urlencode({"csrf": form}).encode()
    assert 403 == ada.call("POST", "/own/authenticator", body, {"Content-Type": FORM}).status


AGED = {
    "idle": ("seen_at", IDLE + 1.0),
    "old": ("created_at", LONGEST_SESSION + 1.0),
}


@pytest.mark.parametrize(("column", "seconds"), AGED.values(), ids=AGED)
def test_a_session_that_is_over_opens_no_page_and_no_form(hub, column, seconds):
    """Half an hour after its last use, and half a day after its beginning: as if somebody had signed out."""
    person = signed_in(hub, "una")
    token = TOKEN.search(person.look("/own").text)[1]
    age = f"UPDATE sessions SET {column} = {column} - ? WHERE user_name = 'una'"
    assert in_database(hub, age, seconds - 60.0)
    assert 200 == person.look("/own").status
    assert in_database(hub, age, 60.0 if column == "created_at" else seconds)

    seen = person.call("POST", "/own/authenticator", urlencode({"csrf": token}).encode(), {"Content-Type": FORM})

    assert (303, 303) == (seen.status, person.look("/own").status)
    assert 401 == person.look("/overview/samples", x_smshub_poll="1").status


def test_a_code_signs_in_one_of_those_who_send_it_together(hub):
    """And nobody after them: whoever looks over a shoulder comes too late, even with the password."""
    tom = signed_in(hub, "tom")
    secret = re.search(r'id="totp-secret">([A-Z2-7]+)<', tom.send("/own/authenticator", {}, form="/own").text)[1]
    step = int(time.time() / totp.STEP)
    code = totp.code_of(secret, step - 1)
    fields = {"secret": secret, "code": code, "password": PASSWORD}
    assert 303 == tom.send("/own/authenticator/confirm", fields, form="/own").status
    assert 403 == Person(hub).sign_in("tom", code=code).status
    later = totp.code_of(secret, step + 1)

    with ThreadPoolExecutor(4) as pool:
        statuses = list(pool.map(lambda _: Person(hub).sign_in("tom", code=later).status, range(4)))

    assert Counter({303: 1, 403: 3}) == Counter(statuses)
    assert 403 == Person(hub).sign_in("tom", code=later).status


def test_a_notice_is_told_to_nobody_else(hub):
    """What somebody has just done is said on their own next page, once."""
    ada, other = signed_in(hub), signed_in(hub)
    ada.send("/blocklist/block", {"block": "+491709990001", "reason": "x"}, form="/blocklist")

    assert "is blocked." not in other.look("/own").words
    assert "is blocked." in ada.look("/own").words
    assert "is blocked." not in ada.look("/own").words
    ada.send("/blocklist/unblock", {"recipient": "491709990001"}, form="/own")


# --- roles ------------------------------------------------------------------------------------------------------------


def test_the_people_of_an_account_stay_its_people_whatever_its_programs_may(hub):
    """The account is an administrator: somebody of it sees its messages, not others', and cancels none of theirs."""
    own = hub.send("+491701230001", "Of the admin", user=ADMIN)
    other = hub.send("+4915112340001", "Of the shop")
    boss = signed_in(hub, "boss")

    page = boss.look("/messages").words

    assert ("Of the admin" in page, "Of the shop" in page) == (True, False)
    assert "Of the shop" not in boss.look("/messages/table.csv").text
    assert [200, 404] == [boss.look(f"/messages/{one}").status for one in (own, other)]
    for what in ("cancel", "release"):
        assert boss.send(f"/messages/{other}/{what}", {}, form="/own").status in {403, 404}
    assert "CANCELLED" != hub.message(other)["state"]


# --- the log ----------------------------------------------------------------------------------------------------------


def test_no_name_and_no_header_writes_a_line_of_its_own_into_the_log(hub):
    """Neither the hub's log nor the audit log has what a stranger typed."""
    forged = "ada\r\n2030-01-01T00:00:00Z [info] forged.line user=ada"
    for name in (forged, f"\x1b[2J{forged}", forged.replace("\r\n", "\u2028")):
        assert 403 == Person(hub).sign_in(name, "wrong").status
        Person(hub, headers={"User-Agent": quote(name), "X-Forwarded-For": "forged.line"}).look("/")

    assert "forged.line" not in hub.log
    assert "forged.line" not in signed_in(hub).look("/audit").words
