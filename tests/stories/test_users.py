"""The users of the console from elsewhere: made, changed and removed by /v1 and by the command line."""

import json
import re
import time
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import pytest

from fixtures_console import PASSWORD, Person
from smshub.engine import totp

# Passwords that occur nowhere else, so that they can be looked for.
NEW = "canary-new-horse-battery"
NEXT = "canary-next-horse-battery"
SHORT = "canary-sho"
LONG = "canary-long-" * 30
PLACE = "/v1/users/{}"
CALLERS = """
[accounts.una]
password = "una-password-123"
role = "auditor"

[accounts.oscar]
password = "oscar-password-123"
role = "operator"
"""

# One hub for all of them.
pytestmark = pytest.mark.xdist_group("users")


@pytest.fixture(scope="module")
def desk(make_shared_hub, words):
    """
    Give a hub at its loudest whose first user is ada, its command line and its API as an administrator.

    All that both have answered is kept.
    """
    hub = make_shared_hub(words.accounts + CALLERS, server='log_level = "debug"')
    (hub.folder / "admin").write_text("admin-password\n")
    (hub.folder / "admin").chmod(0o600)
    Person(hub).set_up()
    answers = []

    def run(*line, **options):
        ran = hub.run("user", *line, "--username", "admin", "--password-file", "admin", **options)
        answers.extend([ran.stdout, ran.stderr])
        return ran

    def call(method, name="", body=None, user=words.admin):
        answer = hub.call(method, PLACE.format(name).removesuffix("/"), body, user=user)
        answers.append(answer.body.decode())
        return answer

    return SimpleNamespace(hub=hub, run=run, call=call, answers=answers)


def signed_in(hub, name, password=NEW, **fields):
    """Give somebody who has signed in."""
    person = Person(hub)
    assert 303 == person.sign_in(name, password, **fields).status
    assert 200 == person.look("/").status
    return person


def test_a_user_made_over_the_command_line_signs_in(desk):
    """With the role that was named; what is known about them is told, but for the password."""
    made = desk.run("add", "neo@example.org", "--role", "operator", input=f"{NEW}\n")

    assert (0, "user neo@example.org is made\n", "") == (made.returncode, made.stdout, made.stderr)
    neo = signed_in(desk.hub, "neo@example.org")
    assert (200, 403) == (neo.look("/routes").status, neo.look("/users").status)
    shown = json.loads(desk.run("show", "neo@example.org", "--json").stdout)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", shown.pop("created_at"))
    wanted = {"name": "neo@example.org", "role": "operator", "account": None, "totp": False, "disabled": False}
    assert wanted == shown
    assert {"ada", "neo@example.org"} <= {line.split()[0] for line in desk.run("list").stdout.splitlines()}
    again = desk.run("add", "neo@example.org", "--role", "operator", input=f"{NEXT}\n")
    assert (1, "") == (again.returncode, again.stdout)
    signed_in(desk.hub, "neo@example.org")


def test_a_user_made_over_the_api_is_the_users_of_the_console(desk):
    """Who signs in for an account sees its messages; the administrator finds them on the page, and can change them."""
    answer = desk.call("PUT", "till", {"role": "account", "account": "shop", "password": NEW})

    assert (200, {"detail": "user till is made"}) == (answer.status, answer.json)
    till = signed_in(desk.hub, "till")
    assert (200, 403) == (till.look("/messages").status, till.look("/settings").status)
    ada = signed_in(desk.hub, "ada", PASSWORD)
    assert "till account shop" in ada.look("/users").words
    assert 303 == ada.send("/users/till", {"role": "auditor", "account": "shop"}).status
    assert "auditor" == desk.call("GET", "till").json["role"]


