"""The console's doors: the first user, signing in and out, and every request that must change nothing."""

import re
import time
from urllib.parse import urlencode

import pytest

from fixtures_console import FORM, PASSWORD, TOKEN, Person, add_users
from smshub.engine import totp

USERS = (("oscar", "operator", None), ("una", "auditor", None), ("carl", "account", "shop"))
pytestmark = pytest.mark.xdist_group("console-sign-in")
LOG = '[connectors.log]\ntype = "log"\nfile = "texts.log"\n'


@pytest.fixture(scope="module")
def hub(make_shared_hub, words):
    """Give a hub with an administrator (ada), an operator, an auditor and somebody of the account shop."""
    hub = make_shared_hub(words.accounts + LOG + words.route("log"))
    Person(hub).set_up()
    assert 0 == hub.stop()
    add_users(hub, *USERS)
    hub.start()
    return hub


@pytest.fixture
def ada(hub):
    """Give the administrator, signed in."""
    person = Person(hub)
    assert 303 == person.sign_in().status
    return person


def texts(hub):
    """Tell the texts of the hub, newest first."""
    return [one["text"] for one in hub.messages()]


# --- the first user -----------------------------------------------------------------------------------------------


def test_the_first_user_is_made_with_a_secret_that_counts_once(make_hub, words):
    """Nobody gets in without it; its place is in the log and itself nowhere; afterwards it is gone."""
    hub = make_hub(words.accounts)
    person = Person(hub)
    secret = (hub.folder / "hub.db.setup").read_text(encoding="ascii").strip()
    printed = hub.run("console", "secret", "--config", str(hub.config))

    sent = [person.look(path).headers["location"] for path in ("/", "/sign-in")]
    bad = {"name": "ada", "password": PASSWORD, "again": PASSWORD}
    refused = [
        person.send("/setup", {**bad, "secret": "guess"}),
        person.send("/setup", {**bad, "secret": secret, "again": "another password"}),
        person.send("/setup", {**bad, "secret": secret, "password": "short", "again": "short"}),
        person.send("/setup", {**bad, "secret": secret, "name": "Ada Lovelace"}),
    ]
    made = person.set_up()

    assert ["/console/sign-in", "/console/setup"] == sent
    assert (0, f"{secret}\n") == (printed.returncode, printed.stdout)
    assert [403, 422, 422, 422] == [one.status for one in refused]
    assert not any(PASSWORD in one.text for one in refused)
    assert (303, "/console/") == (made.status, made.headers["location"])
    assert "Overview" in person.look("/").words
    assert not (hub.folder / "hub.db.setup").exists()
    assert 1 == hub.run("console", "secret", "--config", str(hub.config)).returncode
    assert "hub.db.setup" in hub.log
    assert secret not in hub.log
    assert "/console/sign-in" == Person(hub).look("/setup").headers["location"]


# --- cookies and headers ------------------------------------------------------------------------------------------


def test_the_cookie_is_out_of_reach(hub):
    """Secure, HttpOnly, SameSite=Strict, of this host and path alone; a client without Secure cookies gets its own."""
    person = Person(hub)
    person.look("/sign-in")
    cookie = person.sign_in().cookies["__Host-smshub"]

    assert (True, True, "strict", "/", "", "") == tuple(
        cookie[name] for name in ("secure", "httponly", "samesite", "path", "domain", "max-age")
    )
    assert len(cookie.value) >= 43
    plain = Person(hub)
    plain.look("/sign-in")
    plain.cookies = {"smshub-form": plain.cookies["smshub-form"]}
    cookie = plain.sign_in().cookies["smshub"]
    assert ("", True, "strict") == (cookie["secure"], cookie["httponly"], cookie["samesite"])
    assert 200 == plain.look("/").status


@pytest.mark.parametrize(
    "path", ["/", "/try", "/own", "/sign-in", "/setup", "/nothing", "/overview/samples", "/static/x"]
)
def test_every_answer_keeps_to_itself(ada, path):
    """No scripts but our own, no frame, no guessing of types, no referrer, nothing kept; no inline script or style."""
    seen = ada.look(path)

    assert (
        "default-src 'self'; object-src 'none'; base-uri 'none'; frame-ancestors 'none'; form-action 'self'"
        == (seen.headers["content-security-policy"])
    )
    assert ("nosniff", "no-referrer", "no-store") == tuple(
        seen.headers[name] for name in ("x-content-type-options", "referrer-policy", "cache-control")
    )
    assert "strict-transport-security" not in seen.headers
    assert not re.search(r"<script(?![^>]*\bsrc=)|\sstyle=|\son\w+=|javascript:|https?://", seen.text)


