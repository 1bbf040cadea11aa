"""The ways out by mail, against the simulated mail server: what is an HTTP status elsewhere is an SMTP reply here."""

import asyncio
from contextlib import asynccontextmanager
from functools import partial

from smshub.conformance import PAYLOADS, Bench, NotConforming, Trial, plain, want
from smshub.conformance.certificate import own_certificate
from smshub.conformance.http import LONG, UNICODE
from smshub.connectors.base import connector_class
from smshub.connectors.mail import SmtpServer
from smshub.connectors.mailsettings import with_servers
from smshub.domain.delivery import Accepted, Deferred, Reason, Rejected, Uncertain
from smshub.simulators.faults import Script
from smshub.simulators.smtp import SmtpSimulator

PATIENCE = 10.0
SECRET = "t0psecret"

# What the server plays, and what a message must come to; then it takes the next one.
ANSWERS = {
    "refused recipient": ("refuse 550", Rejected(Reason.INVALID_RECIPIENT)),
    "refused content": ("refuse 554", Rejected(Reason.CONTENT)),
    "throttled": ("throttle", Deferred(Reason.TEMPORARY)),
    "greylisted": ("refuse 450", Deferred(Reason.TEMPORARY)),
    "silence after the mail": ("hang", Uncertain),
    "closed without an answer": ("drop", Uncertain),
    "garbage": ("garbage", Uncertain),
    "an answer that breaks off": ("truncate", Uncertain),
}


class MailCase:
    """A way out by mail; `to` is whom it reaches."""

    def __init__(self, name, to, **settings):
        self.name = name
        self.to = to
        self.settings = settings

    @asynccontextmanager
    async def at(self, script="accept", *, simulator=None, **server):
        """Give the connector at work beside a mail server."""
        peer = simulator or SmtpSimulator(Script.parse(script), users={"hub": SECRET})
        async with peer.running() as port, Bench(self.connector(port, **server)) as bench:
            yield bench, peer

    def connector(self, port, **server):
        """Make the connector."""
        found = connector_class(self.name)
        base = {"host": "127.0.0.1", "port": port, "security": "none", "sender": "hub@sms.example", "ehlo": "hub"}
        table = {**base, "username": "hub", "password": SECRET, **server}
        settings = found.settings_class(type=self.name, **self.settings)
        return found(self.name, with_servers(settings, {"office": SmtpServer(**table)}))

    def message(self, **fields):
        """Make a message that this way out takes."""
        return plain(to=self.to, subject="Hello", **fields)

    def trials(self):
        """Give what is tried."""
        return [
            Trial("accepted", self._accepted),
            *(Trial(what, partial(self._answer, *row)) for what, row in ANSWERS.items()),
            Trial("unicode", partial(self._texts, [UNICODE])),
            Trial("long text", partial(self._texts, [LONG])),
            Trial("injection payloads", partial(self._texts, PAYLOADS)),
            Trial("bad credentials", self._credentials),
            Trial("refused connection", self._unreachable),
            Trial("wrong certificate", self._certificate),
            Trial("many at once", self._many),
            Trial("stopped in flight", self._stopped),
        ]

    async def _accepted(self, folder):
        async with self.at() as (bench, peer):
            came = want(await bench.send(self.message()), Accepted)
            (mail,) = peer.mails
            if (mail.sender, mail.text.strip()) != ("hub@sms.example", plain().text) or len(mail.readers) != 1:
                raise NotConforming(f"the server got a mail from {mail.sender} to {mail.readers}")
            if SECRET in f"{came}{bench.connector.settings!r}{bench.connector.state()}":
                raise NotConforming("the password is told")
            return came

    async def _answer(self, script, wanted, folder):
        async with self.at(f"{script}; accept", timeout=0.5) as (bench, peer):
            came = want(await bench.send(self.message(text="The first")), wanted)
            want(await bench.send(self.message(id="second", text="The second")), Accepted)
            if [one.text.strip() for one in peer.mails][-1] != "The second" or len(peer.received) > 2:
                raise NotConforming(f"{len(peer.received)} mails came for two messages")
            return came

    async def _texts(self, texts, folder):
        async with self.at() as (bench, peer):
            for text in texts:
                peer.received.clear()
                want(await bench.send(self.message(text=text)), Accepted)
                if [one.text.splitlines() for one in peer.mails] != [text.splitlines()]:
                    raise NotConforming(f"the text {text!r} did not arrive whole in one mail")
                if peer.mails[0].message["Subject"] is None or len(peer.mails[0].readers) != 1:
                    raise NotConforming(f"the text {text!r} changed the mail around it")
        return f"{len(texts)} arrived whole"

    async def _credentials(self, folder):
        async with self.at(password="wr0ng") as (bench, peer):
            came = want(await bench.send(self.message()), Deferred(Reason.BAD_CREDENTIALS))
            return came if not peer.mails else None

    async def _unreachable(self, folder):
        async with SmtpSimulator().running() as port:
            connector = self.connector(port)
        async with Bench(connector) as bench:
            return want(await bench.send(self.message()), Deferred(Reason.UNREACHABLE))

    async def _certificate(self, folder):
        peer = SmtpSimulator(tls=own_certificate(folder), implicit=True)
        async with self.at(simulator=peer, security="tls") as (bench, _):
            came = want(await bench.send(self.message()), Deferred)
            if peer.received:
                raise NotConforming("a mail was given to a server that nobody vouches for")
            return came

    async def _many(self, folder):
        async with self.at() as (bench, peer):
            outcomes = []
            for n in range(20):
                await bench.ready()
                outcomes.append(bench.submit(self.message(id=f"m{n}", text=f"Text {n}.")))
            for outcome in await asyncio.wait_for(asyncio.gather(*outcomes), PATIENCE):
                want(outcome, Accepted)
            if sorted(one.text.strip() for one in peer.mails) != sorted(f"Text {n}." for n in range(20)):
                raise NotConforming("20 texts did not arrive once each")
            return "20 arrived once each"

    async def _stopped(self, folder):
        async with self.at("hang") as (bench, peer):
            await bench.ready()
            bench.connector.grace = 0.05
            settled = bench.submit(self.message())
            await asyncio.wait_for(peer.arrived.acquire(), PATIENCE)
            await bench.stop()
            return want(settled.result(), Uncertain)


CASES = [
    MailCase("email", "anna@example.org"),
    MailCase("smtp", plain().to, mailto="{phone}@gateway.example"),
]
