"""The configuration: what is wrong is told with its place and its mend, what changes is taken over without a pause."""

import json

import pytest

WRONG = """\
tls = {{ listen = "127.0.0.1:{port}", certificate = "smshub.toml", key = "smshub.toml" }}

[accounts.shop]
passwort = "x"

[accounts.bank]
password = "env:NOBODY_SET_THIS"

[connectors.smsc]
type = "smpp"
host = "127.0.0.1"

[connectors.fax]
type = "facsimile"

[[routes]]
prefixes = [""]
connectors = ["smcs"]
"""


@pytest.fixture
def wrong(make_hub):
    """A hub whose file has many faults; it is not started."""
    hub = make_hub(start=False)
    hub.configure("", WRONG.format(port=hub.port))
    return hub


@pytest.mark.parametrize("words", [("config", "check"), ("serve",)], ids=" ".join)
def test_every_fault_is_a_line_with_its_place_and_its_mend(wrong, words):
    """`config check` and `serve` tell the same: the file's line, the key, what is wrong, what to do; status 2."""
    done = wrong.run(*words, "--config", "smshub.toml")

    assert (2, "") == (done.returncode, done.stdout)
    told = done.stderr.splitlines()
    listen, unset = f"127.0.0.1:{wrong.port}", "the environment variable NOBODY_SET_THIS is not set"
    for wanted in (
        f"smshub.toml:4: server.tls.listen: overlaps server.listen ({listen}). Give it a port of its own.",
        "smshub.toml:7: accounts.shop.passwort: unknown key. Did you mean 'password'?",
        f"smshub.toml:10: accounts.bank.password: {unset}. Set it: export NOBODY_SET_THIS=...",
        "smshub.toml:21: routes[0].connectors[0]: there is no connector 'smcs'. Did you mean 'smsc'?",
    ):
        assert wanted in told
    assert 1 == sum("connectors.fax.type" in line and "facsimile" in line for line in told)
    assert not (wrong.folder / "hub.db").exists()


def test_a_port_that_is_taken_is_told_in_a_line(make_hub, make_smsc, words):
    """The hub ends with status 1 and a sentence, not with a traceback."""
    smsc = make_smsc()
    hub = make_hub(start=False)
    hub.port = smsc.port
    hub.configure(words.accounts)

    assert 1 == hub.spawn().wait(20)
    assert "smshub: the hub cannot start: Address already in use" in hub.log.splitlines()[-1]


def test_a_reload_changes_what_changed_and_nothing_else(make_hub, make_smsc, words):
    """SIGHUP takes over a new connector and route; the bind that did not change is the same link as before."""
    first, second = make_smsc(), make_smsc()
    before = words.accounts + words.smpp("first", first.port) + words.route("first")
    hub = make_hub(before)
    hub.bound("first")
    links = set(first.simulator.links)
    hub.ends(hub.send("+436601234567", "before"))

    after = before + words.smpp("second", second.port) + '[[routes]]\nprefixes = ["43"]\nconnectors = ["second"]\n'
    hub.configure(after)
    planned = hub.run("config", "plan", "--config", str(hub.config)).stdout
    as_json = json.loads(hub.run("config", "plan", "--json", "--config", str(hub.config)).stdout)
    hub.reload()
    hub.bound("second")

    hub.ends(hub.send("+436601234567", "after"))
    hub.ends(hub.send("+491701234567", "as ever"))
    assert ["ACME -> 436601234567: before", "ACME -> 491701234567: as ever"] == first.texts
    assert ["ACME -> 436601234567: after"] == second.texts
    assert links == set(first.simulator.links)
    assert 1 == len(links)
    assert ["second", "43"] == [word for word in ("second", "43", "first") if word in planned]
    assert [("add", "connectors", "second"), ("add", "routes", "43")] == sorted(
        (one["action"], one["kind"], one["name"]) for one in as_json["changes"]
    )

    # A file that cannot work changes nothing, and says why.
    hub.configure(after.replace("[connectors.first]", "[connectors.first]\ncolour = 'red'"))
    hub.reload()
    assert "connectors.first.colour" in hub.log
    hub.ends(hub.send("+491701234567", "still there"))
    assert links == set(first.simulator.links)

    # A connector that is gone takes its link with it; what was behind it goes the other way.
    hub.configure(before)
    hub.reload()
    words.wait_for(lambda: not second.simulator.links)
    hub.ends(hub.send("+436601234567", "back again"))
    assert "ACME -> 436601234567: back again" == first.texts[-1]


def test_objects_made_over_the_api_survive_and_those_of_the_file_stay(make_hub, make_smsc, words):
    """A connector, a route and an account made with PUT work at once and after a restart; the file's are refused."""
    first, second = make_smsc(), make_smsc(system_id="hub", password="s3cret")
    hub = make_hub(words.accounts + words.smpp("first", first.port) + words.route("first"))
    hub.bound("first")

    def put(path, body):
        return hub.call("PUT", f"/v1/{path}", body, user=words.admin)

    made = {"type": "smpp", "host": "127.0.0.1", "port": second.port, "system_id": "hub", "password": "s3cret"}
    assert 200 == put("connectors/second", made).status
    assert 200 == put("routes/austria", {"prefixes": ["43"], "connectors": ["second"]}).status
    assert 200 == put("accounts/clinic", {"password": "clinic-password", "originator": "Clinic"}).status
    hub.bound("second")
    hub.ends(hub.send("+436601234567", "made by hand", user="clinic:clinic-password"))

    for path, body in (
        ("connectors/first", {**made, "port": 1}),
        ("routes/default", {"prefixes": [""], "connectors": ["second"]}),
        ("accounts/shop", {"password": "stolen"}),
    ):
        answer = put(path, body)
        assert (409, "Declared") == (answer.status, answer.json["error"])
        assert "smshub.toml" in answer.json["detail"]
    assert 409 == hub.call("DELETE", "/v1/accounts/shop", user=words.admin).status
    in_use = hub.call("DELETE", "/v1/connectors/second", user=words.admin)
    assert (409, "InUse") == (in_use.status, in_use.json["error"])
    bad = put("connectors/third", {"type": "smpp", "hots": "127.0.0.1"})
    assert (400, "BadObject") == (bad.status, bad.json["error"])
    assert "hots" in bad.json["detail"]

    shown = hub.call("GET", "/v1/connectors/second", user=words.admin)
    assert b"s3cret" not in shown.body
    assert 0 == hub.stop()
    hub.start()
    hub.bound("first", "second")
    hub.ends(hub.send("+436601234567", "after the night", user="clinic:clinic-password"))
    assert ["Clinic -> 436601234567: made by hand", "Clinic -> 436601234567: after the night"] == second.texts
    assert {"first": "file", "second": "database"} == {name: one["origin"] for name, one in hub.connectors().items()}

    for path in ("routes/austria", "connectors/second", "accounts/clinic"):
        assert 200 == hub.call("DELETE", f"/v1/{path}", user=words.admin).status
    words.wait_for(lambda: not second.simulator.links)
    assert 401 == hub.call("GET", "/v1/messages", user="clinic:clinic-password").status