def test_files_are_kept_by_their_content(ada):
    """With the digest in the address for good, without it asked for each time; packed where that is understood."""
    page = ada.look("/").text
    paths = re.findall(r'(?:src|href)="/console(/static/[^"]+)"', page)

    assert len(paths) >= 6
    for path in paths:
        seen = ada.look(path)
        assert (200, "public, max-age=31536000, immutable") == (seen.status, seen.headers["cache-control"])
        assert seen.headers["content-type"].partition(";")[0] in {"text/css", "text/javascript", "image/svg+xml"}
        assert 304 == ada.look(path, If_None_Match=seen.headers["etag"]).status
    plain = ada.look(paths[1].partition("?")[0])
    packed = ada.look(paths[1], Accept_Encoding="gzip")
    assert "no-cache" == plain.headers["cache-control"]
    assert ("gzip", True) == (packed.headers["content-encoding"], len(packed.body) < len(plain.body))
    for path in ("/static/../app.py", "/static/vendor/README.md", "/static/", "/static/%2e%2e/roles.py"):
        assert 404 == ada.look(path).status


# --- forms that must change nothing ---------------------------------------------------------------------------------

EVIL = {
    "another site": {"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"},
    "another site of this host": {"Sec-Fetch-Site": "same-site"},
    "typed by hand": {"Sec-Fetch-Site": "none"},
    "another origin, old browser": {"Sec-Fetch-Site": None, "Origin": "https://evil.example"},
    "no origin": {"Sec-Fetch-Site": None, "Origin": "null"},
    "nothing said": {"Sec-Fetch-Site": None},
    "text/plain": {"Content-Type": "text/plain"},
    "JSON": {"Content-Type": "application/json"},
    "many parts": {"Content-Type": "multipart/form-data; boundary=x"},
    "no type": {"Content-Type": None},
}
SEND = {"to": "+491701234567", "text": "forged", "reference": "forged"}


@pytest.mark.parametrize("evil", EVIL.values(), ids=EVIL)
def test_a_form_from_elsewhere_changes_nothing(hub, ada, evil):
    """With the right cookie and even the right token: only a form, and only from a page of ours."""
    token = TOKEN.search(ada.look("/try").text)[1]
    body = urlencode({"csrf": token, **SEND}).encode()

    seen = ada.call("POST", "/try/send", body, {"Content-Type": FORM, **evil})

    assert 403 == seen.status
    assert "forged" not in texts(hub)


@pytest.mark.parametrize("token", [None, "", "x" * 64, "another's"])
def test_a_form_without_its_token_changes_nothing(hub, ada, token):
    """No token, an empty one, a wrong one, and that of another session of the same person."""
    if token == "another's":
        other = Person(hub)
        other.sign_in()
        token = TOKEN.search(other.look("/try").text)[1]
    fields = SEND if token is None else {**SEND, "csrf": token}

    seen = ada.call("POST", "/try/send", urlencode(fields).encode(), {"Content-Type": FORM})

    assert 403 == seen.status
    assert "forged" not in texts(hub)


def test_a_token_may_come_in_a_header(hub, ada):
    """So that scripts of ours need no hidden field; it stands under the same rules."""
    token = TOKEN.search(ada.look("/try").text)[1]
    body = urlencode({**SEND, "text": "by a header", "reference": ""}).encode()

    assert 200 == ada.call("POST", "/try/send", body, {"Content-Type": FORM, "X-CSRF-Token": token}).status
    assert "by a header" in texts(hub)


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "PATCH"])
def test_only_a_post_changes_something(hub, ada, method):
    """The target of a form is nothing that can be looked at."""
    token = TOKEN.search(ada.look("/try").text)[1]

    seen = ada.call(method, f"/try/send?{urlencode({'csrf': token, **SEND})}")

    assert 405 == seen.status
    assert "forged" not in texts(hub)


def test_what_is_too_large_or_no_form_is_refused(hub, ada):
    """A megabyte of password, a thousand fields and broken letters are answered, quickly, with a page."""
    for person, path in ((ada, "/try/send"), (Person(hub), "/sign-in")):
        for body in (b"password=" + b"x" * 2**20, b"&".join(b"a=1" for _ in range(1_000)), b"text=%FF"):
            assert 403 == person.call("POST", path, body, {"Content-Type": FORM}).status


def test_signing_in_cannot_be_forged_either(hub):
    """A form for signing in counts only with the token of the browser to which it was shown."""
    person, other = Person(hub), Person(hub)
    token = TOKEN.search(other.look("/sign-in").text)[1]
    fields = {"name": "ada", "password": PASSWORD, "csrf": token}

    assert 403 == person.call("POST", "/sign-in", urlencode(fields).encode(), {"Content-Type": FORM}).status
    person.look("/sign-in")
    assert 403 == person.call("POST", "/sign-in", urlencode(fields).encode(), {"Content-Type": FORM}).status
    assert {"__Host-smshub-form", "smshub-form"} == person.cookies.keys()


