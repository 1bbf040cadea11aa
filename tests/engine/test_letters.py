"""Mail of the hub's own: tried a few times, on disk until it has left, written together with what it tells of."""

import asyncio

import pytest
from structlog.testing import capture_logs

from smshub.domain.delivery import Accepted, Deferred, Reason, Rejected
from smshub.domain.letters import PAUSES, Reader
from smshub.engine.letters import Letters
from smshub.engine.programs import Programs
from smshub.store.letters import read_letters

READER = Reader("web-team@shop.example", "office", "the configuration file")
BUSY = Deferred(Reason.TEMPORARY, detail="office: the server refused the reader (451)")


class Desk:
    """Letters over the parts of a rig, with a clock and a mail server that the test plays."""

    def __init__(self, rig, *answers):
        self.now = 1_000.0
        self.answers = list(answers)
        self.sent = []
        self.rig = rig
        self.letters = Letters(rig.outbox, rig.committer, self._send, lambda: self.now)

    async def _send(self, letter):
        self.sent.append(letter)
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]

    async def put(self, *subjects):
        """Put letters on disk."""
        written = [self.letters.write(READER, subject, "text") for subject in subjects]
        await self.rig.committer.call(lambda connection: self.letters.put(connection, written))

    @property
    def waiting(self):
        """What is on disk."""
        return self.rig.outbox.read(read_letters)

    async def tried(self, count):
        """Wait for so many tries, and for what followed the last."""
        await self.rig.until(lambda: len(self.sent) == count)
        await self.rig.turn()

    async def later(self, seconds):
        """Let time pass."""
        self.now += seconds
        self.letters.kick()


async def test_a_letter_is_tried_after_each_pause_and_then_dropped(rig_factory):
    """It is the same letter each time, and its end is an error in the log that does not name the reader."""
    desk = Desk(await rig_factory(), BUSY)
    await desk.put("The key has changed")
    desk.letters.start()
    with capture_logs() as logs:
        for tries, pause in enumerate(PAUSES, 1):
            await desk.tried(tries)
            await desk.later(pause - 0.5)
            await desk.rig.turn()
            assert tries == len(desk.sent)
            await desk.later(0.5)
        await desk.tried(len(PAUSES) + 1)
        await desk.rig.until(lambda: desk.waiting == ())
    await desk.letters.stop()

    assert 1 == len({letter.id for letter in desk.sent})
    assert [("mail.dropped", "error")] == [
        (line["event"], line["log_level"]) for line in logs if line["log_level"] != "warning"
    ]
    assert "web-team" not in str(logs)


@pytest.mark.parametrize("answer", [Accepted(), Rejected(Reason.INVALID_RECIPIENT, detail="no")])
async def test_what_has_left_or_never_will_is_forgotten(rig_factory, answer):
    """One try is enough."""
    desk = Desk(await rig_factory(), answer)
    desk.letters.start()
    await desk.put("one", "two")
    desk.letters.kick()

    await desk.tried(2)
    await desk.rig.until(lambda: desk.waiting == ())
    await desk.letters.stop()

    assert ["one", "two"] == sorted(letter.subject for letter in desk.sent)


async def test_a_letter_outlives_the_hub(rig_factory):
    """What had not left is sent when the hub starts again, due or not, and that try is one more than the four."""
    desk = Desk(rig := await rig_factory(), BUSY)
    await desk.put("The key has changed")
    desk.letters.start()
    await desk.tried(1)
    await desk.letters.stop()

    for _ in range(6):
        again = Desk(rig, BUSY)
        again.now = desk.now + 1.0
        again.letters.start()
        await again.tried(1)
        await again.letters.stop()
    last = Desk(rig, Accepted())
    last.letters.start()
    await last.tried(1)
    await rig.until(lambda: last.waiting == ())
    await last.letters.stop()

    assert (desk.sent[0].id, 1) == (last.sent[0].id, last.sent[0].tries)


async def test_a_try_that_was_cut_off_is_made_again(rig_factory):
    """Stopped between the server's taking it and its answer, the hub cannot know: it has the same id the next time."""
    desk = Desk(rig := await rig_factory(), Accepted())
    begun = asyncio.Event()

    async def hang(letter):
        desk.sent.append(letter)
        begun.set()
        await asyncio.Event().wait()

    desk.letters = Letters(rig.outbox, rig.committer, hang, lambda: desk.now)
    await desk.put("The key has changed")
    desk.letters.start()
    await asyncio.wait_for(begun.wait(), 5)
    await desk.letters.stop()
    again = Desk(rig, Accepted())
    again.letters.start()
    await again.tried(1)
    await again.letters.stop()

    assert [desk.sent[0].id] == [letter.id for letter in again.sent]


async def test_a_changed_key_and_its_letter_are_written_together(rig_factory):
    """The letter is on disk as soon as the change is; who has no reader is told nothing."""
    desk = Desk(rig := await rig_factory(), Accepted())
    programs = Programs(rig.outbox, rig.committer, b"key", lambda: desk.now, letters=desk.letters, node="n1")
    programs.readers = {"shop": READER}
    await programs.changed({"shop": "first", "campus": "first"})
    assert () == desk.waiting

    assert ("campus", "shop") == await programs.changed({"shop": "second", "campus": "second"})
    await programs.end_all("shop")
    await programs.end_all("campus")

    assert [
        ("The ProgramKey of 'shop' has changed", "web-team@shop.example", "office"),
        ("The tokens of 'shop' were ended", "web-team@shop.example", "office"),
    ] == [(letter.subject, letter.to, letter.server) for letter in desk.waiting]
    assert "Where:   the configuration file, on the hub 'n1'" in desk.waiting[0].text
    assert "Where:   the API, on the hub 'n1'" in desk.waiting[1].text
