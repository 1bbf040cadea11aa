"""The console's pages for what is neither a message nor a way out: each is looked at, used, and says what it did."""

import re
import sqlite3
import time

import pytest

from fixtures_console import PASSWORD, Person, add_users

LOG = '[connectors.log]\ntype = "log"\nfile = "texts.log"\n'
FILE = """
[errors]
EmptyText = "Leer."

[otp]
tries = 4

[groups.ward]
otp = { life = 120 }
"""
OPERATOR = '[accounts.op]\npassword = "op-password-123"\nrole = "operator"\n'
INCOMING = "INSERT INTO incoming VALUES (?, 'modem-a', '491701234567', '4915100', ?, 1900000000.0, ?)"
PARKED = "INSERT INTO parked VALUES (?, 'shop-amqp', 1900000000.0, 3, 'not JSON', 9, ?)"
CLOSED = "88161234"
IDS = [f"{number:032x}" for number in range(1, 4)]

# One hub for all of them.
pytestmark = pytest.mark.xdist_group("console-pages")


@pytest.fixture(scope="module")
def hub(make_shared_hub, words):
    """Give a hub with texts that came in, parked documents, and people of every role."""
    hub = make_shared_hub(words.accounts + OPERATOR + LOG + words.route("log") + FILE)
    Person(hub).set_up()
    assert 0 == hub.stop()
    add_users(hub, ("oscar", "operator", None), ("una", "auditor", None))
    with sqlite3.connect(hub.folder / "hub.db") as database:
        for number, one in enumerate(IDS):
            database.execute(INCOMING, (one, f"came in {number}", f"ref{number}"))
            database.execute(PARKED, (one, b'{"a": \xff'))
        database.execute("INSERT INTO guard_prefixes VALUES (?, '', 0, ?, 0)", (CLOSED, time.time() + 3_000))
    database.close()
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
def una(hub):
    """Give an auditor."""
    return person(hub, "una")


def done(one, seen, path):
    """Look at the page to which a form has led, and give its words."""
    assert (303, f"/console{path}") == (seen.status, seen.headers["location"]), seen.words
    return one.look(path).words


def test_a_recipient_is_blocked_found_and_unblocked(hub, oscar, una):
    """With the reason and by whom; the text that is sent to it meanwhile is refused."""
    seen = oscar.send("/blocklist/block", {"block": "+49 170 555 0001", "reason": "asked <us>"}, form="/blocklist")

    assert "491705550001 is blocked." in done(oscar, seen, "/blocklist")
    assert "491705550001" in una.look("/blocklist?to=%2B491705550001").words
    page = una.look("/blocklist").words
    assert "console:oscar asked <us>" in page
    assert "Unblock" not in page
    assert 403 == hub.call("POST", "/v1/messages", {"to": "+491705550001", "text": "Hi"}).status
    seen = oscar.send("/blocklist/unblock", {"recipient": "491705550001"}, form="/blocklist")
    assert "491705550001 is unblocked." in done(oscar, seen, "/blocklist")
    assert "+491705550001 is not blocked." in una.look("/blocklist?to=%2B491705550001").words
    hub.send("+491705550001")


@pytest.mark.parametrize("number", ["", "no number", "0170 555", "<b>"])
def test_what_cannot_be_blocked_is_told(oscar, number):
    """On the page, with what was typed; a search for it too."""
    seen = oscar.send("/blocklist/block", {"block": number, "reason": "why"}, form="/blocklist")

    assert 422 == seen.status
    assert "is not a number that can be reached" in seen.words
    assert 'value="why"' in seen.text
    assert 422 == oscar.look("/blocklist?to=no-number").status


def test_a_long_blocklist_goes_on(hub, oscar):
    """Page by page, each recipient once."""
    for number in range(60):
        hub.call("PUT", f"/v1/blocklist/+4917066600{number:02}", {"reason": "many"}, user="admin:admin-password")
    found, path = [], "/blocklist"
    while path:
        page = oscar.look(path)
        found += re.findall(r'<th scope="row">(4917066600\d\d)<', page.text)
        more = re.search(r'href="/console(/blocklist\?cursor=[^"]+)"', page.text)
        path = more[1] if more else ""

    assert [f"4917066600{number:02}" for number in range(60)] == found


