"""The simulated mail server, spoken to by Python's own client and by bare bytes."""

import asyncio
import smtplib

import pytest

from smshub.simulators.faults import Action, BadScript, Script
from smshub.simulators.smtp import ACTIONS, MAX_SIZE, SmtpSimulator

MAIL = b"Subject: S\r\n\r\nHello\r\n.\r\n..two\r\n"


@pytest.fixture
async def mailbox():
    """Give a function that runs a simulator, and stop it after the test."""
    running = []

    async def make(script="", **options):
        simulator = SmtpSimulator(Script.parse(script, allowed=ACTIONS), **options)
        simulator.port = await simulator.start()
        running.append(simulator)
        return simulator

    yield make
    for simulator in running:
        await simulator.stop()


def client(simulator, work, *, login=None):
    """Have Python's client do something with it, on a thread."""

    def run():
        with smtplib.SMTP("127.0.0.1", simulator.port, timeout=5) as smtp:
            if login:
                smtp.login(*login)
            return work(smtp)

    return asyncio.to_thread(run)


async def test_it_keeps_what_it_is_given_byte_for_byte(mailbox):
    """Envelope and bytes, the doubled dots taken back, and a line for whoever watches."""
    lines = []
    simulator = await mailbox(writer=lines.append)

    await client(simulator, lambda smtp: smtp.sendmail("hub@example.org", ["a@b.example", "c@d.example"], MAIL))

    (mail,) = simulator.mails
    assert ("hub@example.org", ("a@b.example", "c@d.example"), MAIL) == (mail.sender, mail.readers, mail.content)
    assert ["a@b.example, c@d.example from hub@example.org: S: Hello\\r\\n.\\r\\n..two"] == lines


@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN"])
async def test_it_asks_for_credentials_where_there_are_users(mailbox, mechanism):
    """Right ones are noted, wrong ones and none are refused."""
    simulator = await mailbox(users={"hub": "right"})

    def sign_in(password):
        def work(smtp):
            smtp.ehlo()
            smtp.user, smtp.password = "hub", password
            smtp.auth(mechanism, getattr(smtp, f"auth_{mechanism.lower()}"))
            smtp.sendmail("hub@example.org", "a@b.example", MAIL)

        return work

    await client(simulator, sign_in("right"))
    with pytest.raises(smtplib.SMTPAuthenticationError):
        await client(simulator, sign_in("wrong"))
    with pytest.raises(smtplib.SMTPSenderRefused, match="530"):
        await client(simulator, lambda smtp: smtp.sendmail("hub@example.org", "a@b.example", MAIL))

    assert ["hub"] == [mail.username for mail in simulator.mails]


async def test_a_script_is_played_a_step_for_each_mail(mailbox):
    """A reader is refused before the mail, a mail after it; both are noted and neither is taken."""
    simulator = await mailbox("refuse; throttle; refuse 554; accept")

    def work(smtp):
        refused = []
        for _ in range(3):
            try:
                smtp.sendmail("hub@example.org", "a@b.example", MAIL)
            except (smtplib.SMTPRecipientsRefused, smtplib.SMTPDataError) as error:
                refused.append(error.smtp_code if hasattr(error, "smtp_code") else error.recipients["a@b.example"][0])
        smtp.sendmail("hub@example.org", "a@b.example", MAIL)
        return refused

    assert [550, 451, 554] == await client(simulator, work)
    assert [Action.REFUSE, Action.THROTTLE, Action.REFUSE, Action.ACCEPT] == [one.action for one in simulator.received]
    assert 1 == len(simulator.mails)


async def said(simulator, sent):
    """Send bytes and end; give all that is answered."""
    reader, writer = await asyncio.open_connection("127.0.0.1", simulator.port)
    writer.write(sent)
    writer.write_eof()
    answered = await asyncio.wait_for(reader.read(), 10)
    writer.close()
    await writer.wait_closed()
    return [line[:3] for line in answered.decode("latin-1").splitlines()]


TALK = b"EHLO x\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<c@d.example>\r\nDATA\r\n"


@pytest.mark.parametrize(
    ("sent", "answers"),
    [
        (b"NOOP\r\nRSET\r\nQUIT\r\n", ["220", "250", "250", "221"]),
        (b"MAIL FROM:<a@b>\r\n", ["220", "503"]),
        (b"EHLO x\r\nRCPT TO:<a@b>\r\nDATA\r\n", ["220", *["250"] * 4, "503", "503"]),
        (b"HELO x\r\nMAIL FROM:a@b\r\nMAIL FROM:<a b>\r\nVRFY a\r\n", ["220", "250", "501", "501", "502"]),
        (b"HELO x\r\nAUTH NONE\r\nAUTH PLAIN !!\r\n", ["220", "250", "504", "501"]),
        (b"NOOP\nNOOP\r\n", ["220", "502"]),
        (b"x" * 5_000, ["220", "500"]),
        (TALK + b"Subject: S\r\n\r\na\n.\nb\r.\rc\r\n.\r\n", ["220", *["250"] * 6, "354", "250"]),
        (TALK + b".\r\n", ["220", *["250"] * 6, "354", "250"]),
        (TALK + b"x" * (MAX_SIZE + 10) + b"\r\n.\r\nNOOP\r\n", ["220", *["250"] * 6, "354", "552", "250"]),
        (b"STARTTLS\r\n", ["220", "502"]),
    ],
)
async def test_what_is_said_in_any_order_is_answered(mailbox, sent, answers):
    """Only CR LF ends a line, and only CR LF . CR LF a mail."""
    simulator = await mailbox()

    assert answers == await said(simulator, sent)
    assert all(b"a\n.\nb\r.\rc" in mail.content for mail in simulator.mails if mail.content)


async def test_a_script_has_only_steps_that_mail_knows():
    """There are no redirections here."""
    with pytest.raises(BadScript, match="redirect"):
        Script.parse("redirect", allowed=ACTIONS)


async def test_it_stops_while_somebody_hangs(mailbox):
    """Whoever waits for an answer is cut off."""
    simulator = await mailbox("hang")
    reader, writer = await asyncio.open_connection("127.0.0.1", simulator.port)
    writer.write(TALK + b"\r\n.\r\n")
    await asyncio.wait_for(simulator.arrived.acquire(), 5)

    await asyncio.wait_for(simulator.stop(), 5)

    assert b"354" in await asyncio.wait_for(reader.read(), 5)
    writer.close()
