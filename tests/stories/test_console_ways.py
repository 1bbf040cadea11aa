"""The console's pages of messages, connectors, routes and accounts, form by form: what they do, what they refuse."""

import csv
import io
import re
import time
from urllib.parse import urlencode

import pytest

from fixtures_console import Person, add_users
from smshub.console.posted import GENERAL

NOWHERE = """\
[connectors.nowhere]
type = "smpp"
host = "127.0.0.1"
port = 1
password = "literal-secret-1"

[connectors.own]
type = "script"
script = "/bin/true"

[groups.hospital]
class = "bulk"
country = "DE"

[[routes]]
name = "file-route"
prefixes = [""]
connectors = ["nowhere"]
"""
LOGGED = {"type": "log", "name": "logged", "set-file": "logged.log"}


@pytest.fixture(scope="module")
def hub(make_shared_hub, words):
    """Give a hub whose texts wait, with people of every role."""
    hub = make_shared_hub(words.accounts + NOWHERE)
    Person(hub).set_up()
    assert 0 == hub.stop()
    add_users(hub, ("oscar", "operator", None), ("una", "auditor", None), ("carl", "account", "shop"))
    hub.start()
    return hub


def person(hub, name):
    """Give somebody who is signed in."""
    one = Person(hub)
    assert 303 == one.sign_in(name).status
    return one


@pytest.fixture(scope="module")
def ada(hub):
    """Give the administrator."""
    return person(hub, "ada")


@pytest.fixture(scope="module")
def oscar(hub):
    """Give an operator."""
    return person(hub, "oscar")


@pytest.fixture(scope="module")
def carl(hub):
    """Give somebody of the account shop."""
    return person(hub, "carl")


def did(one, path, fields, form):
    """Send a form that must lead on, and give the words of the page to which it leads."""
    seen = one.send(path, fields, form=form)
    assert 303 == seen.status, seen.words
    return one.look(seen.headers["location"].removeprefix("/console")).words


def audited(ada):
    """Give the words of the audit log."""
    return ada.look("/audit").words


# --- messages -------------------------------------------------------------------------------------------------------


def test_an_accounts_people_find_their_own_messages_only(hub, ada, carl):
    """By number, by id and in the file; another account's is not there, even for who knows its id."""
    own = hub.send("+491700000001", "of the shop")
    other = hub.send("+491700000001", "of somebody else", user="admin:admin-password")

    mine, all_ = (one.look("/messages?find=%2B491700000001").words for one in (carl, ada))

    assert ("of the shop" in mine, "of somebody else" in mine) == (True, False)
    assert ("of the shop" in all_, "of somebody else" in all_) == (True, True)
    assert "of somebody else" not in carl.look("/messages/table.csv?account=admin").text
    assert "of somebody else" not in carl.look("/messages?account=admin").words
    assert [200, 404] == [carl.look(f"/messages/{one}").status for one in (own, other)]
    assert [404, 404] == [carl.look(f"/messages/{other}/{part}").status for part in ("life", "sure")]
    assert 404 == carl.send(f"/messages/{other}/cancel", {}, form="/own").status
    assert "What was said to the provider" not in carl.look(f"/messages/{own}").words
    assert "What was said to the provider" in ada.look(f"/messages/{own}").words


def test_an_id_leads_to_its_message_and_a_national_number_to_its_recipient(hub, ada):
    """As somebody has them from a log or from a caller; the group's country reads the number."""
    sent = hub.send("+491700000002", "found by its id")

    seen = ada.look(f"/messages?find={sent}")

    assert (303, f"/console/messages/{sent}") == (seen.status, seen.headers["location"])
    assert "found by its id" in ada.look("/messages?find=0170+0000002").words


def test_a_long_list_goes_on_page_by_page(hub, ada):
    """With its filters, each message once, newest first."""
    texts = [f"page {number:02}" for number in range(70)]
    for text in texts:
        hub.send("+491700000003", text)
    found, path = [], "/messages?find=%2B491700000003&state=QUEUED"
    while path:
        page = ada.look(path)
        found += re.findall(r"page \d\d", page.text)
        more = re.search(r'href="/console(/messages\?[^"]*cursor=[0-9a-f]+)"', page.text)
        path = more[1].replace("&amp;", "&") if more else ""

    assert texts[::-1] == found


def test_a_time_bounds_the_search_from_both_sides(hub, ada):
    """What was accepted before or after is not there; what was accepted in between is."""
    hub.send("+491700000008", "just now")

    def found(**times):
        moments = {
            name: f"{time.strftime('%Y-%m-%dT%H:%M', time.gmtime(time.time() + s))}" for name, s in times.items()
        }
        return "just now" in ada.look(f"/messages?{urlencode({'find': '+491700000008', **moments})}").words

    assert found(since=-3_600, until=3_600)
    assert found(until=90_000)
    assert not found(until=-60)
    assert not found(since=60)
    assert not found(since=-90_000, until=-86_400)


