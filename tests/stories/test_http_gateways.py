"""Three HTTP gateways, set up as privacyIDEA's documents write them, against a simulator in a process of its own."""

import contextlib
import re
import subprocess
from dataclasses import dataclass

import pytest

# The tables as an operator copies them from the documents, but for the address.
CLICKATELL = """\
HTTP_METHOD = "GET"
RETURN_SUCCESS = "ID"
[connectors.HERE.options]
user = "YOU"
password = "your password"
api_id = "12345"
text = "Your OTP value is {otp}"
to = "{phone}"
"""
GTX = """\
HTTP_METHOD = "GET"
CHECK_SSL = "yes"
RETURN_SUCCESS = "200 OK"
[connectors.HERE.options]
user = "account"
pass = "account password"
to = "{phone}"
text = "Your OTP value is {otp}."
"""
TWILIO = """\
HTTP_METHOD = "POST"
USERNAME = "AC0123456789"
PASSWORD = "your password"
[connectors.HERE.options]
From = "+15005550006"
Body = "{otp}"
To = "{phone}"
"""
# The provider as the simulator calls it, its path, its table, its prefix here, and the text that it is to show.
GATEWAYS = {
    "clickatell": ("/http/sendmsg", CLICKATELL, "491", "Your OTP value is {}", ""),
    "gtx": ("/smsc.php", GTX, "492", "Your OTP value is {}.", ""),
    "twilio": ("/2010-04-01/Accounts/AC0123456789/Messages", TWILIO, "493", "{}", "+15005550006"),
}
MODES = {"safe": "1", "exact": "2"}


def gateway(name, url, table, mode="safe"):
    """Write the table of one gateway."""
    return f'[connectors.{name}]\ntype = "http"\nURL = "{url}"\nmode = "{mode}"\n{table.replace("HERE", name)}'


@dataclass
class Provider:
    """The simulator's process; its output has a line for each text taken."""

    process: subprocess.Popen
    output: object

    @property
    def lines(self):
        """What it has printed."""
        return self.output.read_text().splitlines()


@contextlib.contextmanager
def provider(words, folder, *options):
    """Run `smshub simulate http` on a free port; give it and its address."""
    output = folder / "provider.log"
    with output.open("w") as written:
        process = subprocess.Popen([*words.command, "simulate", "http", "--port", "0", *options], stdout=written)
    try:
        running = Provider(process, output)
        words.wait_for(lambda: running.lines)
        [port] = re.findall(r"127\.0\.0\.1:(\d+);", running.lines[0])
        yield running, f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        assert 0 == process.wait(10)


@dataclass
class House:
    """A hub, the provider that takes everything, and the one that refuses its first request."""

    hub: object
    provider: Provider
    strict: Provider


@pytest.fixture(scope="module")
def house(make_shared_hub, words, tmp_path_factory):
    """Give a hub with each gateway in both modes, each reached by a prefix of its own, and the providers."""
    with (
        provider(words, tmp_path_factory.mktemp("provider")) as (running, url),
        provider(words, tmp_path_factory.mktemp("strict"), "--faults", "refuse 301; accept") as (strict, strict_url),
    ):
        tables = words.accounts + words.route("poor", "rich")
        tables += gateway("poor", f"{strict_url}/http/sendmsg", CLICKATELL)
        tables += gateway("rich", f"{strict_url}/smsc.php", GTX)
        for name, (path, table, prefix, _, _) in GATEWAYS.items():
            for mode, digit in MODES.items():
                tables += gateway(f"{name}-{mode}", url + path, table, mode)
                tables += f'[[routes]]\nprefixes = ["{prefix}{digit}"]\nconnectors = ["{name}-{mode}"]\n'
        yield House(make_shared_hub(tables), running, strict)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", GATEWAYS)
def test_a_recipe_works_as_it_is_written(house, words, name, mode):
    """The text leaves by the gateway with the words of the recipe around it, and the message is SENT."""
    _, _, prefix, around, sender = GATEWAYS[name]
    number = f"{prefix}{MODES[mode]}1234567"
    code = {"safe": "Grüße & 50 % = 012345", "exact": "654321"}[mode]

    message = house.hub.ends(house.hub.send(f"+{number}", code), "SENT")

    assert [(f"{name}-{mode}", "accepted")] == [(one["connector"], one["outcome"]) for one in message["attempts"]]
    line = f"{name}: to {number} from {sender or '-'}: {around.format(code)}"
    words.wait_for(lambda: line in house.provider.lines)
    assert 1 == house.provider.lines.count(line)


def test_a_gateway_that_refuses_hands_over_to_the_next(house):
    """Where the answer lacks RETURN_SUCCESS the text was not taken, and takes the next connector of the route."""
    message = house.hub.ends(house.hub.send("+436601234567", "482911"), "SENT")

    assert [("poor", "deferred"), ("rich", "accepted")] == [
        (one["connector"], one["outcome"]) for one in message["attempts"]
    ]
    assert "ERR: 301, No Credit Left" == message["attempts"][0]["detail"]
    assert ["gtx: to 436601234567 from -: Your OTP value is 482911."] == house.strict.lines[1:]
