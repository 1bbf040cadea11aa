"""The configuration of a running hub, changed over /v1 and the command line: its file, and the policy of codes."""

import json
import re

import pytest

ADMIN = {"SMSHUB_USERNAME": "admin", "SMSHUB_PASSWORD": "admin-password"}
OPERATOR = '[accounts.op]\npassword = "op-password-123"\nrole = "operator"\n'
LOG = '[connectors.log]\ntype = "log"\nfile = "texts.log"\n'


@pytest.fixture
def base(words):
    """Give tables with accounts of three roles and one way out."""
    return words.accounts + OPERATOR + LOG + words.route("log")


def run(hub, *words):
    """Run the command line as the administrator, past the shop's environment."""
    password = hub.folder / "admin.password"
    password.write_text("admin-password")
    ran = hub.run(*words, "--username", "admin", "--password-file", str(password))
    return ran.returncode, ran.stdout, ran.stderr


def test_an_edited_file_is_planned_and_taken_over(make_hub, base, words):
    """The plan tells what would change and changes nothing; taking it over is told, counts at once, and is noted."""
    hub = make_hub(base)
    edited = base + '[groups.ward]\nclass = "bulk"\n[otp]\ntries = 3\n[retention]\nbulk = 7\n'
    hub.configure(edited, server='log_level = "debug"')

    planned = hub.call("GET", "/v1/config/plan", user=words.admin).json
    assert [
        ("change", "server", "", {"log_level": '"info" -> "debug"'}),
        ("change", "otp", "", {"tries": "5 -> 3"}),
        ("change", "retention", "", {"bulk": "30.0 -> 7.0"}),
        ("add", "groups", "ward", {}),
    ] == [(one["action"], one["kind"], one["name"], one["keys"]) for one in planned["changes"]]
    assert (["server.log_level"], []) == (planned["restart"], planned["problems"])
    assert [] == hub.call("GET", "/v1/config/tables/groups", user=words.admin).json["objects"]

    code, said, warned = run(hub, "config", "reload")
    assert (0, "~ otp: tries: 5 -> 3", "4 changes") == (code, said.splitlines()[1], said.splitlines()[-1])
    assert "server.log_level has changed and counts when the hub is started again" in warned
    groups = hub.call("GET", "/v1/config/tables/groups", user=words.admin).json["objects"]
    assert [("ward", {"class": "bulk"})] == [(one["name"], one["settings"]) for one in groups]
    assert "ward" in run(hub, "config", "show", "groups")[1]
    entries = hub.call("GET", "/v1/audit?limit=10", user=words.admin).json["entries"]
    assert ("admin", "Reload: add", "groups.ward") in [(one["actor"], one["action"], one["object"]) for one in entries]
    assert (0, "No change.\n") == run(hub, "config", "reload")[:2]


def test_a_file_that_cannot_work_is_refused_and_changes_nothing(make_hub, base, words):
    """The plan tells each problem with its line; the reload is a 409, and what ran runs on."""
    hub = make_hub(base)
    hub.configure(base.replace('"texts.log"', '"other.log"') + "[groups.ward]\ncolour = 1\n")

    problems = hub.call("GET", "/v1/config/plan", user=words.admin).json["problems"]
    refused = hub.call("POST", "/v1/config/reload", user=words.admin)

    assert 1 == len(problems)
    assert re.search(r"smshub.toml:\d+: groups.ward.colour", problems[0])
    assert (409, "FileRefused") == (refused.status, refused.json["error"])
    assert "groups.ward.colour" in refused.json["detail"]
    hub.ends(hub.send(text="as ever"), "SENT")
    assert "as ever" in (hub.folder / "texts.log").read_text()


@pytest.mark.parametrize(
    ("user", "plan", "reload"), [("op:op-password-123", 200, 403), ("shop:shop-password", 403, 403)]
)
def test_the_file_is_an_administrators(make_hub, base, user, plan, reload):
    """An operator may look; who only sends may not even do that."""
    hub = make_hub(base)

    assert plan == hub.call("GET", "/v1/config/plan", user=user).status
    assert reload == hub.call("POST", "/v1/config/reload", user=user).status
    assert plan == hub.call("GET", "/v1/config/tables/server", user=user).status


