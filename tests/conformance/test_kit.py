"""The kit has teeth: a connector that breaks the contract in one way fails in that way."""

import json
import urllib.parse

import pytest

from smshub.conformance import Answer, Bench, HttpCase, NotConforming, Refusal, agrees, failures, plain, told
from smshub.connectors.exchange import Request
from smshub.connectors.httpbase import HttpSender, ProviderSettings
from smshub.domain.contracts import Capabilities, ConnectorState
from smshub.domain.delivery import Accepted, Deferred, Reason, Rejected, Uncertain
from smshub.settings import Secret, setting


class Settings(ProviderSettings):
    """One account."""

    url: str = setting("Address.")
    token: Secret = setting("Token.")


class Sound(HttpSender):
    """One that conforms but for what a test breaks."""

    settings_class = Settings

    def request(self, message):
        """Make a form."""
        fields = {"to": message.to, "text": message.text, "token": self.reveal(self.settings.token)}
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        return Request("POST", self.settings.url, headers, urllib.parse.urlencode(fields).encode())

    def outcome(self, message, response):
        """Read `OK ID`."""
        from smshub.connectors.exchange import by_status  # noqa: PLC0415

        if response.status == 200 and response.text.startswith("OK "):
            return Accepted((response.text[3:],))
        return by_status(response) if response.status != 200 else Uncertain()


class Twice(Sound):
    """Sends each text again where the first try failed."""

    async def send(self, message):
        """Try twice."""
        outcome = await super().send(message)
        return outcome if isinstance(outcome, Accepted) else await super().send(message)


class Chatty(Sound):
    """Tells what the provider said without masking it."""

    def _told(self, outcome, message):
        return outcome

    def outcome(self, message, response):
        """Keep all words."""
        return Deferred(Reason.UNKNOWN, None, response.text) if response.status >= 400 else Uncertain()


class Cutting(Sound):
    """Sends the first 160 characters."""

    def request(self, message):
        """Cut."""
        return super().request(plain(text=message.text[:160], to=message.to))


class Claiming(Sound):
    """Claims flash."""

    capabilities = Capabilities(flash=True)


class Trusting(Sound):
    """Believes any certificate."""

    def __init__(self, name, settings):
        super().__init__(name, settings.model_copy(update={"check_ssl": False}))


@pytest.fixture
def case(monkeypatch):
    """Give the case of one of these classes."""

    def make(found, **more):
        monkeypatch.setattr("smshub.conformance.http.connector_class", lambda name: found)
        lacks = dict.fromkeys(["refused recipient", "refused content", "no credit", "throttled"], "not here")
        refusals = [Refusal("bad credentials", Answer(401), Deferred(Reason.BAD_CREDENTIALS))]
        settings = {"type": "here", "url": "{url}/", "token": "t0psecret"}
        return HttpCase("here", settings, Answer(200, "OK 1"), ("1",), **{"refusals": refusals, "lacks": lacks, **more})

    return make


BROKEN = [
    (Sound, set()),
    (
        Twice,
        {
            "bad credentials",
            "silence after the request",
            "closed without an answer",
            "an answer that breaks off",
            "garbage",
            "an answer without end",
            "redirect",
            "a page of something else",
            "an empty yes",
            *(f"status {status}" for status in (401, 429, 500, 502, 503)),
            "status 429 with Retry-After",
        },
    ),
    (Cutting, {"long text"}),
    (Claiming, {"flash"}),
]


@pytest.mark.filterwarnings("ignore:connector here does not verify")
@pytest.mark.parametrize(("found", "wanted"), BROKEN, ids=[row[0].__name__ for row in BROKEN])
def test_a_connector_fails_where_it_is_broken(case, tmp_path, found, wanted):
    """In just those trials, and in no other."""
    assert wanted == {line.partition(":")[0] for line in failures(case(found), tmp_path)}


@pytest.mark.parametrize(
    ("found", "what", "why"),
    [
        (Chatty, "secrets", "something private is told"),
        (Trusting, "wrong certificate", "a request was written to a server that nobody vouches for"),
    ],
)
def test_what_is_told_or_trusted_too_freely_is_found(case, tmp_path, found, what, why):
    """And the line that says so does not tell it again."""
    told_of = [line for line in failures(case(found), tmp_path) if line.startswith(what)]

    assert [True] == [why in line and "t0psecret" not in line for line in told_of]


def test_a_case_without_the_providers_words_fails(case, tmp_path):
    """It has each of them or says why not."""
    told_of = failures(case(Sound, refusals=[], lacks={}), tmp_path)

    assert [True] == ["no credit, refused content, refused recipient" in line for line in told_of]


class Careless:
    """A connector that settles as often as it is told to, and raises where it must not."""

    name = "careless"
    capabilities = Capabilities()

    def __init__(self, times=1, *, raises=False):
        self.times = times
        self.raises = raises

    def room(self):
        """There always is."""
        return 1

    def state(self):
        """It always is up."""
        return ConnectorState(up=True)

    def submit(self, message, settle):
        """Settle."""
        if self.raises:
            raise RuntimeError
        for _ in range(self.times):
            settle(Accepted())

    async def run(self, events):
        """Live."""
        import asyncio  # noqa: PLC0415

        await asyncio.Event().wait()


@pytest.mark.parametrize(
    ("connector", "why"),
    [
        (Careless(2), "was settled twice"),
        (Careless(0), "1 messages were not settled"),
        (Careless(raises=True), "submit raised RuntimeError"),
    ],
)
async def test_the_bench_holds_a_connector_to_its_contract(connector, why):
    """Each message is settled once, and submit raises nothing."""
    with pytest.raises(NotConforming, match=why):
        async with Bench(connector) as bench:
            bench.submit(plain())


AGREE = [
    (Accepted(("a",)), Accepted(("a",), "words"), True),
    (Accepted(("a",)), Accepted(("b",)), False),
    (Accepted, Accepted(("b",)), True),
    (Deferred(Reason.THROTTLED), Deferred(Reason.THROTTLED, "7", "words", 3.0), True),
    (Deferred(Reason.THROTTLED, "8"), Deferred(Reason.THROTTLED, "7"), False),
    (Deferred(Reason.THROTTLED, retry_after=4.0), Deferred(Reason.THROTTLED, retry_after=3.0), False),
    (Rejected(Reason.BARRED), Deferred(Reason.BARRED), False),
    (Rejected(Reason.BARRED), Rejected(Reason.BARRED, "7"), True),
    (Uncertain(), Uncertain(Reason.CRASHED), True),
    (Uncertain, Rejected(Reason.BARRED), False),
]


@pytest.mark.parametrize(("wanted", "came", "same"), AGREE)
def test_what_a_case_leaves_open_is_not_compared(wanted, came, same):
    """Words never are, a code only where one is wanted."""
    assert same is agrees(wanted, came)


def test_an_outcome_is_told_in_words():
    """With its reason, the provider's code and what it asked for."""
    outcome = Deferred(Reason.THROTTLED, "E7", "slow down", 3.0)

    assert ("Deferred THROTTLED E7 after 3 s slow down", "Accepted a b") == (told(outcome), told(Accepted(("a", "b"))))


def test_payloads_are_texts_that_json_and_forms_can_carry():
    """None is half a character or a zero byte, so that a connector has no excuse."""
    from smshub.conformance import PAYLOADS  # noqa: PLC0415

    assert len(PAYLOADS) >= 200
    assert list(PAYLOADS) == [json.loads(json.dumps(text)) for text in PAYLOADS]
    assert not [text for text in PAYLOADS if "\0" in text or text.encode().decode() != text]
