"""SMPP, against the simulated message centre: what is an HTTP status elsewhere is a command_status here."""

import asyncio
from contextlib import asynccontextmanager
from functools import partial

from smshub.conformance import PAYLOADS, Bench, NotConforming, Trial, plain, want
from smshub.conformance.http import LONG, UNICODE
from smshub.connectors.smpp import Connector, SmppSettings
from smshub.domain.delivery import Accepted, Deferred, Reason, Rejected, Uncertain
from smshub.simulators.faults import Script
from smshub.simulators.smsc import SmscSimulator

PATIENCE = 10.0
SECRET = "t0psecre"

# What the message centre plays, and what a message must come to; then it takes the next one.
ANSWERS = {
    "refused recipient": ("refuse ESME_RINVDSTADR", Rejected(Reason.INVALID_RECIPIENT)),
    "refused content": ("refuse ESME_RINVMSGLEN", Rejected(Reason.CONTENT)),
    "bad sender": ("refuse ESME_RINVSRCADR", Rejected(Reason.INVALID_ORIGINATOR)),
    "throttled": ("throttle", Deferred(Reason.THROTTLED)),
    "full queue": ("refuse ESME_RMSGQFUL", Deferred(Reason.THROTTLED)),
    "system error": ("refuse ESME_RSYSERR", Deferred(Reason.TEMPORARY)),
    "no credit": ("refuse 0x45D", Deferred(Reason.NO_CREDIT)),
    "an unknown code": ("refuse 0x4FF", Deferred(Reason.UNKNOWN)),
    "silence after the submit": ("hang", Uncertain),
    "closed without an answer": ("drop", Uncertain),
    "garbage": ("garbage", Uncertain),
    "a second answer": ("duplicate", Accepted),
}


class SmppCase:
    """A link to one message centre."""

    name = "smpp"

    @asynccontextmanager
    async def at(self, script="accept", *, simulator=None, **settings):
        """Give the connector at work beside a message centre."""
        centre = simulator or SmscSimulator(Script.parse(f"{script}; receipt none"), system_id="hub", password=SECRET)
        port = await centre.start()
        try:
            async with Bench(self.connector(port, **settings)) as bench:
                yield bench, centre
        finally:
            await centre.stop()

    def connector(self, port, **settings):
        """Make the connector."""
        base = {"type": "smpp", "host": "127.0.0.1", "port": port, "system_id": "hub", "password": SECRET}
        quick = {"backoff_initial": 0.01, "backoff_max": 0.05, "grace": 0.05, "reasons": {"0x45D": "NO_CREDIT"}}
        return Connector(self.name, SmppSettings(**{**base, **quick, **settings}))

    def trials(self):
        """Give what is tried."""
        return [
            Trial("accepted", self._accepted),
            *(Trial(what, partial(self._answer, *row)) for what, row in ANSWERS.items()),
            Trial("unicode", partial(self._texts, [UNICODE])),
            Trial("long text", partial(self._texts, [LONG])),
            Trial("injection payloads", partial(self._texts, PAYLOADS)),
            Trial("refused connection", self._unreachable),
            Trial("bad credentials", self._unbound),
            Trial("wrong certificate", self._plain_where_tls_is_wanted),
            Trial("flash", self._flash),
            Trial("many at once", self._many),
            Trial("stopped in flight", self._stopped),
        ]

    async def _accepted(self, folder):
        async with self.at() as (bench, centre):
            came = want(await bench.send(plain()), Accepted(("00000001",)))
            told = [(one.source, one.to, one.text) for one in centre.received]
            if told != [("ACME", plain().to, plain().text)]:
                raise NotConforming(f"the message centre got {told}")
            return came

    async def _answer(self, script, wanted, folder):
        async with self.at(f"{script}; accept", response_timeout=0.4) as (bench, centre):
            came = want(await bench.send(plain(text="The first")), wanted)
            want(await bench.send(plain(id="second", text="The second")), Accepted)
            if [one.text for one in centre.received] != ["The first", "The second"]:
                raise NotConforming(f"{len(centre.received)} submits came for two messages")
            return came

    async def _texts(self, texts, folder):
        async with self.at() as (bench, centre):
            for text in texts:
                centre.received.clear()
                want(await bench.send(plain(text=text)), Accepted)
                if "".join(one.text for one in centre.received) != text:
                    raise NotConforming(f"the text {text!r} did not arrive whole")
        return f"{len(texts)} arrived whole"

    async def _unreachable(self, folder):
        centre = SmscSimulator()
        port = await centre.start()
        await centre.stop()
        return await self._down(self.connector(port))

    async def _unbound(self, folder):
        async with self.at(password="wr0ng") as (bench, _):
            return await self._down(bench.connector, bench)

    async def _plain_where_tls_is_wanted(self, folder):
        async with self.at(tls=True) as (bench, centre):
            came = await self._down(bench.connector, bench)
            if centre.received:
                raise NotConforming("it sent to a message centre that nobody vouches for")
            return came

    async def _down(self, connector, bench=None):
        """See that a link that cannot be had has no room, says why, and refuses what is handed to it all the same."""
        async with bench_of(connector, bench) as life:
            await life.until(lambda state: state.error is not None)
            if connector.room():
                raise NotConforming("it has room while it is down")
            if SECRET in f"{connector.state()}{connector.settings!r}":
                raise NotConforming("the password is told")
            return want(await asyncio.wait_for(life.submit(plain()), PATIENCE), Deferred)

    async def _flash(self, folder):
        async with self.at() as (bench, centre):
            for flash in (False, True):
                want(await bench.send(plain(flash=flash)), Accepted)
            codings = [one.pdu.fields["data_coding"] for one in centre.received]
            if codings[0] == codings[1]:
                raise NotConforming("it claims flash, and writes the same data_coding for it")
            return f"data_coding {codings}"

    async def _many(self, folder):
        async with self.at(window=5) as (bench, centre):
            outcomes = []
            for n in range(40):
                await bench.ready()
                outcomes.append(bench.submit(plain(id=f"m{n}", text=f"Text {n}.")))
            for outcome in await asyncio.wait_for(asyncio.gather(*outcomes), PATIENCE):
                want(outcome, Accepted)
            if sorted(one.text for one in centre.received) != sorted(f"Text {n}." for n in range(40)):
                raise NotConforming("40 texts did not arrive once each")
            return "40 arrived once each"

    async def _stopped(self, folder):
        came = asyncio.Event()
        script = Script.parse("hang")
        centre = SmscSimulator(script, system_id="hub", password=SECRET, show=lambda line: came.set())
        async with self.at(simulator=centre) as (bench, _):
            await bench.ready()
            settled = bench.submit(plain())
            await asyncio.wait_for(came.wait(), PATIENCE)
            await bench.stop()
            return want(settled.result(), Uncertain)


@asynccontextmanager
async def bench_of(connector, bench):
    """Give the bench that there is, or one for the connector."""
    if bench is not None:
        yield bench
        return
    async with Bench(connector) as made:
        yield made


CASES = [SmppCase()]