def test_no_secret_is_in_a_plan(make_hub, base, words):
    """Neither the old one nor the new one, whether it is planned, taken over or noted."""
    hub = make_hub(base)
    hub.configure(base.replace("op-password-123", "changed-password-456"))

    told = [hub.call("GET", "/v1/config/plan", user=words.admin).body]
    told.append(hub.call("POST", "/v1/config/reload", user=words.admin).body)
    told.append(hub.call("GET", "/v1/audit", user=words.admin).body)

    assert b'"password":"changed"' in told[0]
    assert not any(secret in one for one in told for secret in (b"op-password-123", b"changed-password-456"))
    assert 200 == hub.call("GET", "/v1/config/plan", user="op:changed-password-456").status


def test_the_policy_of_codes_is_changed_while_the_hub_runs(make_hub, base, words):
    """By the command line, for the next code; what was not named stays; and it can be the default again."""
    hub = make_hub(base)

    def code():
        (hub.folder / "texts.log").write_text("")
        asked = hub.call("POST", "/v1/otp", {"to": "+491701234567", "reference": f"r{len(hub.messages())}"})
        assert 202 == asked.status, asked.body
        text = words.wait_for((hub.folder / "texts.log").read_text)
        return re.search(r"\b(\d{4,10})\b(?!.*\b\d{4,10}\b)", text.rpartition(":")[2])[1]

    assert 6 == len(code())
    assert (0, "policies.otp is changed\n") == run(hub, "otp", "policy", "set", "length=8", "guard.mode=off")[:2]
    assert 8 == len(code())
    assert 0 == run(hub, "otp", "policy", "set", "tries=2")[0]
    listed = json.loads(run(hub, "otp", "policy", "list", "--json")[1])["objects"]
    assert [
        {"name": "otp", "origin": "database", "settings": {"length": 8, "guard": {"mode": "off"}, "tries": 2}}
    ] == listed
    assert 0 == hub.stop()
    hub.start()
    assert 8 == len(code())

    assert 0 == run(hub, "otp", "policy", "reset")[0]
    assert 6 == len(code())
    assert "NotFound" == hub.call("DELETE", "/v1/policies/otp", user=words.admin).json["error"]


@pytest.mark.parametrize(
    ("body", "words_of_it"),
    [
        ({"length": 5}, "is shorter than 6"),
        ({"keys": ["0123456789abcdef" * 4]}, "stand in the configuration file only"),
        ({"lenght": 8}, "length"),
        ({"life": 60, "longest_life": 50}, "is longer than longest_life"),
    ],
)
def test_a_policy_that_cannot_work_is_refused(make_hub, base, words, body, words_of_it):
    """With what is wrong; the policy of before goes on."""
    hub = make_hub(base)

    refused = hub.call("PUT", "/v1/policies/otp", body, user=words.admin)

    assert (400, True) == (refused.status, words_of_it in refused.json["detail"]), refused.json
    assert {} == hub.call("GET", "/v1/policies/otp", user=words.admin).json["settings"]


def test_a_policy_is_an_administrators_and_the_files_is_the_files(make_hub, base, words):
    """An operator is refused; what the file declares is a conflict for everybody."""
    hub = make_hub(base)
    assert 403 == hub.call("PUT", "/v1/policies/otp", {"length": 8}, user="op:op-password-123").status
    hub.configure(base + "[otp]\nlength = 7\n")
    assert 200 == hub.call("POST", "/v1/config/reload", user=words.admin).status

    refused = hub.call("PUT", "/v1/policies/otp", {"length": 8}, user=words.admin)

    assert (409, "Declared") == (refused.status, refused.json["error"])
    assert "file" == hub.call("GET", "/v1/policies/otp", user=words.admin).json["origin"]


def test_an_object_may_not_break_another(make_hub, base, words):
    """A policy that an account of the database does not go with is refused, and the account stays."""
    hub = make_hub(base)
    account = {"password": "another-password-1", "otp": {"length": 5}}
    assert 200 == hub.call("PUT", "/v1/policies/otp", {"unsafe": True}, user=words.admin).status
    assert 200 == hub.call("PUT", "/v1/accounts/kiosk", account, user=words.admin).status

    refused = hub.call("PUT", "/v1/policies/otp", {"unsafe": False}, user=words.admin)
    reset = hub.call("DELETE", "/v1/policies/otp", user=words.admin)

    assert [(400, True), (400, True)] == [
        (one.status, "accounts.kiosk" in one.json["detail"]) for one in (refused, reset)
    ]
    assert (
        202
        == hub.call(
            "POST", "/v1/messages", {"to": "+491701234567", "text": "x"}, user="kiosk:another-password-1"
        ).status
    )


