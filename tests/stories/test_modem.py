"""A whole hub with GSM modems, simulated by the command that users have: texts out, texts in, USSD, re-plugging."""

import os
import subprocess
from types import SimpleNamespace

import pytest

from fixtures_console import Person

CONNECTOR = """\
[accounts.meter]
password = "meter-password"
ussd = true

[connectors.gsm]
type = "modem"
ports = ["{folder}/one", "{folder}/two"]
retry = 0.1
poll = 0.5
send_timeout = 3
pin = "file:{folder}/pin"
"""


class Stick:
    """A modem that is plugged in: `smshub simulate modem` in a process of its own."""

    def __init__(self, command, folder, name):
        self.command = [*command, "simulate", "modem", "--link", str(folder / name)]
        self.link = folder / name
        self.log = folder / f"{name}.log"
        self.process = None

    def plug(self, *options):
        """Start it."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen([*self.command, *options], stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def pull(self):
        """End it, as a stick that is pulled out: nothing is said goodbye to."""
        if self.process is not None:
            self.process.kill()
            self.process.wait(10)
            self.process = None
            self.link.unlink(missing_ok=True)

    @property
    def texts(self):
        """What it has sent, a line for each text."""
        return [line for line in self.log.read_text().splitlines() if line.startswith("-> ")]


@pytest.fixture(scope="module")
def gsm(make_shared_hub, words, tmp_path_factory):
    """Give a hub with two modems, of which one's SIM wants a PIN and holds a text."""
    folder = tmp_path_factory.mktemp("sticks")
    (folder / "pin").write_text("4711\n")
    (folder / "pin").chmod(0o600)
    one, two = Stick(words.command, folder, "one"), Stick(words.command, folder, "two")
    one.plug("--pin-file", str(folder / "pin"), "--incoming", "+491707654321=Is anybody there? " + "☺" * 80)
    two.plug()
    hub = make_shared_hub(words.accounts + CONNECTOR.format(folder=folder) + words.route("gsm"))
    made = SimpleNamespace(hub=hub, one=one, two=two, wait_for=words.wait_for, admin=words.admin, words=words)
    both(made)
    yield made
    one.pull()
    two.pull()


def modems(gsm, user=None):
    """List the modems over /v1."""
    return gsm.hub.call("GET", "/v1/modems", user=user or gsm.admin).json["modems"]


def both(gsm):
    """Wait until both modems are registered."""
    gsm.wait_for(lambda: [True, True] == [one["connected"] for one in modems(gsm)], 20)


def ask(gsm, document, user):
    """Ask the OTP-Pi door."""
    return gsm.hub.call("POST", "/api/modem", document, user=user).json


def run(gsm, *words, user):
    """Run the command line as one of the accounts."""
    name, _, password = user.partition(":")
    env = {**os.environ, "SMSHUB_URL": gsm.hub.url, "SMSHUB_USERNAME": name, "SMSHUB_PASSWORD": password}
    done = subprocess.run(
        [*gsm.words.command, *words],
        env=env,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        cwd=gsm.hub.folder,
    )
    return done.returncode, done.stdout + done.stderr


def test_texts_leave_by_both_modems_and_are_reported_delivered(gsm):
    """Short, long, flash; the report of each segment finds its text."""
    both(gsm)
    ids = [gsm.hub.send(text=f"By modem, number {number}") for number in range(4)]
    ids.append(gsm.hub.send(text="Grüße ☺ " * 20, type="flash"))

    for message_id in ids:
        gsm.hub.ends(message_id)

    sent = gsm.one.texts + gsm.two.texts
    numbered = {f"-> +491701234567: By modem, number {number}" for number in range(4)}
    assert {*numbered, "-> +491701234567 flash (3 segments): " + "Grüße ☺ " * 20} == set(sent)
    assert 5 == len(sent)
    assert gsm.one.texts
    assert gsm.two.texts


def test_a_text_that_came_in_is_listed_and_dropped(gsm):
    """Over /v1 and by the command line, for those who see everything."""
    (text,) = gsm.wait_for(lambda: gsm.hub.call("GET", "/v1/incoming", user=gsm.admin).json["texts"])

    assert ("491707654321", "gsm-1", "gsm") == (text["sender"], text["to"], text["connector"])
    assert "Is anybody there? " + "☺" * 80 == text["text"]
    assert 403 == gsm.hub.call("GET", "/v1/incoming").status
    assert 403 == gsm.hub.call("DELETE", f"/v1/incoming/{text['id']}").status
    assert 400 == gsm.hub.call("GET", "/v1/incoming?state=SENT", user=gsm.admin).status
    status, out = run(gsm, "inbox", "list", user=gsm.admin)
    assert (0, True) == (status, "Is anybody there?" in out and text["id"] in out)

    assert (0, "it is dropped\n") == run(gsm, "inbox", "drop", text["id"], user=gsm.admin)
    assert {"texts": [], "next": None} == gsm.hub.call("GET", "/v1/incoming", user=gsm.admin).json
    assert 404 == gsm.hub.call("DELETE", f"/v1/incoming/{text['id']}", user=gsm.admin).status


