"""What doors on brokers share: when a document is acknowledged, answered, kept back and parked."""

import asyncio
import json

import pytest

from smshub.domain.accounts import Account
from smshub.domain.commands import Refusal, Refused, SendTexts, Submitted
from smshub.domain.message import Message
from smshub.domain.references import DIGESTED
from smshub.frontends.carriers.consumer import Consumer, Received, why_not_there
from smshub.frontends.carriers.frontend_settings import AmqpSettings
from smshub.frontends.dialects import otppi

SETTINGS = {
    "dialect": "otppi",
    "carrier": "amqp",
    "url": "amqp://127.0.0.1/",
    "topic": "sms",
    "account": "shop",
    "callback_topics": ["replies-*"],
}


class Answering:
    """A hub, a parking and a publisher whose every answer the test gives (the three contracts of a consumer)."""

    def __init__(self):
        self.commands = []
        self.answers = []
        self.published = []
        self.parked = []
        self.asked = asyncio.Event()
        self.gate = asyncio.Event()
        self.gate.set()

    async def handle(self, account, command):
        """Answer a command when the gate is open."""
        self.commands.append(command)
        self.asked.set()
        await self.gate.wait()
        answer = self.answers.pop(0) if self.answers else None
        if isinstance(answer, Exception):
            raise answer
        return Submitted((MESSAGE,))

    async def publish(self, topic, document):
        """Note an answer."""
        self.published.append((topic, json.loads(document)))

    async def park(self, frontend, document, tries, error):
        """Note what is parked."""
        self.parked.append((frontend, document, tries, error))


MESSAGE = Message(
    id="4711",
    submission="4711",
    account="shop",
    to="491701234567",
    to_written="+491701234567",
    text="Hello",
    created_at=0.0,
    due_at=0.0,
    expires_at=1.0,
    originator="",
    encoding="GSM7",
    segments=1,
    connector="log",
)


@pytest.fixture
def answering():
    """Give what answers."""
    return Answering()


@pytest.fixture
def consumer(answering):
    """Give a consumer before it."""
    made = Consumer(
        AmqpSettings(**SETTINGS),
        hub=answering,
        dialect=otppi,
        parking=answering,
        account=lambda: Account("shop"),
        catalogue=dict,
        topics={"sms"},
        draw=lambda: 0.0,
    )
    made.publisher = answering
    return made


def text(*, callback=None, **data):
    """Write a document."""
    document = {"command": "send-sms", "data": {"receiver": "+491701234567", "message": "Hello", **data}}
    return json.dumps(document | ({"callback_topic": callback, "callback_delay": 0} if callback else {})).encode()


class Taken(Received):
    """A document that notes when it is acknowledged."""

    def __init__(self, body, key=None):
        self.done = asyncio.Event()
        super().__init__(body, self._note, key)

    async def _note(self):
        self.done.set()

    async def is_done(self):
        """Wait until it is acknowledged."""
        async with asyncio.timeout(5):
            await self.done.wait()


async def test_a_document_is_acknowledged_after_the_commit_and_not_before(consumer, answering):
    """While the hub has not answered there is no acknowledgement; then there is one."""
    answering.gate.clear()
    taken = Taken(text())
    consumer.take(taken)
    await answering.asked.wait()

    assert (False, 1) == (taken.done.is_set(), consumer.in_flight)
    answering.gate.set()
    await taken.is_done()
    assert 1 == consumer.figures.taken


async def test_the_answer_goes_out_before_the_acknowledgement(consumer, answering):
    """Whoever is killed in between answers again, rather than never."""
    taken = Taken(text(callback="replies-1"))
    order = []
    answering.publish = lambda topic, document: noting(order, "answer")
    taken.acknowledge = lambda: noting(order, "acknowledgement")
    consumer.take(taken)
    await consumer.drain(5)

    assert ["answer", "acknowledgement"] == order


async def noting(order, word):
    """Note a word."""
    order.append(word)


async def test_a_refusal_is_an_answer(consumer, answering):
    """A refused text is acknowledged at once, and its caller is told."""
    answering.answers = [Refused(Refusal.NO_ROUTE, "NoRoute", value="1")]
    taken = Taken(text(callback="replies-1"))
    consumer.take(taken)
    await taken.is_done()

    assert [("replies-1", "1101")] == [(topic, answer["response_code"]) for topic, answer in answering.published]
    assert (1, 1, 0) == (consumer.figures.taken, consumer.figures.refused, consumer.figures.parked)


@pytest.mark.parametrize(
    "refused",
    [
        Refused(Refusal.UNAVAILABLE, "StoreUnavailable", retry_after=0.01),
        Refused(Refusal.LIMITED, "Limited", retry_after=0.01, seconds=1),
    ],
    ids=["the store is away", "the account is too fast"],
)
async def test_what_the_hub_cannot_take_now_is_kept_back(consumer, answering, refused, monkeypatch):
    """It is tried again with the same document until it is taken, and acknowledged only then."""
    monkeypatch.setattr("smshub.frontends.carriers.consumer.LONGEST_PAUSE", 0.01)
    answering.answers = [refused, refused]
    taken = Taken(text())
    consumer.take(taken)
    await taken.is_done()

    assert (3, 0) == (len(answering.commands), consumer.figures.refused)