def test_the_table_has_what_the_list_has_and_nothing_counts(hub, ada):
    """All pages of it, as a file; a formula of somebody else's is a text."""
    for number in range(3):
        hub.send("+491700000004", f'=cmd|"/C calc"!A{number},x')
    seen = ada.look("/messages/table.csv?find=%2B491700000004")

    rows = list(csv.DictReader(io.StringIO(seen.text.removeprefix("\ufeff"), newline="")))

    assert "attachment" in seen.headers["content-disposition"]
    assert [f'\'=cmd|"/C calc"!A{number},x' for number in (2, 1, 0)] == [row["text"] for row in rows]
    assert {("491700000004", "shop", "QUEUED", "nowhere")} == {
        (row["to"], row["account"], row["state"], row["connector"]) for row in rows
    }
    assert 422 == ada.look("/messages/table.csv?state=gone").status


def test_a_text_that_waits_is_cancelled_after_a_question(hub, oscar, ada):
    """Once for all: it cannot be sent again, and the audit log knows who did it."""
    sent = hub.send("+491700000005", "not to be sent")
    page = oscar.look(f"/messages/{sent}").words
    assert ("Cancel it" in page, "Send it once more" in page) == (True, False)
    assert "cannot be undone" in oscar.look(f"/messages/{sent}/sure").words

    told = did(oscar, f"/messages/{sent}/cancel", {}, f"/messages/{sent}/sure")

    assert ("It is cancelled." in told, "CANCELLED" in told, "Cancel it" in told) == (True, True, False)
    assert "CANCELLED" == hub.message(sent)["state"]
    assert 409 == oscar.send(f"/messages/{sent}/release", {}, form="/own").status
    assert f"console:oscar CancelMessage {sent}" in audited(ada)


def test_a_held_text_is_sent_once_more_by_an_operator(make_hub, make_smsc, words):
    """Who owns it is not asked whether it may arrive twice; the operator is, in so many words."""
    smsc = make_smsc("drop; accept")
    hub = make_hub(words.accounts + words.smpp("smsc", smsc.port, response_timeout=0.5) + words.route("smsc"))
    Person(hub).set_up()
    hub.bound("smsc")
    sent = hub.send(text="Perhaps twice", **{"class": "bulk"})
    hub.ends(sent, "UNCERTAIN")
    ada = person(hub, "ada")
    assert "Send it once more" in ada.look(f"/messages/{sent}").words
    assert "gets it twice" in ada.look(f"/messages/{sent}/sure?what=release").words

    told = did(ada, f"/messages/{sent}/release", {}, f"/messages/{sent}/sure")

    assert "It is sent once more." in told
    hub.ends(sent)
    assert "Try 1: uncertain" in ada.look(f"/messages/{sent}").words
    assert "Try 2: accepted" in ada.look(f"/messages/{sent}").words


# --- connectors -----------------------------------------------------------------------------------------------------


def test_a_text_that_has_ended_is_written_again(hub, oscar, ada):
    """Its form is filled in with what it was; nothing is sent until that is sent. A code is never written again."""
    ended = hub.send("+49 170 1234567", "Your <parcel> is here", valid_for=1, **{"from": "ACME2", "class": "bulk"})
    code = hub.send(text="Your code is 123456", valid_for=1, **{"class": "otp"})
    for one in (ended, code):
        hub.ends(one, "EXPIRED")
    page = ada.look(f"/messages/{ended}")
    assert f'href="/console/try?again={ended}"' in page.text

    form = ada.look(f"/try?again={ended}").text

    assert 'value="+49 170 1234567"' in form
    assert "Your &lt;parcel&gt; is here</textarea>" in form
    assert '<option value="bulk" selected>' in form
    assert "again=" not in ada.look(f"/messages/{code}").text
    assert f"/console/messages/{code}" == ada.look(f"/try?again={code}").headers["location"]
    assert 404 == ada.look(f"/try?again={'0' * 32}").status


def test_what_the_file_declares_is_shown_with_its_place_and_not_changed(ada):
    """No button, and no form that somebody keeps; its secret is masked."""
    page = ada.look("/connectors/one?name=nowhere").words

    assert "[connectors.nowhere]" in page
    assert "Change it" not in page
    assert "literal-secret-1" not in page
    for path in ("change", "remove"):
        assert 409 == ada.look(f"/connectors/{path}?name=nowhere").status
        assert 409 == ada.send(f"/connectors/{path}", {"name": "nowhere", "type": "smpp"}, form="/own").status
    assert [404, 404] == [ada.look(f"/{kind}/one?name=nobody").status for kind in ("connectors", "routes")]