# --- sessions -------------------------------------------------------------------------------------------------------


def test_a_session_is_never_one_that_was_brought_along(hub, ada):
    """Whoever signs in gets a new token, whatever cookie was planted before; the session of before is ended."""
    planted = Person(hub)
    planted.cookies["__Host-smshub"] = "planted-planted-planted-planted-planted-plan"
    assert planted.sign_in().cookies["__Host-smshub"].value != "planted-planted-planted-planted-planted-plan"
    before = dict(ada.cookies)
    again = ada.sign_in()
    old = Person(hub)
    old.cookies = before

    assert again.cookies["__Host-smshub"].value != before["__Host-smshub"]
    assert (303, 200) == (old.look("/").status, ada.look("/").status)


def test_signing_out_ends_the_session_for_good(hub, ada):
    """The cookie is taken away, and who kept it has nothing of it."""
    kept = Person(hub)
    kept.cookies = dict(ada.cookies)

    left = ada.send("/sign-out", {}, form="/own")

    assert (303, "/console/sign-in") == (left.status, left.headers["location"])
    assert "0" == left.cookies["__Host-smshub"]["max-age"]
    assert (303, "/console/sign-in?next=/console/try") == (
        kept.look("/try").status,
        kept.look("/try").headers["location"],
    )
    asked = kept.look("/overview/figures", hx_request="true")
    assert (401, "/console/sign-in") == (asked.status, asked.headers["hx-redirect"])
    assert 401 == kept.look("/overview/samples", x_smshub_poll="1").status


@pytest.mark.parametrize(
    ("wanted", "led"),
    [
        ("/console/try", "/console/try"),
        ("/console/overview/figures", "/console/overview/figures"),
        ("//evil.example", "/console/"),
        ("https://evil.example/console/", "/console/"),
        ("/\\evil.example", "/console/"),
        ("javascript:alert(1)", "/console/"),
        ("/console/../v1", "/console/"),
    ],
)
def test_one_is_led_to_a_page_of_the_console_only(hub, wanted, led):
    """What comes in the address is never a way out."""
    person = Person(hub)
    page = person.look(f"/sign-in?{urlencode({'next': wanted})}")

    assert 200 == page.status
    assert led == person.sign_in(next=wanted).headers["location"]


def test_wrong_names_and_passwords_are_told_the_same(hub):
    """Nobody learns which names there are; nothing that was typed as a password comes back."""
    wrong = [Person(hub).sign_in(name, "not the password") for name in ("ada", "nobody")]

    assert [403, 403] == [one.status for one in wrong]
    assert ["The name, the password or the code is wrong." in one.words for one in wrong] == [True, True]
    assert not any("not the password" in one.text for one in wrong)


def test_a_new_password_ends_the_other_sessions(hub):
    """The one in which it was changed goes on, under a new token; the old password is none any more."""
    person, elsewhere = Person(hub), Person(hub)
    for one in (person, elsewhere):
        one.sign_in("oscar")
    before = person.cookies["__Host-smshub"]
    new = "another horse battery"

    wrong = person.send("/own/password", {"old": "wrong", "new": new, "again": new}, form="/own")
    unequal = person.send("/own/password", {"old": PASSWORD, "new": new, "again": PASSWORD}, form="/own")
    changed = person.send("/own/password", {"old": PASSWORD, "new": new, "again": new}, form="/own")

    assert [403, 422, 303] == [wrong.status, unequal.status, changed.status]
    assert before != person.cookies["__Host-smshub"]
    assert "The password is changed" in person.look("/own").words
    assert "The password is changed" not in person.look("/own").words
    assert 303 == elsewhere.look("/").status
    assert 403 == Person(hub).sign_in("oscar").status
    person.send("/own/password", {"old": new, "new": PASSWORD, "again": PASSWORD}, form="/own")


def test_an_authenticator_is_asked_for_once_it_is_confirmed(make_hub, words):
    """The secret is shown once, as text and as an address; from then on the password alone is not enough."""
    hub = make_hub(words.accounts)
    person = Person(hub)
    person.set_up()

    shown = person.send("/own/authenticator", {}, form="/own")
    secret = re.search(r'id="totp-secret">([A-Z2-7]+)<', shown.text)[1]
    step = int(time.time() / totp.STEP)
    code, confirm = totp.code_of(secret, step), "/own/authenticator/confirm"
    fields = {"secret": secret, "code": code, "password": PASSWORD}
    wrong = person.send(confirm, {**fields, "code": "000000"}, form="/own")
    stranger = person.send(confirm, {**fields, "password": "of somebody else"}, form="/own")
    right = person.send(confirm, fields, form="/own")

    assert f"otpauth://totp/smshub%3Aada?secret={secret}" in shown.text
    assert [200, 422, 403, 303] == [shown.status, wrong.status, stranger.status, right.status]
    assert secret not in person.look("/own").text
    assert "The code of your authenticator is needed too." in Person(hub).sign_in().words
    assert 403 == Person(hub).sign_in(code="000000").status
    assert 303 == Person(hub).sign_in(code=totp.code_of(secret, step + 1)).status


