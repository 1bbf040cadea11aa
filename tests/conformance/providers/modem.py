"""A GSM modem, against the simulated one: what is an HTTP status elsewhere is a +CMS ERROR here."""

import asyncio
from contextlib import asynccontextmanager
from functools import partial

from smshub.conformance import PAYLOADS, Bench, NotConforming, Trial, plain, want
from smshub.conformance.http import LONG, UNICODE
from smshub.connectors.modem import Connector, ModemSettings
from smshub.domain.delivery import Accepted, Deferred, Reason, Rejected, Uncertain
from smshub.simulators.faults import Script
from smshub.simulators.modem import FAULTS, Card, ModemSimulator
from smshub.simulators.modem_port import ModemPort

PATIENCE = 10.0
PIN = "9164"

# What the modem plays, and what a message must come to; then it takes the next one.
ANSWERS = {
    "refused recipient": ("refuse 1", Rejected(Reason.INVALID_RECIPIENT)),
    "an unknown code": ("refuse 9999", Deferred(Reason.UNKNOWN)),
    "throttled": ("throttle", Deferred(Reason.THROTTLED)),
    "a plain error": ("refuse", Deferred(Reason.TEMPORARY)),
    "no prompt": ("mute", Deferred(Reason.UNREACHABLE)),
    "silence after the text": ("hang", Uncertain),
    "an answer that breaks off": ("truncate", Uncertain),
    "an answer without end": ("huge", Uncertain),
    "garbage before the answer": ("garbage", Accepted),
    "a second answer": ("duplicate", Accepted),
}


class ModemCase:
    """One modem on a pseudo-terminal."""

    name = "modem"

    @asynccontextmanager
    async def at(self, folder, script="accept", *, plugged=True, card=None, **settings):
        """Give the connector at work beside a modem."""
        modem = ModemSimulator(Script.parse(f"{script}; receipt none", allowed=FAULTS), card=card)
        port = ModemPort(modem, folder / "modem")
        if plugged:
            port.plug()
        quick = {"retry": 0.05, "poll": 60, "command_timeout": 2, "prompt_timeout": 0.5, "send_timeout": 0.5}
        table = {"type": "modem", "ports": [str(port.link)], **quick, "grace": 0.1, **settings}
        try:
            async with Bench(Connector(self.name, ModemSettings.model_validate(table))) as bench:
                yield bench, modem
        finally:
            port.unplug()

    def trials(self):
        """Give what is tried."""
        return [
            Trial("accepted", self._accepted),
            *(Trial(what, partial(self._answer, *row)) for what, row in ANSWERS.items()),
            Trial("unicode", partial(self._texts, [UNICODE])),
            Trial("long text", partial(self._texts, [LONG])),
            Trial("injection payloads", partial(self._texts, PAYLOADS)),
            Trial("bad credentials", self._pin),
            Trial("refused connection", self._unplugged),
            Trial("flash", self._flash),
            Trial("stopped in flight", self._stopped),
        ]

    async def _accepted(self, folder):
        async with self.at(folder) as (bench, modem):
            came = want(await bench.send(plain()), Accepted)
            if [one.submit.text for one in modem.taken] != [plain().text]:
                raise NotConforming("the modem did not get the text")
            return came

    async def _answer(self, script, wanted, folder):
        async with self.at(folder, f"{script}; accept") as (bench, modem):
            came = want(await bench.send(plain(text="The first")), wanted)
            want(await bench.send(plain(id="second", text="The second")), Accepted)
            texts = [one.submit.text for one in modem.taken]
            if texts not in (["The first", "The second"], ["The second"]):
                raise NotConforming(f"the modem got {texts}")
            return came

    async def _texts(self, texts, folder):
        async with self.at(folder) as (bench, modem):
            for text in texts:
                modem.taken.clear()
                want(await bench.send(plain(text=text)), Accepted)
                if "".join(one.submit.text for one in modem.taken) != text:
                    raise NotConforming(f"the text {text!r} did not arrive whole")
        return f"{len(texts)} arrived whole"

    async def _pin(self, folder):
        async with self.at(folder, card=Card(pin="1111"), pin=PIN) as (bench, _):
            state = await bench.until(lambda state: state.error is not None)
            if bench.connector.room() or PIN in f"{state}{bench.connector.settings!r}":
                raise NotConforming("it has room without its SIM, or tells the PIN")
            return want(await asyncio.wait_for(bench.submit(plain()), PATIENCE), Deferred)

    async def _unplugged(self, folder):
        async with self.at(folder, plugged=False) as (bench, _):
            await bench.until(lambda state: state.error is not None)
            if bench.connector.room():
                raise NotConforming("it has room without a modem")
            return want(await asyncio.wait_for(bench.submit(plain()), PATIENCE), Deferred(Reason.UNREACHABLE))

    async def _flash(self, folder):
        async with self.at(folder) as (bench, modem):
            for flash in (False, True):
                want(await bench.send(plain(flash=flash)), Accepted)
            if modem.taken[0].pdu == modem.taken[1].pdu:
                raise NotConforming("it claims flash, and writes the same PDU for it")
            return "the PDU differs"

    async def _stopped(self, folder):
        async with self.at(folder, "hang", send_timeout=60) as (bench, modem):
            await bench.ready()
            settled = bench.submit(plain())
            async with asyncio.timeout(PATIENCE):
                while not modem.taken:  # noqa: ASYNC110
                    await asyncio.sleep(0.005)  # the simulator tells nobody of a text that it keeps to itself
            await bench.stop()
            return want(settled.result(), Uncertain)


CASES = [ModemCase()]