def test_what_runs_code_is_made_in_the_file_only(ada, hub):
    """The page says so; a form for it does not exist, and one that was made up is refused."""
    page = ada.look("/connectors/types")
    assert "In the configuration file only" in page.words
    assert [] == re.findall(r'href="[^"]*type=(?:script|custom)', page.text)
    assert 303 == ada.look("/connectors/new?type=script").status

    for kind in ("script", "custom", "os.path", "", "../log"):
        fields = {"type": kind, "name": "evil", "set-script": "/bin/true"}
        for path in ("new", "check"):
            assert 422 == ada.send(f"/connectors/{path}", fields, form="/own").status
    assert 404 == hub.call("GET", "/v1/connectors/evil", user="admin:admin-password").status


def test_a_connector_is_made_changed_tested_and_removed(hub, ada, oscar):
    """By an operator; each change is in the audit log, and a test really sends, past the routes."""
    assert "logged is made." in did(oscar, "/connectors/new", LOGGED, "/connectors/new?type=log")
    assert 422 == oscar.send("/connectors/new", LOGGED, form="/own").status  # there is one already
    told = did(
        oscar,
        "/connectors/change",
        {**LOGGED, "set-throughput": "5"},
        "/connectors/change?name=logged",
    )
    assert "logged is changed." in told
    assert "throughput 5" in told
    seen = oscar.send(
        "/connectors/test",
        {"name": "logged", "to": "+491700000006", "text": "Only a <test>"},
        form="/connectors/one?name=logged",
    )
    assert 200 == seen.status
    hub.ends(re.search(r"/messages/([0-9a-f]{32})", seen.text)[1], "SENT")
    assert "Only a <test>" in (hub.folder / "logged.log").read_text(encoding="utf-8")
    seen = oscar.send("/connectors/test", {"name": "logged", "to": "12", "text": "x"}, form="/own")
    assert (422, True) == (seen.status, "'12'" in seen.words)
    assert "are rejected where there is none" in oscar.look("/connectors/remove?name=logged").words

    assert "logged is removed." in did(oscar, "/connectors/remove", {"name": "logged"}, "/own")

    log = audited(ada)
    for action in ("PutObject", "TestConnector", "DeleteObject"):
        assert re.search(rf"console:oscar {action} (connectors\.)?logged", log), action


def test_a_form_that_cannot_work_is_shown_again_with_what_was_typed(ada):
    """Each complaint at its field; nothing is made."""
    fields = {"type": "smpp", "name": "bad name", "set-host": "", "set-port": "70000", "set-system_id": "me<1>"}

    seen = ada.send("/connectors/new", fields, form="/connectors/new?type=smpp")

    assert 422 == seen.status
    assert 'value="me&lt;1&gt;"' in seen.text
    told = dict(re.findall(r'id="set-([a-z_-]+)-error"[^>]*>([^<]+)<', seen.text))
    assert {"its-name", "host", "port"} == told.keys()
    assert "less than or equal to 65535" in told["port"]


def test_a_form_is_checked_while_it_is_filled_in_and_nothing_is_kept(ada, hub):
    """What is wrong already is told, what is only missing yet is not; there is no new connector afterwards."""
    fields = {"type": "http", "name": "", "set-timeout": "-1", "set-options": "no sign here"}

    seen = ada.send("/connectors/check", fields, form="/connectors/new?type=http")

    told = dict(re.findall(r'id="set-([a-z_-]+)-error" hx-swap-oob="true"[^>]*>([^<]+)<', seen.text))
    assert (200, {"timeout", "options"}) == (seen.status, told.keys() - {GENERAL})
    assert "has no =" in told["options"]
    assert "<h1" not in seen.text
    listed = hub.call("GET", "/v1/connectors", user="admin:admin-password").json["connectors"]
    assert {"nowhere", "own"} == {one["name"] for one in listed}


# --- routes and accounts --------------------------------------------------------------------------------------------


