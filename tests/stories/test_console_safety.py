"""Every page and every form of the console, found by itself: who may, what is refused, and that text stays text."""

import json
import re
import sqlite3
from html.parser import HTMLParser
from urllib.parse import quote, urlencode

import pytest
from starlette.routing import Route

from fixtures_console import FORM, PASSWORD, TOKEN, Person, add_users
from smshub.console.roles import MATRIX
from smshub.console.routing import PAGES, build
from smshub.domain.accounts import Role

PEOPLE = {
    Role.ADMINISTRATOR: "ada",
    Role.OPERATOR: "oscar",
    Role.AUDITOR: "una",
    Role.ACCOUNT: "carl",
}
# A provider that answers with the text that it was given, and says no.
SCRIPT = """\
[connectors.evil]
type = "script"
script = "{script}"
rejected = [2]
"""
ECHO = "#!/bin/sh\nread -r text\nprintf '%s\\n' \"$text\"\nprintf '%s\\n' \"$text\" >&2\nexit 2\n"
ID = "f" * 32

# What a browser must never take for anything but letters. Each has the mark, which is looked for in what became of it.
MARK = "xss7731"
PAYLOADS = (
    f"<{MARK}>",
    f"<script>{MARK}()</script>",
    f"<img src=x onerror={MARK}()>",
    f'"><{MARK} x="',
    f"' {MARK}='1' autofocus onfocus='{MARK}()",
    f'" {MARK}="1',
    f"</td></table><{MARK}>",
    f"</textarea></title></script></style><{MARK}>",
    f"<!-- {MARK}",
    f"]]><{MARK}>",
    f"javascript:{MARK}()",
    f"{{{{ '{MARK}' * 2 }}}}{{% {MARK} %}}",
    f"${{{MARK}}}#{{{MARK}}}",
    f"&lt;{MARK}&gt;&#60;{MARK}&#62;",
    f"<svg/onload={MARK}()>",
    f"\u2028<{MARK}>\u202e",
    f"<a href='javascript:{MARK}()' hx-get='/{MARK}' hx-on:click='{MARK}()'>",
)

# One hub for all of them.
pytestmark = pytest.mark.xdist_group("console-safety")


class Parsed(HTMLParser):
    """A page as a browser reads it: what of the mark became an element, an attribute, a comment or an address."""

    def __init__(self, page):
        super().__init__(convert_charrefs=True)
        self.taken = []
        self.words = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag, attrs):
        """Look at an element: its name, its attributes, and where it leads."""
        names = {tag, *(name for name, _ in attrs)}
        run = [name for name, value in attrs if name.startswith(("on", "hx-on")) or name in {"style", "srcdoc"}]
        led = [
            value
            for name, value in attrs
            if name in {"href", "src", "action", "formaction", "hx-get", "hx-post"}
            and not (value or "").startswith(("/console/", "#", "otpauth:"))
        ]
        self.taken += [name for name in names if MARK in name] + run + led
        self.words += [value for _, value in attrs if value and MARK in value]

    def handle_comment(self, data):
        """A comment of ours never has the mark."""
        self.taken += [data] if MARK in data else []

    def handle_data(self, data):
        """What stands on the page as letters."""
        self.words += [data] if MARK in data else []


def path_of(page, ids):
    """Fill what stands in braces in the path of a page."""
    return page.path.replace("{id}", ids).replace("{name}", "shop")


@pytest.fixture(scope="module")
def hub(make_shared_hub, words, tmp_path_factory):
    """Give a hub that is full of payloads, in every column that the world outside can write to."""
    script = tmp_path_factory.mktemp("evil") / "echo.sh"
    script.write_text(ECHO)
    script.chmod(0o755)
    hub = make_shared_hub(words.accounts + SCRIPT.format(script=script) + words.route("evil"))
    Person(hub).set_up()
    hub.evil = [hub.send(text=payload, reference=f"r{place}") for place, payload in enumerate(PAYLOADS)]
    for one in hub.evil:
        hub.ends(one, "REJECTED")
    assert 0 == hub.stop()
    others = ((name, role.value, "shop" if role is Role.ACCOUNT else None) for role, name in PEOPLE.items())
    add_users(hub, *(one for one in others if one[0] != "ada"))
    _write_evil(hub)
    hub.start()
    return hub