def test_disabling_over_the_api_ends_a_session_at_once(desk):
    """The next click leads to the form for signing in, which takes the right password no more until it is undone."""
    assert 200 == desk.call("PUT", "dora", {"role": "auditor", "password": NEW}).status
    dora = signed_in(desk.hub, "dora")

    assert 200 == desk.call("PUT", "dora", {"disabled": True}).status

    seen = dora.look("/")
    assert (303, True) == (seen.status, seen.headers["location"].startswith("/console/sign-in"))
    assert 403 == Person(desk.hub).sign_in("dora", NEW).status
    assert 0 == desk.run("change", "dora", "--enable").returncode
    assert 303 == dora.look("/").status
    signed_in(desk.hub, "dora")


def test_a_change_over_the_command_line_ends_the_sessions(desk):
    """A role, a password, a removal: each signs out everywhere, and counts at once."""
    assert 0 == desk.run("add", "carl", "--role", "auditor", input=NEW).returncode
    carl = signed_in(desk.hub, "carl")

    changed = desk.run("change", "carl", "--role", "account", "--account", "shop")
    assert (0, "user carl is changed\n") == (changed.returncode, changed.stdout)
    assert 303 == carl.look("/").status
    carl = signed_in(desk.hub, "carl")
    assert 403 == carl.look("/settings").status

    assert 0 == desk.run("reset", "carl", "--password", input=f"{NEXT}\n").returncode
    assert 303 == carl.look("/").status
    assert 403 == Person(desk.hub).sign_in("carl", NEW).status
    carl = signed_in(desk.hub, "carl", NEXT)

    assert "user carl is removed\n" == desk.run("remove", "carl").stdout
    assert 303 == carl.look("/").status
    assert 403 == Person(desk.hub).sign_in("carl", NEXT).status
    assert [404, 404] == [desk.call(method, "carl").status for method in ("GET", "DELETE")]


def test_a_password_that_is_made_is_shown_once_and_signs_in(desk):
    """It is the only line of the output."""
    made = desk.run("add", "gina", "--role", "auditor", "--generate")

    assert (0, 1) == (made.returncode, len(made.stdout.splitlines()))
    signed_in(desk.hub, "gina", made.stdout.strip())
    desk.answers.remove(made.stdout)
    for told in (*desk.answers, desk.hub.log, desk.hub.call("GET", "/v1/audit", user="una:una-password-123").body):
        assert made.stdout.strip() not in str(told)


def test_a_lost_authenticator_is_forgotten(desk):
    """Its code is asked for until then, and the password alone is enough from then on."""
    assert 0 == desk.run("add", "otto", "--role", "operator", input=NEW).returncode
    otto = signed_in(desk.hub, "otto")
    shown = otto.send("/own/authenticator", {}, form="/own")
    secret = re.search(r'id="totp-secret">([A-Z2-7]+)<', shown.text)[1]
    code = totp.code_of(secret, int(time.time() / totp.STEP))
    fields = {"secret": secret, "code": code, "password": NEW}
    assert 303 == otto.send("/own/authenticator/confirm", fields, form="/own").status
    assert (True, 403) == (desk.call("GET", "otto").json["totp"], Person(desk.hub).sign_in("otto", NEW).status)

    assert 0 == desk.run("reset", "otto", "--forget-authenticator").returncode

    assert desk.call("GET", "otto").json["totp"] is False
    signed_in(desk.hub, "otto")


def test_the_last_administrator_stays(desk):
    """Neither removed, nor disabled, nor made anything else, by neither way; a second one makes it possible."""
    for body in ({"role": "auditor"}, {"disabled": True}):
        answer = desk.call("PUT", "ada", body)
        assert (409, "LastAdministrator") == (answer.status, answer.json["error"])
    answer = desk.call("DELETE", "ada")
    assert (409, "LastAdministrator") == (answer.status, answer.json["error"])
    for line in (("remove", "ada"), ("change", "ada", "--disable"), ("change", "ada", "--role", "operator")):
        ran = desk.run(*line)
        assert (1, "") == (ran.returncode, ran.stdout)
        assert "The last administrator cannot be removed, disabled or made anything else." in ran.stderr
    signed_in(desk.hub, "ada", PASSWORD)

    assert 0 == desk.run("add", "eve", "--role", "administrator", input=NEW).returncode
    assert 200 == desk.call("PUT", "ada", {"disabled": True}).status
    assert 409 == desk.call("DELETE", "eve").status
    assert 200 == desk.call("PUT", "ada", {"disabled": False}).status
    assert 200 == desk.call("DELETE", "eve").status