def test_a_route_is_made_changed_and_removed(ada, oscar):
    """With its connectors in order and their weights; one that nobody has made is refused by the hub."""
    fields = {"name": "de", "set-prefixes": "49\n43", "set-connectors-name": "nowhere", "set-connectors-weight": "3"}
    assert "de is made." in did(oscar, "/routes/new", fields, "/routes/new")
    page = oscar.look("/routes").words
    assert "49, 43 nowhere \u00d73 all all" in page
    assert "every other" in page
    gone = {**fields, "name": "us", "set-prefixes": "1", "set-connectors-name": "gone"}
    seen = oscar.send("/routes/new", gone, form="/own")
    assert (422, True) == (seen.status, "gone" in seen.words)
    changed = {**fields, "set-prefixes": "default", "set-classes": "otp"}
    assert "de is changed." in did(oscar, "/routes/change", changed, "/routes/change?name=de")
    assert ">\ndefault</textarea>" in oscar.look("/routes/change?name=de").text
    assert 409 == oscar.send("/connectors/remove", {"name": "nowhere"}, form="/own").status

    assert "de is removed." in did(oscar, "/routes/remove", {"name": "de"}, "/own")

    assert "console:oscar DeleteObject routes.de" in audited(ada)


def test_an_account_is_made_with_a_key_that_is_shown_once(hub, ada):
    """The key signs in; a new one lives beside it, or alone; a password made here signs in too; then it is disabled."""

    def key_of(seen):
        assert 200 == seen.status, seen.words
        return re.search(r'id="secret">([^<]+)<', seen.text)[1]

    def status(key):
        body = {"to": "+491700000007", "text": "by key"}
        return hub.call("POST", "/v1/messages", body, user=None, headers={"X-API-Key": key}).status

    fields = {"name": "web", "set-originator": "Web", "set-group": "hospital", "set-flash": "no"}
    first = key_of(ada.send("/accounts/new", fields, form="/accounts/new"))
    second = key_of(ada.send("/accounts/key", {"name": "web"}, form="/accounts/one?name=web"))
    assert [202, 202] == [status(first), status(second)]
    third = key_of(ada.send("/accounts/key", {"name": "web", "only": "1"}, form="/accounts/one?name=web"))
    assert [401, 401, 202] == [status(first), status(second), status(third)]
    password = key_of(ada.send("/accounts/password", {"name": "web"}, form="/accounts/one?name=web"))
    assert 202 == hub.call("POST", "/v1/messages", {"to": "+491700000007", "text": "x"}, user=f"web:{password}").status
    page = ada.look("/accounts/one?name=web").text
    assert [] == [secret for secret in (first, second, third, password) if secret in page]
    assert "Web" in did(
        ada, "/accounts/change", {**fields, "set-password": "********", "set-rate": "900"}, "/accounts/change?name=web"
    )
    assert [202, 202] == [
        status(third),
        hub.call("POST", "/v1/messages", {"to": "+491700000007", "text": "x"}, user=f"web:{password}").status,
    ]

    assert "web may not call any more." in did(ada, "/accounts/disable", {"name": "web"}, "/accounts/one?name=web")

    assert 401 == status(third)
    assert "web may call again." in did(ada, "/accounts/disable", {"name": "web"}, "/accounts/one?name=web")
    assert 202 == status(third)
    assert [] == [secret for secret in (first, second, third, password) if secret in audited(ada) + hub.log]


def test_groups_are_shown_and_accounts_of_the_file_keep_their_secrets(ada, oscar):
    """An operator looks at accounts and changes none; those of the file are changed by nobody here."""
    page = ada.look("/accounts").words
    assert "hospital" in page
    assert "country DE" in page
    assert "shop-password" not in ada.look("/accounts/one?name=shop").text
    for path in ("key", "password", "disable", "remove"):
        assert 409 == ada.send(f"/accounts/{path}", {"name": "shop"}, form="/own").status
        assert 403 == oscar.send(f"/accounts/{path}", {"name": "shop"}, form="/own").status


def test_a_token_is_read_and_tokens_are_ended(make_hub, words):
    """What it says and whether it counts; after they are ended it does not. A token that is none says so."""
    tables = words.accounts.replace("[accounts.shop]", '[accounts.shop]\nprogram_sid = "sid"\nprogram_key = "key-1234"')
    hub = make_hub(tables)
    Person(hub).set_up()
    ada = person(hub, "ada")
    answer = hub.call("POST", "/api/Login", {"ProgramSID": "sid", "ProgramKey": "key-1234"}, user=None)
    token = answer.body.decode().strip('"')

    read = ada.send("/accounts/token", {"token": token}, form="/accounts/token")
    assert "It counts, for shop." in read.words
    assert "UTC" in read.words
    told = did(ada, "/accounts/revoke", {"name": "shop"}, "/accounts/one?name=shop")

    assert "Every token of shop is ended." in told
    assert "It does not count" in ada.send("/accounts/token", {"token": token}, form="/accounts/token").words
    assert token not in ada.send("/accounts/token", {"token": "a.b.c"}, form="/accounts/token").text