def _write_evil(hub):
    """Write payloads where callbacks, reports, callers and providers write, whatever the ways there let through."""
    with sqlite3.connect(hub.folder / "hub.db") as database:
        for place, payload in enumerate(PAYLOADS):
            values = {"p": payload, "id": hub.evil[place], "n": f"{place:032x}", "at": 1_900_000_000.0 + place}
            for column in ("originator", "to_written", "client", "source", "code", "detail", "receipt_code", "subject"):
                database.execute(f"UPDATE messages SET {column} = :p WHERE id = :id", values)
            if place % 2:
                database.execute("UPDATE messages SET account = :p WHERE id = :id", values)
            database.execute(
                "UPDATE attempts SET detail = :p, code = :p, provider_ref = :p WHERE message_id = :id", values
            )
            database.execute(
                "INSERT INTO incoming (id, connector, sender, recipient, text, received_at, ref)"
                " VALUES (:n, :p, :p, :p, :p, :at, :n)",
                values,
            )
            database.execute("INSERT INTO parked VALUES (:n, :p, :at, 3, :p, 9, :d)", {**values, "d": payload.encode()})
            database.execute("INSERT INTO blocklist VALUES (:r, :at, :p, :p)", {**values, "r": f"{payload}-{place}@x"})
            database.execute(
                "INSERT INTO audit SELECT 1000 + :place, at, :p, :p, :p, :b, :b, digest FROM audit LIMIT 1",
                {**values, "place": place, "b": json.dumps({MARK: payload})},
            )
            database.execute(
                "INSERT OR REPLACE INTO exchanges (message_id, attempt, at, request, answer)"
                " VALUES (:id, 1, :at, :p, :p)",
                values,
            )
    database.close()


@pytest.fixture(scope="module")
def people(hub):
    """Give one person of each role, signed in."""
    found = {role: Person(hub) for role in PEOPLE}
    for role, person in found.items():
        assert 303 == person.sign_in(PEOPLE[role]).status
    return found


# --- who may --------------------------------------------------------------------------------------------------------

GETS = [page for page in PAGES if page.method == "GET"]


@pytest.mark.parametrize("page", GETS, ids=[page.path for page in GETS])
def test_each_role_looks_at_what_the_table_gives_it(hub, people, page):
    """Every page, asked for by every role, and by nobody: the answer is that of the table of roles."""
    path = path_of(page, hub.evil[0])

    for role, person in people.items():
        status = person.look(path).status
        assert (role in MATRIX[page.action]) == (status != 403), (role, status)
        assert status < 500
    assert Person(hub).look(path).status == 303


def test_the_navigation_shows_what_one_may(people):
    """And nothing else: no link leads to a refusal."""
    for role, person in people.items():
        links = re.findall(r'<li><a href="/console(/[^"]*)"', person.look("/own").text)

        assert [page.path for page in PAGES if page.title and role in MATRIX[page.action]] == links


POSTS = [page for page in PAGES if page.method == "POST"]


@pytest.mark.parametrize("page", POSTS, ids=[page.path for page in POSTS])
def test_each_form_is_closed_to_whom_the_table_closes_it(hub, people, page):
    """With a token and all: the page itself refuses, whatever the navigation shows."""
    closed = {role: person for role, person in people.items() if role not in MATRIX[page.action]}

    for person in closed.values():
        seen = person.send(path_of(page, ID), {}, form="/own")
        assert (403, True) == (seen.status, "may not" in seen.words)


# --- forged -----------------------------------------------------------------------------------------------------------

TARGETS = sorted(
    route.path.removeprefix("/console")
    for route in build(None, None, dict, "/console").routes
    if isinstance(route, Route) and "POST" in (route.methods or ())
)
FORGED = {
    "no token": ({}, False),
    "another site": ({"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"}, True),
    "another origin": ({"Sec-Fetch-Site": None, "Origin": "https://evil.example"}, True),
    "nothing said": ({"Sec-Fetch-Site": None}, True),
    "text/plain": ({"Content-Type": "text/plain"}, True),
    "JSON": ({"Content-Type": "application/json"}, True),
}