@pytest.mark.parametrize(
    ("user", "reads"),
    [("una:una-password-123", 200), ("oscar:oscar-password-123", 403), ("shop:shop-password", 403)],
    ids=["auditor", "operator", "account"],
)
def test_who_is_no_administrator_changes_nobody(desk, user, reads):
    """An auditor may look; operators and accounts may not even do that, as in the console."""
    before = desk.call("GET").json

    assert [reads, reads] == [desk.call("GET", name, user=user).status for name in ("", "ada")]
    for method, name, body in (
        ("PUT", "mallory", {"role": "administrator", "password": NEW}),
        ("PUT", "ada", {"password": NEW}),
        ("PUT", "ada", {"reset_totp": True}),
        ("DELETE", "ada", None),
        ("DELETE", "nobody", None),
    ):
        answer = desk.call(method, name, body, user=user)
        assert (403, "Forbidden") == (answer.status, answer.json["error"])
    assert before == desk.call("GET").json


def test_without_credentials_there_are_no_users(desk):
    """A stranger is asked who they are; a session of the console is none here."""
    ada = signed_in(desk.hub, "ada", PASSWORD)
    cookie = {"Cookie": "; ".join(f"{name}={value}" for name, value in ada.cookies.items())}

    assert 401 == desk.hub.call("GET", "/v1/users", user=None, source="127.0.8.1").status
    assert 401 == desk.hub.call("GET", "/v1/users", user=None, headers=cookie, source="127.0.8.2").status


@pytest.mark.parametrize(
    ("body", "status", "error", "member"),
    [
        ({"role": "operator"}, 400, "NoPassword", "password"),
        ({"role": "operator", "password": SHORT}, 400, "BadPassword", "password"),
        ({"role": "operator", "password": LONG}, 400, "BadPassword", "password"),
        ({"role": NEW, "password": NEW}, 400, "MalformedBody", "role"),
        ({"role": "account", "password": NEW}, 400, "NoSuchAccount", "account"),
        ({"role": "account", "account": NEW, "password": NEW}, 400, "NoSuchAccount", "account"),
        ({"role": "operator", "passwort": NEW}, 400, "UnknownMember", "passwort"),
        ({"role": "operator", "password": [NEW]}, 400, "MalformedBody", "password"),
        (f'{{"password": "{NEW}'.encode(), 400, "MalformedBody", None),
    ],
    ids=str,
)
def test_what_cannot_be_makes_nobody(desk, body, status, error, member):
    """The refusal names its member."""
    answer = desk.call("PUT", "mallory", body)

    assert (status, error, member) == (answer.status, answer.json["error"], answer.json.get("member"))
    assert 404 == desk.call("GET", "mallory").status


def test_a_refusal_on_the_command_line_is_one_line(desk):
    """With the member at fault and status one, or two where the line itself is wrong."""
    short = desk.run("add", "mallory", "--role", "auditor", input=SHORT)
    alone = desk.run("add", "mallory", "--role", "account", input=NEW)
    name = desk.run("add", "Mallory", "--role", "auditor", input=NEW)
    empty = desk.run("add", "mallory", "--role", "auditor", input="")

    assert [
        (1, "smshub: password: A password has 12 to 256 characters.\n"),
        (1, "smshub: account: There is no such account.\n"),
        (1, "smshub: name: A name has small letters, digits and . _ @ -, 64 at most.\n"),
        (2, "smshub: there is no password\n"),
    ] == [(ran.returncode, ran.stderr) for ran in (short, alone, name, empty)]
    assert 404 == desk.call("GET", "mallory").status