async def test_a_code_that_is_delivered_again_is_known_by_its_broker(consumer, answering):
    """Where the document has nothing to tell it by, what the broker calls it is its key: it gets the first answer."""
    request = {"command": "request-otp", "data": {"receiver": "1", "reference": "r", "message": "%s"}}
    check = {"command": "verify-otp", "data": {"receiver": "1", "reference": "r", "otp": "123456"}}
    for document in (request, check, {**request, "data": {**request["data"], "id": 7}}):
        taken = Taken(json.dumps(document).encode())
        taken.key = "known-by-7"
        consumer.take(taken)
        await taken.is_done()

    keys = [command.key for command in answering.commands]
    assert ["known-by-7", "known-by-7"] == keys[:2]
    assert keys[2].startswith(DIGESTED)


async def test_a_refusal_for_good_is_answered(consumer, answering):
    """What nobody will ever do is not kept back."""
    document = {"command": "reboot", "data": {}, "callback_topic": "replies-1"}
    taken = Taken(json.dumps(document).encode())
    consumer.take(taken)
    await taken.is_done()

    assert ["1102"] == [answer["response_code"] for _, answer in answering.published]


@pytest.mark.parametrize("body", [b"", b"\xff\xfe\x00", b"[1, 2]", b"{", b'"' + b"x" * 70_000 + b'"'])
async def test_what_cannot_be_read_is_parked_after_five_tries(consumer, answering, body):
    """It is acknowledged when it stands in the list of the parked, as it came."""
    taken = Taken(body)
    consumer.take(taken)
    await taken.is_done()

    assert [("amqp-sms", body, 5)] == [parked[:3] for parked in answering.parked]
    assert (1, []) == (consumer.figures.parked, answering.commands)


async def test_a_document_at_which_the_hub_fails_is_parked_after_five_tries(consumer, answering, monkeypatch):
    """A fault of ours does not go round for ever, and those behind it go on."""
    monkeypatch.setattr("smshub.frontends.carriers.consumer.LONGEST_PAUSE", 0.01)
    answering.answers = [KeyError("oops")] * 5
    taken = Taken(text())
    consumer.take(taken)
    await taken.is_done()
    behind = Taken(text())
    consumer.take(behind)
    await behind.is_done()

    assert [(5, "KeyError: 'oops'")] == [parked[2:] for parked in answering.parked]
    assert 6 == len(answering.commands)


async def test_what_cannot_be_parked_stays_with_the_broker(consumer, answering):
    """While the database is away nothing is acknowledged; when the door stops the broker has it still."""
    tried = asyncio.Event()

    async def park(*_):
        tried.set()
        raise OSError

    answering.park = park
    taken = Taken(b"{")
    consumer.take(taken)
    await tried.wait()
    await consumer.drain(5)

    assert (False, 0) == (taken.done.is_set(), consumer.figures.taken)


async def test_the_key_of_the_broker_is_used_where_the_document_has_none(consumer, answering):
    """A message-id is the reference, but an id or time in the document comes first."""
    for body in (text(), text(id="1")):
        taken = Taken(body, key="order 4711")
        consumer.take(taken)
        await taken.is_done()

    first, second = [command.reference for command in answering.commands if isinstance(command, SendTexts)]
    assert "order 4711" == first
    assert second not in {None, first}


async def test_a_door_that_stops_takes_nothing_more(consumer, answering):
    """What comes while it stops is left to the broker."""
    await consumer.drain(1)
    taken = Taken(text())
    consumer.take(taken)

    assert (0, 0, False) == (consumer.in_flight, consumer.room, taken.done.is_set())


@pytest.mark.parametrize(
    ("topic", "why"),
    [
        ("replies-1", None),
        ("only", None),
        ("onlyy", "it is not among callback_topics"),
        ("other", "it is not among callback_topics"),
        ("sms", "documents are taken from it"),
        ("sms:processing:hub", "documents are taken from it"),
        ("$SYS/broker", "it cannot be the name of a topic"),
        ("replies-#", "it cannot be the name of a topic"),
        ("replies-+", "it cannot be the name of a topic"),
        ("replies-*", "it cannot be the name of a topic"),
        ("replies-\n", "it cannot be the name of a topic"),
        ("amq.direct", "it cannot be the name of a topic"),
        ("replies-" + "x" * 200, "it cannot be the name of a topic"),
    ],
)
def test_where_answers_may_go(topic, why):
    """Only to topics of the list, never to patterns, the broker's own, or back to ourselves."""
    assert why == why_not_there(topic, ["replies-*", "only", "sms"], {"sms"})


async def test_an_answer_to_another_topic_is_not_sent(consumer, answering):
    """The text is sent all the same; the door counts and tells what it did not answer."""
    taken = Taken(text(callback="elsewhere"))
    consumer.take(taken)
    await taken.is_done()

    assert ([], 1, 1) == (answering.published, consumer.figures.unanswered, len(answering.commands))
    assert "no answer to 'elsewhere': it is not among callback_topics" == consumer.trouble