def test_every_form_is_found():
    """Those of the pages, and the two before anybody is signed in."""
    assert {page.path for page in POSTS} | {"/sign-in", "/setup"} == set(TARGETS)


@pytest.mark.parametrize("path", TARGETS)
def test_no_form_can_be_forged(hub, people, path):
    """Without the token, from elsewhere, or as what is no form: refused, for the one who might do everything."""
    ada = people[Role.ADMINISTRATOR]
    token = TOKEN.search(ada.look("/own").text)[1]
    if path in {"/sign-in", "/setup"}:
        token = "x" * 43
    before = _rows(hub)

    for headers, with_token in FORGED.values():
        fields = {"csrf": token} if with_token else {}
        target = path.replace("{id}", hub.evil[0]).replace("{name}", "una")
        seen = ada.call("POST", target, urlencode(fields).encode(), {"Content-Type": FORM, **headers})
        assert 403 == seen.status, headers
        assert "set-cookie" not in seen.headers

    assert before == _rows(hub)


def _rows(hub):
    """Count what a form could have changed."""
    with sqlite3.connect(f"file:{hub.folder}/hub.db?mode=ro", uri=True) as database:
        tables = ("messages", "users", "objects", "blocklist", "parked", "incoming", "audit")
        found = [database.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in tables]
    database.close()
    return found


# --- text stays text --------------------------------------------------------------------------------------------------


def _looked(hub, person, page):
    """Look at a page, for each payload where it is that of one thing."""
    if "{id}" not in page.path:
        return [person.look(path_of(page, ""))]
    ids = hub.evil if page.path.startswith(("/messages", "/try")) else [f"{n:032x}" for n in range(len(PAYLOADS))]
    return [person.look(path_of(page, one)) for one in ids]


# Where at least the half of them must be seen, so that the tests above look at something.
SHOWING = {
    *("/", "/overview/latest", "/messages", "/messages/{id}", "/blocklist", "/inbox"),
    *("/parked", "/parked/{id}", "/audit"),
}


@pytest.mark.parametrize("page", GETS, ids=[page.path for page in GETS])
def test_no_page_takes_a_text_for_anything_else(hub, people, page):
    """Texts, senders, accounts, answers and reports of providers: letters on every page, whatever they are."""
    shown = []
    for seen in _looked(hub, people[Role.ADMINISTRATOR], page):
        assert seen.status < 500
        if not seen.headers.get("content-type", "").startswith("text/html"):
            assert "nosniff" == seen.headers["x-content-type-options"]
            continue
        parsed = Parsed(seen.text)
        assert [] == parsed.taken
        shown += parsed.words

    if page.path in SHOWING:
        whole = " ".join(shown)
        assert sum(payload[:30] in whole for payload in PAYLOADS) >= 8


@pytest.mark.parametrize("payload", PAYLOADS)
def test_what_is_typed_comes_back_as_text(people, payload):
    """In every form that shows again what was sent, in every search, and in the path."""
    ada = people[Role.ADMINISTRATOR]
    names = ("to", "text", "from", "block", "reason", "code", "name", "otp_to", "otp_reference", "modem", "prefix")
    fields = dict.fromkeys(names, payload)
    forms = (
        "/try/explain",
        "/try/send",
        "/blocklist/block",
        "/modems/ussd",
        "/users",
        "/errors/NoRoute",
        "/codes/unlock",
    )
    query = urlencode(
        dict.fromkeys(("to", "text", "account", "connector", "sender", "actor", "find", "cursor"), payload)
    )

    seen = [ada.send(path, fields, form="/own") for path in forms]
    seen += [ada.look(f"{page.path}?{query}") for page in GETS if "{" not in page.path]
    seen += [ada.look(f"{page.path.partition('{')[0]}{quote(payload, safe='')}") for page in GETS if "{" in page.path]
    seen += [
        Person(ada.hub).look(f"/sign-in?{urlencode({'next': payload})}"),
        Person(ada.hub).look(f"/{quote(payload)}"),
    ]

    for one in seen:
        assert one.status < 500
        if one.headers.get("content-type", "").startswith("text/html"):
            assert [] == Parsed(one.text).taken