def test_texts_that_came_in_are_listed_filtered_and_thrown_away(oscar, una):
    """Newest first; by sender and connector; an auditor sees no button."""
    page = una.look("/inbox").words
    assert page.index("came in 2") < page.index("came in 1") < page.index("came in 0")
    assert "Throw away" not in page
    assert "came in" not in una.look("/inbox?sender=4915").words
    assert "came in 1" in una.look("/inbox?connector=modem-a&sender=491701234567").words

    assert "thrown away" in done(oscar, oscar.send("/inbox/drop", {"id": IDS[1]}, form="/inbox"), "/inbox")

    assert "came in 1" not in una.look("/inbox").words
    assert 404 == oscar.send("/inbox/drop", {"id": IDS[1]}, form="/inbox").status


def test_a_hub_without_modems_says_so(oscar, una):
    """And a code that nobody can send is refused on the page."""
    assert "There is none." in una.look("/modems").words
    assert "USSD" not in una.look("/modems").words
    seen = oscar.send("/modems/ussd", {"code": "*100#", "modem": ""}, form="/modems")
    assert (503, True) == (seen.status, "There is no modem." in seen.words)


def test_parked_documents_are_shown_and_thrown_away(oscar, una):
    """With what was wrong and their bytes, whatever they are."""
    assert "There is none." in una.look("/frontends").words
    assert 3 == una.look("/parked").text.count("not JSON")
    page = una.look(f"/parked/{IDS[0]}")
    assert '{"a": \\xff' in page.words
    assert "Throw it away" not in page.words

    assert "thrown away" in done(oscar, oscar.send(f"/parked/{IDS[0]}/drop", {}, form=f"/parked/{IDS[0]}"), "/parked")

    assert [404, 404] == [oscar.look(path).status for path in (f"/parked/{IDS[0]}", "/parked/..%2F..")]


def test_an_error_text_is_changed_and_reset(hub, oscar, una):
    """Said at once; the page tells whose words they are; those of the file are only shown."""
    page = una.look("/errors/NoRoute").words
    assert "Say it so" not in page
    seen = oscar.send("/errors/NoRoute", {"text": "Wohin mit {value}?"}, form="/errors/NoRoute")
    assert "NoRoute has your words now." in done(oscar, seen, "/errors")
    assert "Wohin mit {value}?" in una.look("/errors?own=1").words
    assert "NoRoute Wohin mit {value}? yours" in una.look("/errors?find=noroute").words
    assert "AuthFailed" not in una.look("/errors?own=1").words

    bad = oscar.send("/errors/NoRoute", {"text": "{nobody}"}, form="/errors/NoRoute")
    assert 422 == bad.status
    assert "there is no placeholder {nobody} here" in bad.words
    assert ">\n{nobody}</textarea>" in bad.text
    assert "changed there" in oscar.look("/errors/EmptyText").words
    assert 409 == oscar.send("/errors/EmptyText", {"text": "x"}, form="/errors/NoRoute").status
    assert 404 == oscar.send("/errors/Nobody", {"text": "x"}, form="/errors/NoRoute").status

    seen = oscar.send("/errors/NoRoute/reset", {}, form="/errors/NoRoute")
    assert "default words again" in done(oscar, seen, "/errors")
    assert 404 == oscar.send("/errors/NoRoute/reset", {}, form="/errors/NoRoute").status


def test_the_audit_log_shows_what_was_and_what_is(hub, oscar, una):
    """As a difference, by whom, and whether the log is whole."""
    oscar.send("/errors/QueueFull", {"text": "Voll."}, form="/errors/QueueFull")
    oscar.send("/errors/QueueFull", {"text": "Ganz voll."}, form="/errors/QueueFull")

    page = una.look("/audit?actor=console%3Aoscar")

    assert "<del>Voll.</del>" in page.text
    assert "<ins>Ganz voll.</ins>" in page.text
    assert "console:oscar PutObject errors.QueueFull" in page.words
    assert "console:ada" not in page.words
    assert "There is no entry." in una.look("/audit?actor=nobody").words
    assert 200 == una.look("/audit?cursor=1").status
    assert 200 == una.look("/audit?cursor=" + "9" * 400).status
    assert 403 == oscar.look("/audit").status
    verified = una.look("/audit/verify").words
    assert re.search(r"All \d+ entries are as they were written", verified)


def test_an_entry_that_was_tampered_with_is_named(make_hub, words):
    """By whoever can write into the database, though the key is elsewhere."""
    hub = make_hub(words.accounts)
    one = Person(hub)
    one.set_up()
    with sqlite3.connect(hub.folder / "hub.db") as database:
        database.execute("UPDATE audit SET actor = 'somebody' WHERE number = 1")
    database.close()

    assert "Entry 1 is not as it was written" in one.look("/audit/verify").words


