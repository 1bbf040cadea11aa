"""The log of a running hub, looked at from elsewhere: over /v1, on the command line, and in the console."""

import asyncio
import json
import re

import pytest
from structlog.testing import capture_logs

from fixtures_console import Person, add_users
from smshub.frontends.slowing import Slowing

NOWHERE = '[connectors.nowhere]\ntype = "smpp"\nhost = "127.0.0.1"\nport = 1\npassword = "literal-secret-1"\n'
LOG = '[connectors.log]\ntype = "log"\nfile = "texts.log"\n'
AUDITOR = '[accounts.una]\npassword = "una-password-123"\nrole = "auditor"\n'


@pytest.fixture(scope="module")
def hub(make_shared_hub, words):
    """Give a hub at its loudest with a way out that is down, and people."""
    tables = words.accounts + AUDITOR + NOWHERE + LOG + words.route("log")
    hub = make_shared_hub(tables, server='log_level = "debug"')
    Person(hub).set_up()
    assert 0 == hub.stop()
    add_users(hub, ("oscar", "operator", None), ("carl", "account", "shop"))
    hub.start()
    return hub


def lines(hub, query="", user="una:una-password-123"):
    """Give the lines that are found."""
    answer = hub.call("GET", f"/v1/log{query}", user=user)
    assert 200 == answer.status, answer.body
    return answer.json["lines"]


def test_the_log_is_looked_through_over_the_api(hub, words):
    """By words and level, newest first, page by page; what is on the error stream is there too."""
    (down, *_) = words.wait_for(lambda: lines(hub, "?words=smpp.down+nowhere&level=warning"))

    assert ("warning", "smpp.down", "nowhere") == (down["level"], down["event"], down["fields"]["connector"])
    assert "smpp.down" in hub.log
    every = [one["number"] for one in lines(hub, "?limit=500")]
    assert sorted(every, reverse=True) == every
    first = hub.call("GET", "/v1/log?limit=2", user="una:una-password-123").json
    rest = lines(hub, f"?limit=2&cursor={first['next']}")
    assert first["lines"][-1]["number"] > rest[0]["number"]
    assert [] == lines(hub, "?words=nothing-says-this")


def test_a_request_is_followed_by_its_id(hub):
    """What was logged for it, by the id that the caller gave it; no text is in a line."""
    headers = {"X-Request-Id": "trace-4711"}
    body = {"to": "+491701234567", "text": "A canary that sings"}
    assert 202 == hub.call("POST", "/v1/messages", body, headers=headers).status

    found = lines(hub, "?words=trace-4711")

    assert "text.accepted" in [one["event"] for one in found]
    assert "canary" not in json.dumps(lines(hub, "?limit=500"))


@pytest.mark.parametrize(
    ("query", "member"), [("level=loud", "level"), ("cursor=x", "cursor"), ("words=", "words"), ("word=x", "word")]
)
def test_what_cannot_be_looked_for_is_refused(hub, query, member):
    """With the name of what is wrong."""
    answer = hub.call("GET", f"/v1/log?{query}", user="una:una-password-123")

    assert (400, "BadFilter", member) == (answer.status, answer.json["error"], answer.json["member"])


def test_the_log_is_not_for_those_who_only_send(hub):
    """An account is refused, and so are its people in the console."""
    assert 403 == hub.call("GET", "/v1/log").status
    carl = Person(hub)
    carl.sign_in("carl")
    assert (403, 403) == (carl.look("/log").status, carl.look("/log/lines").status)


def test_the_command_line_prints_the_newest_last(hub, words):
    """With words and a level, or as JSON."""
    words.wait_for(lambda: lines(hub, "?words=nowhere"))
    (hub.folder / "una").write_text("una-password-123")
    who = ("--username", "una", "--password-file", str(hub.folder / "una"))

    plain = hub.run("log", "smpp.down", "nowhere", "--level", "warning", "--limit", "2", *who).stdout.splitlines()
    found = json.loads(hub.run("log", "smpp.down", "--limit", "2", "--json", *who).stdout)["lines"]

    assert all(re.match(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d warning smpp\.down connector=nowhere", line) for line in plain)
    assert sorted((one["number"] for one in found), reverse=True) == [one["number"] for one in found]


def test_the_console_shows_and_follows_it(hub, words):
    """An operator looks for words; the newest page asks again for its lines, an older one does not."""
    words.wait_for(lambda: lines(hub, "?words=nowhere"))
    oscar = Person(hub)
    oscar.sign_in("oscar")

    page = oscar.look("/log?words=smpp.down&level=warning")

    assert re.search(r"\d\d:\d\d:\d\d warning smpp\.down connector nowhere", page.words)
    live = re.search(r'hx-get="/console(/log/lines[^"]*)"', page.text)[1].replace("&amp;", "&")
    assert "/log/lines?words=smpp.down&level=warning&cursor=" == live
    assert re.search(r"warning smpp\.down connector nowhere", oscar.look(live).words)
    assert "There is no such line." in oscar.look("/log?words=nothing-says-this").words
    assert "hx-get" not in oscar.look("/log?cursor=3").text.partition("<main")[2]


def test_wrong_credentials_are_told_with_their_place(hub):
    """Of an account and of a user by name; what is nobody's name may be a password that was typed in its place."""
    assert 401 == hub.call("GET", "/v1/messages", user="shop:not-its-password", source="127.0.0.7").status
    assert 401 == hub.call("GET", "/v1/messages", user="secret-in-the-wrong-field:x", source="127.0.0.8").status
    assert 403 == Person(hub).sign_in("oscar", "not his password").status

    found = {one["fields"]["source"]: one for one in lines(hub, "?words=auth.failed")}

    assert {"source": "127.0.0.7", "name": "shop", "failures": "1"}.items() <= found["127.0.0.7"]["fields"].items()
    assert "None" == found["127.0.0.8"]["fields"]["name"]
    assert ("warning", "console:oscar") == (found["127.0.0.1"]["level"], found["127.0.0.1"]["fields"]["name"])
    assert "secret-in-the-wrong-field" not in hub.log


async def test_a_log_that_anybody_can_fill_is_none():
    """Of a thousand wrong passwords of one place the first ten are told, and then ever fewer."""
    slowing = Slowing(now=lambda: 0.0, sleep=lambda _: asyncio.sleep(0))
    with capture_logs() as told:
        for _ in range(1_000):
            (await slowing.begin("192.0.2.1", "shop")).fail(known=True)

    assert [*range(1, 11), 16, 32, 64, 128, 256, 512] == [one["failures"] for one in told]