def test_modems_are_listed_in_otp_pis_words(gsm):
    """With exactly its keys; who they are is told to those who may know."""
    both(gsm)
    whole = ask(gsm, {"command": "get-modem-list"}, gsm.admin)
    narrow = ask(gsm, {"command": "get-modem-list"}, "shop:shop-password")

    assert ("get-modem-list", "0000") == (whole["command"], whole["response_code"])
    assert ["gsm-1", "gsm-2"] == list(whole["data"]["modem_list"]) == list(narrow["data"]["modem_list"])
    keys = (
        "id name port imei imsi iccid smsCenter copsOperator active connected defaultModem internetAccess "
        "internetConnected signalStrength"
    )
    modem = whole["data"]["modem_list"]["gsm-1"]
    assert (set(keys.split()), {"value", "rssi", "ber", "condition", "class"}) == (
        set(modem),
        set(modem["signalStrength"]),
    )
    assert ("490154203237518", True, "Simulated") == (modem["imei"], modem["connected"], modem["copsOperator"])
    assert ("", "", True) == tuple(narrow["data"]["modem_list"]["gsm-1"][key] for key in ("imei", "port", "connected"))


@pytest.mark.parametrize("user", ["admin:admin-password", "meter:meter-password"])
def test_ussd_is_answered(gsm, user):
    """To an operator and to who has the setting; at OTP-Pi's door, over /v1, and on the command line."""
    both(gsm)
    asked = {"command": "request-ussd", "data": {"ussd_code": "*100#", "modem_id": "gsm-2"}}
    raw = "Your balance is 12.34 EUR".encode("utf-16-be").hex().upper()
    content = {"ussd_content": "Your balance is 12.34 EUR", "ussd_content_raw": raw, "replyable": False}

    assert {"command": "request-ussd", "response_code": "0000", "data": content} == ask(gsm, asked, user)
    answer = gsm.hub.call("POST", "/v1/ussd", {"code": "*101#"}, user=user)
    assert (200, {"content": "1) yes\n2) no", "raw": answer.json["raw"], "replyable": True}) == (
        answer.status,
        answer.json,
    )
    assert (0, "Your balance is 12.34 EUR\n") == run(gsm, "modem", "ussd", "*100#", "--modem", "gsm-1", user=user)


@pytest.mark.parametrize(
    ("user", "data", "error"),
    [
        ("shop:shop-password", {"ussd_code": "*100#"}, "This account may not do that."),
        ("admin:admin-password", {"ussd_code": "*999#"}, "The USSD code was not answered: the network does not know"),
        ("admin:admin-password", {"ussd_code": "*100#", "modem_id": "no"}, "There is no modem 'no'."),
        ("admin:admin-password", {"ussd_code": '*1#",15\rATD112;'}, "The USSD code cannot be sent"),
        ("admin:admin-password", {}, "The USSD code cannot be sent"),
    ],
)
def test_ussd_that_fails_is_1102(gsm, user, data, error):
    """With empty data, as OTP-Pi has it."""
    both(gsm)
    answer = ask(gsm, {"command": "request-ussd", "data": data}, user)

    assert ("1102", {}) == (answer["response_code"], answer["data"])
    assert error in answer["error"]
    status = gsm.hub.call(
        "POST", "/v1/ussd", {"code": data.get("ussd_code", ""), "modem": data.get("modem_id")}, user=user
    )
    assert status.status in {400, 403, 404, 503}


def test_a_stick_that_is_pulled_out_and_plugged_in_again(gsm):
    """The other one goes on; without any the text waits, and leaves when one is back."""
    both(gsm)
    gsm.one.pull()
    gsm.wait_for(lambda: [False, True] == [one["connected"] for one in modems(gsm)])
    gsm.hub.ends(gsm.hub.send(text="One is enough"))
    assert "-> +491701234567: One is enough" in gsm.two.texts

    gsm.two.pull()
    gsm.wait_for(lambda: [False, False] == [one["connected"] for one in modems(gsm)])
    waiting = gsm.hub.send(text="None is there")
    status, out = run(gsm, "modem", "list", user=gsm.admin)
    assert (0, True) == (status, "cannot be opened" in out)
    assert "QUEUED" == gsm.hub.message(waiting)["state"]

    gsm.one.plug()
    gsm.two.plug()
    gsm.hub.ends(waiting, within=40)
    assert 1 == (gsm.one.texts + gsm.two.texts).count("-> +491701234567: None is there")
    both(gsm)


def test_neither_pin_nor_text_is_in_the_log(gsm):
    """Nor who a modem or a SIM is."""
    assert "modem.ready" in gsm.hub.log
    for secret in (
        "4711",
        "Is anybody there",
        "By modem, number",
        "490154203237518",
        "262019876543210",
        "491707654321",
    ):
        assert secret not in gsm.hub.log


def test_the_console_shows_modems_and_asks_for_ussd(gsm):
    """Each with its signal; what the network says to a code, and that it says nothing."""
    both(gsm)
    ada = Person(gsm.hub)
    ada.set_up()

    page = ada.look("/modems").words
    answered = ada.send("/modems/ussd", {"code": "*101#", "modem": "gsm-2"}, form="/modems")
    failed = ada.send("/modems/ussd", {"code": "*999#", "modem": ""}, form="/modems")

    assert ("gsm-1 gsm" in page, "gsm-2 gsm" in page, "dBm" in page) == (True, True, True)
    assert (200, True) == (answered.status, "1) yes 2) no" in answered.words)
    assert (503, True) == (failed.status, "the network does not know" in failed.words)