def test_an_operators_own_words_are_text_too(people):
    """An error text is shown on the page of a refusal, and is letters there."""
    ada = people[Role.ADMINISTRATOR]
    words = f"<script>{MARK}()</script> {{what}}"
    assert 303 == ada.send("/errors/NotFound", {"text": words}, form="/errors/NotFound").status

    seen = ada.look("/users/nobody-at-all")

    assert 404 == seen.status
    assert [] == Parsed(seen.text).taken
    assert f"<script>{MARK}()</script> user" in " ".join(Parsed(seen.text).words)
    assert 303 == ada.send("/errors/NotFound/reset", {}, form="/own").status


# --- sessions that end ------------------------------------------------------------------------------------------------


def test_a_role_that_changes_counts_at_once(hub, people):
    """Whoever is signed in loses the session with the role; what they may afterwards is the new role's."""
    ada = people[Role.ADMINISTRATOR]
    fields = {"name": "neo", "role": "operator", "account": "", "password": PASSWORD, "again": PASSWORD}
    assert 303 == ada.send("/users", fields).status
    neo = Person(hub)
    neo.sign_in("neo")
    token = TOKEN.search(neo.look("/blocklist").text)[1]
    kept = dict(neo.cookies)

    assert 303 == ada.send("/users/neo", {"role": "auditor", "account": ""}).status

    body = urlencode({"csrf": token, "block": "+491709990000"}).encode()
    late = neo.call("POST", "/blocklist/block", body, {"Content-Type": FORM, "Cookie": _cookie(kept)})
    assert (303, True) == (late.status, late.headers["location"].startswith("/console/sign-in"))
    neo.sign_in("neo")
    assert (200, 403) == (
        neo.look("/blocklist").status,
        neo.send("/blocklist/block", {"block": "+491709990000"}, form="/own").status,
    )
    assert 404 == hub.call("GET", "/v1/blocklist/+491709990000", user="admin:admin-password").status
    assert 303 == ada.send("/users/neo/remove", {}, form="/users/neo").status
    assert 303 == neo.look("/").status


def test_an_administrator_who_steps_down_is_one_no_more(hub, people):
    """The page that they have changed themselves on is the last one that they see."""
    ada = people[Role.ADMINISTRATOR]
    fields = {"name": "eve", "role": "administrator", "account": "", "password": PASSWORD, "again": PASSWORD}
    ada.send("/users", fields)
    eve = Person(hub)
    eve.sign_in("eve")

    assert 303 == eve.send("/users/eve", {"role": "operator", "account": ""}).status

    assert 303 == eve.look("/users").status
    eve.sign_in("eve")
    assert 403 == eve.look("/users").status
    ada.send("/users/eve/remove", {}, form="/users/eve")


@pytest.mark.parametrize("page", PAGES, ids=[f"{page.method} {page.path}" for page in PAGES])
def test_nothing_answers_to_a_session_that_is_over(hub, signed_out, page):
    """Whoever kept the cookie and the token of a session that was signed out of gets to no page and no form."""
    cookies, token = signed_out
    path, body = path_of(page, hub.evil[0]), urlencode({"csrf": token}).encode()
    headers = {"Cookie": _cookie(cookies), "Content-Type": FORM}

    seen = Person(hub).call(page.method, path, body if page.method == "POST" else None, headers)

    assert 303 == seen.status
    assert seen.headers["location"].startswith("/console/sign-in")


@pytest.fixture(scope="module")
def signed_out(hub):
    """Give the cookies and the token of a session that is over."""
    gone = Person(hub)
    gone.sign_in("oscar")
    kept, token = dict(gone.cookies), TOKEN.search(gone.look("/own").text)[1]
    gone.send("/sign-out", {}, form="/own")
    return kept, token


def _cookie(cookies):
    return "; ".join(f"{name}={value}" for name, value in cookies.items())
