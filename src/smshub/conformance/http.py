"""What a provider that is asked over HTTP must stand: its own answers, and every way in which a server can go wrong."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Self
from urllib.parse import quote

import structlog

from smshub.conformance.bench import PATIENCE, Bench
from smshub.conformance.cases import (
    NUMBER,
    TEXT,
    NotConforming,
    NotTried,
    Trial,
    Wanted,
    plain,
    told,
    want,
)
from smshub.conformance.certificate import own_certificate
from smshub.conformance.payloads import PAYLOADS
from smshub.conformance.server import Answer, CannedServer, Fault, Play, Seen
from smshub.connectors.base import connector_class
from smshub.domain.contracts import Connector
from smshub.domain.delivery import Accepted, Deferred, Outcome, Reason, Rejected, Uncertain
from smshub.settings import Secret, Settings

# A provider has these words, or its case says in `lacks` why not.
VOCABULARY = ("refused recipient", "refused content", "no credit", "bad credentials", "throttled")

# One text of several segments in each alphabet, and one that needs UCS-2 with a character outside its first plane.
LONG = "Ten characters and ten more. " * 30
UNICODE = "Grüße aus Köln: 你好, Привет, 🎉, “quoted” €"
QUICK = 0.4
NO: tuple[Wanted, ...] = (Deferred, Rejected, Uncertain)

PAGE = Answer(200, "<html><title>Sign in to the network</title></html>", {"Content-Type": "text/html"})


@dataclass(frozen=True, slots=True)
class Refusal:
    """A raw answer of the provider and what it means; `what` is a name of `VOCABULARY` or one of your own."""

    what: str
    answer: Answer
    outcome: Deferred | Rejected | Uncertain


def _among_values(seen: Seen, text: str) -> bool:
    return any(text in value for value in seen.values)


@dataclass(frozen=True, slots=True)
class HttpCase:
    """
    One provider over HTTP.

    `settings` is its table; `{url}` in any text of it is the address of the canned server. `accepted` is the raw yes
    and `refs` the ids in it (None: the message's own is told, another for each). `carries` says whether a request holds
    a text whole (by default: among the values of its query, form or JSON), `aside` answers requests that send nothing
    (a clock, a token). `lacks` names the trials that do not apply, each with the reason. `server_error` is what a 500
    must come to.

    A `lenient` case is that of a program whose words nobody knows: a no may be any no, and what does not ask the server
    is not tried. `quick` are the seconds after which a connector gives up where nobody answers.
    """

    name: str
    settings: Mapping[str, Any]
    accepted: Answer
    refs: tuple[str, ...] | None = ()
    refusals: Sequence[Refusal] = ()
    lacks: Mapping[str, str] = field(default_factory=dict)
    carries: Callable[[Seen, str], bool] = _among_values
    aside: Callable[[Seen], Answer | None] | None = None
    server_error: Wanted = Uncertain
    lenient: bool = False
    quick: float = QUICK
    payloads: Sequence[str] = PAYLOADS

    def connector(self, url: str, **more: Any) -> Connector:
        """Make the connector that speaks to an address; `more` are further settings, where its class has them."""
        found = connector_class(str(self.settings["type"]))
        fields = found.settings_class.model_fields
        table = {**_filled(self.settings, url), **{key: value for key, value in more.items() if key in fields}}
        made: Connector = found(self.name, found.settings_class.model_validate(table))
        return made

    @asynccontextmanager
    async def at(self, *plays: Play, **more: Any) -> AsyncIterator[tuple[Bench, CannedServer]]:
        """Give the connector at work beside a server that plays these."""
        async with CannedServer(*plays, aside=self.aside) as server, Bench(self.connector(server.url, **more)) as bench:
            yield bench, server

    def trials(self) -> Sequence[Trial]:
        """Give everything that is tried."""
        texts = {"unicode": [UNICODE], "long text": [LONG], "injection payloads": self.payloads}
        faults: dict[str, tuple[Play, tuple[Wanted, ...], dict[str, Any]]] = {
            "silence after the request": (Fault.SILENCE, (Uncertain,), {"timeout": self.quick}),
            "closed without an answer": (Fault.DROP, (Uncertain,), {}),
            "an answer that breaks off": (Fault.BROKEN, (Uncertain,), {}),
            "garbage": (Fault.GARBAGE, (Uncertain,), {}),
            "an answer without end": (Fault.HUGE, (Uncertain,), {}),
            "status 500": (Answer(500, "oops"), (self.server_error,), {}),
            "status 502": (Answer(502, "oops"), (Uncertain, Deferred), {}),
            "status 503": (Answer(503, "oops"), (Deferred, Uncertain), {}),
            "status 429": (Answer(429, ""), (Deferred(Reason.THROTTLED),), {}),
            "status 429 with Retry-After": (
                Answer(429, "", {"Retry-After": "7"}),
                (Deferred(Reason.THROTTLED, retry_after=7.0),),
                {},
            ),
            "status 401": (Answer(401, ""), (Deferred(Reason.BAD_CREDENTIALS),), {}),
            "redirect": (Answer(302, "", {"Location": "/elsewhere"}), (Deferred,), {}),
            "a page of something else": (PAGE, (Uncertain, Deferred), {}),
            "an empty yes": (Answer(200, ""), (Uncertain, Deferred), {}),
        }
        return [
            Trial("vocabulary", self._vocabulary),
            Trial("accepted", self._accepted),
            *(Trial(one.what, self._unless(one.what, partial(self._refusal, one))) for one in self.refusals),
            *(
                Trial(what, self._unless(what, partial(self._fault, play, wanted, more)))
                for what, (play, wanted, more) in faults.items()
            ),
            *(Trial(what, self._unless(what, partial(self._texts, some))) for what, some in texts.items()),
            Trial("refused connection", self._unless("refused connection", self._unreachable)),
            Trial("wrong certificate", self._unless("wrong certificate", self._certificate)),
            Trial("flash", self._unless("flash", self._flash)),
            Trial("many at once", self._unless("many at once", self._many)),
            Trial("secrets", self._unless("secrets", self._secrets)),
            Trial("stopped in flight", self._unless("stopped in flight", self._stopped)),
        ]

    def _unless(self, what: str, play: Callable[[Path], Any]) -> Callable[[Path], Any]:
        """Leave a trial out where the case says why it does not apply."""
        if what not in self.lacks:
            return play

        async def left_out(folder: Path) -> str:
            raise NotTried(self.lacks[what])

        return left_out

    def _yes(self, came: Outcome) -> str:
        """Want the yes; where nobody knows its ids, any yes."""
        return want(came, Accepted if self.lenient or self.refs is None else Accepted(self.refs))

    def _asked(self, server: CannedServer) -> None:
        """Leave the trial where the program speaks to somebody else."""
        if self.lenient and not server.seen:
            raise NotTried("it did not ask the server whose address it was given")

    async def _vocabulary(self, folder: Path) -> str:
        if self.lenient:
            raise NotTried("nobody knows its words")
        missing = set(VOCABULARY) - {one.what for one in self.refusals} - self.lacks.keys()
        if missing:
            raise NotConforming(
                f"the case has no answer for {', '.join(sorted(missing))}; give one or say why in lacks"
            )
        return f"{len(self.refusals)} refusals"

    async def _accepted(self, folder: Path) -> str:
        async with self.at(self.accepted) as (bench, server):
            came = self._yes(await bench.send(plain()))
            self._asked(server)
            _once(server)
            if not self.carries(server.seen[0], TEXT):
                raise NotConforming("the request does not hold the text; `carries` says how to find it")
            if NUMBER[2:] not in "".join(c for c in server.seen[0].text if c.isalnum()):
                raise NotConforming("the request does not hold the number")
            return came

    async def _refusal(self, refusal: Refusal, folder: Path) -> str:
        async with self.at(refusal.answer) as (bench, server):
            came = want(await bench.send(plain()), refusal.outcome)
            _once(server)
            return came

    async def _fault(self, play: Play, wanted: tuple[Wanted, ...], more: dict[str, Any], folder: Path) -> str:
        """Play a fault, then a yes: each is the answer to its own message, and each request is written once."""
        async with self.at(play, self.accepted, **more) as (bench, server):
            first = await bench.send(plain(text="The first"))
            self._asked(server)
            came = want(first, *(wanted if not self.lenient or wanted == (Uncertain,) else NO))
            self._yes(await bench.send(plain(id="second", text="The second")))
            if [self.carries(seen, "The first") for seen in server.seen] != [True, False]:
                raise NotConforming(f"{len(server.seen)} requests came for two messages, or not in their order")
            return came

    async def _texts(self, texts: Sequence[str], folder: Path) -> str:
        """Send texts: each arrives whole, and none is taken for anything else."""
        async with self.at(self.accepted) as (bench, server):
            for place, text in enumerate(texts):
                self._yes(await bench.send(plain(id=f"m{place}", text=text)))
                self._asked(server)
                if len(server.seen) != place + 1 or not self.carries(server.seen[-1], text):
                    raise NotConforming(f"the text {text!r} did not arrive whole in one request")
        return f"{len(texts)} arrived whole"

    async def _unreachable(self, folder: Path) -> str:
        async with CannedServer(self.accepted) as server:
            closed = server.url
        async with Bench(self.connector(closed)) as bench:
            came = await bench.send(plain())
            if self.lenient and isinstance(came, Accepted):
                raise NotTried("it did not ask the server whose address it was given")
            return want(came, *(NO if self.lenient else [Deferred(Reason.UNREACHABLE)]))

    async def _certificate(self, folder: Path) -> str:
        context = own_certificate(folder)
        async with (
            CannedServer(self.accepted, aside=self.aside, tls=context) as server,
            Bench(self.connector(server.url)) as bench,
        ):
            came = await bench.send(plain())
            if server.seen:
                raise NotConforming("a request was written to a server that nobody vouches for")
            if self.lenient and isinstance(came, Accepted):
                raise NotTried("it did not ask the server whose address it was given")
            return want(came, *(NO if self.lenient else [Deferred(Reason.UNREACHABLE)]))

    async def _flash(self, folder: Path) -> str:
        async with self.at(self.accepted) as (bench, server):
            if not bench.connector.capabilities.flash:
                raise NotTried("it does not claim that it can")
            for flash in (False, True):
                self._yes(await bench.send(plain(flash=flash)))
                self._asked(server)
            if server.seen[0].text == server.seen[1].text:
                raise NotConforming("it claims flash, and writes the same request for it")
            return "the request differs"

    async def _many(self, folder: Path) -> str:
        async with self.at(self.accepted) as (bench, server):
            await asyncio.gather(*(bench.send(plain(id=f"m{n}", text=f"Text {n}.")) for n in range(20)))
            self._asked(server)
            for n in range(20):
                if sum(self.carries(seen, f"Text {n}.") for seen in server.seen) != 1:
                    raise NotConforming(f"text {n} of 20 sent at once did not arrive once")
        return "20 arrived once each"

    async def _secrets(self, folder: Path) -> str:
        """Let the provider echo all it was sent, and look for secrets in everything that is told of it."""
        with _Log() as log, structlog.testing.capture_logs() as events:
            for status in (200, 400, 403):
                async with self.at(partial(_echo, status)) as (bench, _):
                    message = plain()
                    outcome = await bench.send(message)
                    connector: Any = bench.connector
                    lines = [told(outcome), repr(outcome), repr(connector.settings), repr(connector), repr(message.id)]
                    _hidden(
                        [*lines, *log.lines, *map(repr, events)],
                        [*_secrets(connector.settings), TEXT, NUMBER, "918273"],
                    )
        return "none told"

    async def _stopped(self, folder: Path) -> str:
        async with self.at(Fault.SILENCE) as (bench, server):
            await bench.ready()
            if hasattr(bench.connector, "grace"):
                bench.connector.grace = 0.05
            settled = bench.submit(plain())
            try:
                await asyncio.wait_for(server.arrived.acquire(), PATIENCE if not self.lenient else self.quick)
            except TimeoutError:
                self._asked(server)
                raise NotConforming("no request came") from None
            await bench.stop()
            return want(settled.result(), Uncertain)


class _Log(logging.Handler):
    """Keeps what the hub logs within a block, down to the last detail."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.lines: list[str] = []
        self._level = logging.NOTSET

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(self.format(record))

    def __enter__(self) -> Self:
        logger = logging.getLogger("smshub")
        self._level = logger.level
        logger.setLevel(logging.DEBUG)
        logger.addHandler(self)
        return self

    def __exit__(self, *rest: object) -> None:
        logger = logging.getLogger("smshub")
        logger.removeHandler(self)
        logger.setLevel(self._level)


def _echo(status: int, seen: Seen) -> Answer:
    return Answer(status, seen.text)


def _once(server: CannedServer) -> None:
    if len(server.seen) != 1:
        raise NotConforming(f"{len(server.seen)} requests were written for one message")


def _hidden(lines: Iterable[str], secrets: Iterable[str]) -> None:
    for secret in secrets:
        for line in lines:
            if secret in line or quote(secret, safe="") in line:
                raise NotConforming(f"something private is told: {line.replace(secret, '<<it>>')[:200]}")


def _secrets(settings: Any) -> Iterable[str]:
    """Give every secret of the settings that is long enough to be told from a word."""
    match settings:
        case Secret():
            yield from [value for value in [settings.reveal()] if len(value) > 3]
        case Settings():
            yield from _secrets(dict(settings))
        case dict():
            yield from (secret for item in settings.values() for secret in _secrets(item))
        case list() | tuple():
            yield from (secret for item in settings for secret in _secrets(item))


def _filled(value: Any, url: str) -> Any:
    match value:
        case str():
            return value.replace("{url}", url)
        case Mapping():
            return {key: _filled(item, url) for key, item in value.items()}
        case list() | tuple():
            return [_filled(item, url) for item in value]
        case _:
            return value