def test_users_are_made_changed_and_removed(hub, ada, una):
    """Each change counts at once; what cannot be is told on the page; no password comes back."""
    fields = {"name": "neo", "role": "operator", "account": "", "password": PASSWORD, "again": PASSWORD}
    assert "neo may sign in now." in done(ada, ada.send("/users", fields), "/users")
    neo = person(hub, "neo")
    for wrong in (
        {**fields, "name": "oscar"},
        {**fields, "name": "Neo"},
        {**fields, "name": "trinity", "password": "short", "again": "short"},
        {**fields, "name": "trinity", "again": "another"},
        {**fields, "name": "trinity", "role": "account"},
        {**fields, "name": "trinity", "role": "account", "account": "gone"},
    ):
        seen = ada.send("/users", wrong)
        assert seen.status in {409, 422}
        assert 'role="alert"' in seen.text
        assert PASSWORD not in seen.text
    assert "trinity" not in ada.look("/users").words

    change = {"role": "account", "account": "shop"}
    assert "signed out everywhere" in done(ada, ada.send("/users/neo", change), "/users")
    assert 303 == neo.look("/").status
    neo = person(hub, "neo")
    assert (200, 403) == (neo.look("/").status, neo.look("/settings").status)
    assert "Change" not in una.look("/users/neo").words

    done(ada, ada.send("/users/neo", {**change, "disabled": "1"}), "/users")
    assert 403 == Person(hub).sign_in("neo").status
    done(ada, ada.send("/users/neo", change), "/users")
    new = "another horse battery"
    assert 422 == ada.send("/users/neo/reset", {}, form="/users/neo").status
    assert 422 == ada.send("/users/neo/reset", {"password": new, "again": PASSWORD}, form="/users/neo").status
    fields = {"password": new, "again": new, "reset_totp": "1"}
    done(ada, ada.send("/users/neo/reset", fields, form="/users/neo"), "/users")
    assert 303 == Person(hub).sign_in("neo", new).status

    assert "neo is removed." in done(ada, ada.send("/users/neo/remove", {}, form="/users/neo"), "/users")
    assert 404 == ada.look("/users/neo").status
    assert 403 == Person(hub).sign_in("neo", new).status


def test_the_last_administrator_stays(ada):
    """Neither removed, nor disabled, nor made anything else, not even by themselves."""
    for path, fields in (
        ("/users/ada", {"role": "auditor"}),
        ("/users/ada", {"role": "administrator", "disabled": "1"}),
        ("/users/ada/remove", {}),
    ):
        seen = ada.send(path, fields, form="/users/ada")
        assert (409, True) == (seen.status, "The last administrator cannot be" in seen.words)


def test_the_policies_of_codes_are_shown(una, oscar):
    """That of all and that of a group; an operator may have wrong codes forgotten."""
    page = una.look("/codes").words
    assert re.search(r"All accounts length 6 default .* tries 4 .* groups.ward life 120", page)
    assert "tries 4 default" not in page
    assert "The configuration file declares it ( [otp] )" in page
    assert "Unlock" not in page
    seen = oscar.send("/codes/unlock", {"to": "no number"}, form="/codes")
    assert 422 == seen.status
    assert 404 == oscar.send("/codes/unlock", {"to": "+491701234567"}, form="/codes").status