def test_an_operator_names_no_place_that_a_secret_is_read_from(make_hub, base, words):
    """Whoever named a file of the hub and a server of their own could read it; what is there already may stay."""
    hub = make_hub(base)
    (hub.folder / "kept.secret").write_text("a secret of the hub's")
    (hub.folder / "kept.secret").chmod(0o600)
    operator = "op:op-password-123"
    gateway = {"type": "http", "url": "http://127.0.0.1:9/", "password": "file:kept.secret"}
    place = "/v1/connectors/gateway"

    refused = hub.call("PUT", place, gateway, user=operator)
    assert (403, "ReferenceNotAllowed") == (refused.status, refused.json["error"])
    refused = hub.call("PUT", place, {**gateway, "password": "env:SMSHUB_SECRET"}, user=operator)
    assert (403, "ReferenceNotAllowed") == (refused.status, refused.json["error"])
    assert 200 == hub.call("PUT", place, {**gateway, "password": "its own"}, user=operator).status
    assert 200 == hub.call("PUT", place, gateway, user=words.admin).status
    shown = hub.call("GET", place, user=operator).json["settings"]
    assert "file:kept.secret" == shown["password"]
    assert 200 == hub.call("PUT", place, {**shown, "timeout": 5}, user=operator).status


@pytest.mark.parametrize("file", ["/tmp/anywhere.log", "../up.log", ".bashrc", "smshub.toml", "a/b.log", "x.log\n", ""])
def test_a_connector_that_is_made_while_the_hub_runs_writes_nowhere_but_beside_it(make_hub, base, words, file):
    """Whoever may write any file may run anything; not even an administrator's key does that."""
    hub = make_hub(base)

    refused = hub.call("PUT", "/v1/connectors/evil", {"type": "log", "file": file}, user=words.admin)

    assert (400, True) == (refused.status, "connectors.evil.file" in refused.json["detail"])
    assert 200 == hub.call("PUT", "/v1/connectors/good", {"type": "log", "file": "good.log"}, user=words.admin).status


@pytest.mark.needs("postgresql")
def test_what_is_made_on_one_node_counts_on_all(make_hub, words, postgres_url):
    """An account, an error text and a policy that one hub has made are there at the other within seconds."""
    secret = f'secret = "{"5a" * 32}"\n'
    tables = words.accounts + LOG + words.route("log")
    one, two = (make_hub(tables, server=f'{secret}node = "{node}"', database=postgres_url) for node in ("one", "two"))
    links = two.connectors()["log"]

    assert 200 == one.call("PUT", "/v1/accounts/kiosk", {"password": "kiosk-password-1"}, user=words.admin).status
    assert 200 == one.call("PUT", "/v1/errors/EmptyText", {"text": "Leer."}, user=words.admin).status
    assert 200 == one.call("PUT", "/v1/policies/otp", {"length": 9}, user=words.admin).status

    def there():
        found = two.call("POST", "/v1/messages", {"to": "+491701234567", "text": ""}, user="kiosk:kiosk-password-1")
        policy = two.call("GET", "/v1/policies/otp", user=words.admin).json["settings"]
        return found.status == 400 and found.json["detail"] == "Leer." and policy == {"length": 9}

    words.wait_for(there)
    assert 200 == one.call("DELETE", "/v1/accounts/kiosk", user=words.admin).status
    words.wait_for(lambda: two.call("GET", "/v1/messages", user="kiosk:kiosk-password-1").status == 401)
    assert links["state"] == two.connectors()["log"]["state"]


def test_how_a_hub_fares_is_told_in_a_terminal(make_hub, base):
    """Whether it takes texts, what waits, what goes through; as JSON for programs."""
    hub = make_hub(base)
    hub.ends(hub.send(text="one"), "SENT")

    code, said, wrong = run(hub, "status")
    fields = dict(re.split(r" {2,}", line, maxsplit=1) for line in said.splitlines())

    assert (0, "yes", "1 of 1 up") == (code, fields["takes texts"], fields["connectors"]), wrong
    assert f"127.0.0.1:{hub.port}" in said
    assert 1 == json.loads(run(hub, "status", "--json")[1])["figures"]["accepted"][0]["count"]