def test_passwords_are_nowhere(desk, words):
    """
    Neither in a log at its loudest, nor in the audit log, nor in an answer, nor in the files; who did it to whom is.

    The control: the name of the user, which went the same ways, is found in the audit log and in the files.
    """
    assert 200 == desk.call("PUT", "canary-control", {"role": "auditor", "password": NEW}).status
    assert 400 == desk.call("PUT", "canary-control", {"password": SHORT}).status
    assert 0 == desk.run("reset", "canary-control", "--password", input=NEXT).returncode
    signed_in(desk.hub, "canary-control", NEXT)
    audit = desk.hub.call("GET", "/v1/audit?limit=500", user=words.admin)
    noted = [one for one in audit.json["entries"] if one["object"] == "users.canary-control"]
    assert [("admin", "PutUser"), ("admin", "PutUser")] == [(one["actor"], one["action"]) for one in noted]

    files = b"\n".join(file.read_bytes() for file in sorted(desk.hub.folder.glob("hub.*")))
    told = {
        "log": desk.hub.log.encode(),
        "audit": audit.body,
        "files": files,
        "answers": "\n".join(desk.answers).encode(),
    }
    assert [b"canary-control" in told[place] for place in ("audit", "files", "answers")] == [True, True, True]
    secrets = [word.encode() for word in (NEW, NEXT, SHORT, LONG[:20], PASSWORD)]
    found = [(place, secret) for place, text in told.items() for secret in secrets if secret in text]
    assert [] == found


def test_the_first_user_is_an_administrator_whoever_makes_it(make_hub, words):
    """Another one is refused, and the one-time secret counts on; made over the API, the secret counts no more."""
    hub = make_hub(words.accounts)
    secret = hub.folder / "hub.db.setup"

    refused = hub.call("PUT", "/v1/users/neo", {"role": "operator", "password": NEW}, user=words.admin)
    assert (409, "FirstUser", True) == (refused.status, refused.json["error"], secret.exists())
    made = hub.call("PUT", "/v1/users/neo", {"role": "administrator", "password": NEW}, user=words.admin)

    assert (200, False) == (made.status, secret.exists())
    signed_in(hub, "neo")
    assert 303 == Person(hub).look("/setup").status


def test_one_of_two_administrators_who_remove_each_other_stays(make_hub, words):
    """However close together both are asked for."""
    hub = make_hub(words.accounts)
    for name in ("ada", "eve"):
        body = {"role": "administrator", "password": NEW}
        assert 200 == hub.call("PUT", f"/v1/users/{name}", body, user=words.admin).status

    with ThreadPoolExecutor(2) as pool:
        calls = [pool.submit(hub.call, "DELETE", f"/v1/users/{name}", user=words.admin) for name in ("ada", "eve")]
        statuses = sorted(call.result().status for call in calls)

    assert [200, 409] == statuses
    assert 1 == len(hub.call("GET", "/v1/users", user=words.admin).json["users"])


def test_who_changed_what_is_told_to_auditors_and_administrators_only(desk):
    """An operator is whom the audit log is about; a user's change is told with before and after, but no password."""
    assert 0 == desk.run("add", "audited", "--role", "operator", input=NEW).returncode
    assert 200 == desk.call("PUT", "audited", {"role": "auditor", "password": NEXT}).status

    told = {
        who: desk.hub.call("GET", "/v1/audit?limit=1", user=f"{who}:{who}-password-123") for who in ("una", "oscar")
    }

    assert (200, 403) == (told["una"].status, told["oscar"].status)
    entry = told["una"].json["entries"][0]
    assert ("PutUser", "users.audited") == (entry["action"], entry["object"])
    was = {"role": "operator", "account": None, "disabled": False, "totp": False}
    assert (was, {**was, "role": "auditor", "password": "changed"}) == (entry["before"], entry["after"])