def test_the_policy_of_codes_is_changed_by_a_form_and_reset(make_hub, words):
    """By an administrator: checked while one types, counted at once, told in the audit log, and taken back."""
    hub = make_hub(words.accounts + LOG + words.route("log"))
    ada = Person(hub)
    ada.set_up()
    form = ada.look("/codes/change?name=otp")
    assert ("Change the policy of all accounts", 200) == (re.search(r"<h1>([^<]+)", form.text)[1], form.status)
    assert 'name="set-guard-recipient_day"' in form.text
    assert "set-keys" not in form.text
    fields = {"name": "otp", "set-length": "5", "set-guard-mode": "enforce", "set-guard-countries": "DE"}
    checked = ada.send("/codes/check", fields, form="/codes/change?name=otp")
    assert 200 == checked.status
    seen = ada.send("/codes/change", {**fields, "set-tries": "99"}, form="/codes/change?name=otp")
    assert (422, True) == (seen.status, "less than or equal to 10" in seen.words)
    seen = ada.send("/codes/change", fields, form="/codes/change?name=otp")
    assert (422, True) == (seen.status, "is shorter than 6" in seen.words)

    seen = ada.send("/codes/change", {**fields, "set-length": "9"}, form="/codes/change?name=otp")

    page = done(ada, seen, "/codes/one?name=otp")
    assert "The policy of all accounts is changed." in page
    assert re.search(r"length 9 unsafe false default .* guard.mode enforce guard.countries \[\"DE\"\]", page)
    asked = hub.call("POST", "/v1/otp", {"to": "+33612345678", "reference": "abroad"})
    assert "GuardCountry" == asked.json["error"]
    log = ada.look("/audit").words
    assert "console:ada PutObject policies.otp" in log
    assert "Codes are as the defaults have them" in ada.look("/codes/remove?name=otp").words
    page = done(ada, ada.send("/codes/remove", {"name": "otp"}, form="/codes/remove?name=otp"), "/codes")
    assert "The policy of all accounts is the default again." in page
    assert "length 6 default" in page
    assert "Reset it" not in page


def test_the_file_is_looked_at_and_taken_over(make_hub, words):
    """By an administrator: what it would change, what it has changed, what keeps it from being taken over."""
    tables = words.accounts + LOG + words.route("log")
    hub = make_hub(tables)
    ada = Person(hub)
    ada.set_up()
    assert "Nothing: it is what runs." in ada.look("/settings/plan").words

    hub.configure(tables + "[groups.ward]\nclass = 1\n")
    page = ada.look("/settings/plan").words
    assert re.search(r"It cannot work .*smshub.toml:\d+: groups.ward.class", page)
    assert "Take it over" not in page
    assert 409 == ada.send("/settings/reload", {}, form="/settings").status

    hub.configure(tables + "[groups.ward]\nclass = 'bulk'\n", server='log_format = "json"')
    page = ada.look("/settings/plan").words
    assert 'change server log_format : "text" -> "json"' in page
    assert "add groups.ward" in page
    assert "only when the hub is started again: server.log_format." in page
    assert "groups.ward" not in ada.look("/settings").words
    seen = ada.send("/settings/reload", {}, form="/settings/plan")
    assert (200, True) == (seen.status, "add groups.ward" in seen.words)
    assert "[groups.ward] class bulk" in ada.look("/settings").words
    assert "console:ada Reload: add groups.ward" in ada.look("/audit").words


def test_the_guards_decisions_are_shown_and_what_it_has_closed_is_opened(hub, oscar, una):
    """With the rule and the reason; refused ones by themselves; a prefix that is closed has a button to open it."""
    otp = {"to": "+33612345678", "reference": "guarded"}
    assert 202 == hub.call("POST", "/v1/otp", otp).status

    page = una.look("/guard")

    assert re.search(r"refused \(recorded only\) 33612345678 FR shop", page.words)
    assert "336123456" in una.look("/guard?refused=1&account=shop").words
    assert "33612345678" not in una.look("/guard?account=admin").words
    assert 200 == una.look("/guard?cursor=none-of-ours").status
    assert re.search(r"8816\d* .* closed", page.words)
    assert "Open" not in page.words.partition("Prefixes")[2]
    assert "are sent again" in done(oscar, oscar.send("/guard/open", {"prefix": CLOSED}, form="/guard"), "/guard")
    assert "closed" not in una.look("/guard").words.partition("Prefixes")[2]
    assert 404 == oscar.send("/guard/open", {"prefix": CLOSED}, form="/guard").status


def test_the_settings_are_shown_without_secrets(hub, una):
    """What the file declares, and how the hub fares."""
    page = una.look("/settings").words

    assert f"listen 127.0.0.1:{hub.port}" in page
    assert "otp.life 120" in page
    assert "Version 0." in page
    assert "op-password-123" not in page
    assert "Make a backup" not in page


def test_a_backup_is_made_by_a_button(hub, ada):
    """A database that opens, told by its file."""
    notice = done(ada, ada.send("/settings/backup", {}, form="/settings"), "/settings")

    file = re.search(r"The backup is made: (\S+\.db)", notice)[1]
    with sqlite3.connect(hub.folder / file) as database:
        assert 3 == database.execute("SELECT count(*) FROM users").fetchone()[0]
    database.close()
    entry = hub.call("GET", "/v1/audit?limit=1", user="admin:admin-password").json["entries"][0]
    assert ("console:ada", "MakeBackup") == (entry["actor"], entry["action"])