# --- roles ----------------------------------------------------------------------------------------------------------

MAY = {
    # path: whether the administrator, the operator, the auditor and the account's person may
    ("GET", "/"): (True, True, True, True),
    ("GET", "/overview/figures"): (True, True, True, False),
    ("GET", "/overview/samples"): (True, True, True, False),
    ("GET", "/overview/latest"): (True, True, True, True),
    ("GET", "/try"): (True, True, True, True),
    ("POST", "/try/send"): (True, True, False, True),
    ("POST", "/try/explain"): (True, True, True, True),
    ("POST", "/try/code"): (True, True, False, True),
    ("POST", "/try/check"): (True, True, False, True),
    ("GET", "/own"): (True, True, True, True),
}


@pytest.mark.parametrize(("place", "name"), list(enumerate(["ada", "oscar", "una", "carl"])))
def test_each_role_reaches_what_is_its_own(hub, place, name):
    """Whatever the navigation shows, the page itself refuses."""
    person = Person(hub)
    person.sign_in(name)
    fields = {"to": "no number", "text": "", "otp_to": "no number", "otp_reference": "x", "code": "1"}

    for (method, path), allowed in MAY.items():
        seen = person.look(path) if method == "GET" else person.send(path, fields, form="/try")
        assert allowed[place] == (seen.status != 403), (path, seen.status)


def test_an_accounts_person_sees_what_is_the_accounts(hub):
    """Not the texts of others, and none of the hub's figures."""
    hub.send(text="of the shop")
    hub.send(text="of the admin", user="admin:admin-password")
    carl = Person(hub)
    carl.sign_in("carl")

    page = carl.look("/").words

    assert ("of the shop" in page, "of the admin" in page) == (True, False)
    assert "needs attention" not in page


def test_a_text_is_text(hub, ada):
    """Whatever is in it, and in what is typed into forms, it is shown and never run."""
    evil = "<script>alert(1)</script>'\"><img src=x onerror=alert(1)>{{ 7 * 7 }}"
    hub.send(text=evil)

    pages = [
        ada.look("/").text,
        ada.look(f"/sign-in?{urlencode({'next': evil})}").text,
        ada.send("/try/explain", {"to": evil, "text": evil, "from": evil}, form="/try").text,
        Person(hub).sign_in(evil).text,
    ]

    assert all("<script>alert" not in page and "<img" not in page for page in pages)
    assert "&lt;script&gt;alert(1)" in pages[0]


# --- where it is published ------------------------------------------------------------------------------------------


def test_nobody_signs_in_over_an_open_line(hub):
    """Plain http from elsewhere is told what to do, and takes neither a password nor a cookie."""
    person = Person(hub, headers={"Host": "hub.example"})

    seen = person.look("/sign-in")
    body = urlencode({"name": "ada", "password": PASSWORD, "csrf": ""}).encode()
    posted = person.call("POST", "/sign-in", body, {"Content-Type": FORM})

    assert [403, 403] == [seen.status, posted.status]
    assert "trusted_proxies" in seen.words
    assert {} == person.cookies
    person.cookies = {"__Host-smshub": "x", "smshub": "x"}
    assert 303 == person.look("/").status


def test_behind_a_proxy_below_a_path(make_hub, words):
    """With https before it: HSTS, Secure cookies of the whole host, and every address below the mount."""
    hub = make_hub(words.accounts, server='mount = "/sms"\ntrusted_proxies = ["127.0.0.1"]', start=False)
    hub.spawn()
    told = {"X-Forwarded-Proto": "https", "X-Forwarded-For": "192.0.2.7", "Host": "hub.example"}
    person = Person(hub, "/sms/console", told)
    words.wait_for(lambda: _status(person) == 303)

    assert "/sms/console/sign-in" == person.look("/").headers["location"]
    assert "/sms/console/" == person.look("").headers["location"]
    page = person.look("/setup")
    made = person.set_up()
    first = person.look("/")

    assert "max-age=31536000" == page.headers["strict-transport-security"]
    assert {"__Host-smshub-form"} == set(page.cookies)
    assert ("/sms/console/", {"__Host-smshub"}) == (made.headers["location"], set(person.cookies))
    links = re.findall(r'(?:href|src|action|hx-get|data-samples)="(/[^"]*)"', first.text)
    assert len(links) > 10
    assert all(link.startswith("/sms/console/") for link in links)
    for link in links:
        if "sign-out" not in link:
            assert 200 == person.look(link.removeprefix("/sms/console")).status, link


def _status(person):
    try:
        return person.look("/").status
    except OSError:
        return 0
