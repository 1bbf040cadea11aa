"""Who is let in: what is remembered and for how long, what a changed file does, what repeated failures do."""

import asyncio
import os

import bcrypt
import pytest

from smshub.broker.credentials import FAILURES_WITHIN, MOST_FAILURES, MOST_WAITING, REMEMBER, Credentials, Verdict
from smshub.broker.handshake import Basic

ALICE = Basic(b"alice", b"secret")
WRONG = Basic(b"alice", b"wrong")


class Clock:
    """Seconds that pass when a test says so."""

    def __init__(self):
        self.time = 1_000.0

    def __call__(self):
        """Tell the time."""
        return self.time


@pytest.fixture
def clock():
    """A clock that stands still."""
    return Clock()


@pytest.fixture
def credentials(htpasswd, clock):
    """The file with alice and bob."""
    one = Credentials(htpasswd, now=clock)
    yield one
    one.close()


async def test_a_password_with_colons_is_known(credentials):
    """Each of the file's names passes with its own password only."""
    sent = [ALICE, Basic(b"bob", b"also:secret"), Basic(b"bob", b"also"), Basic(b"bob", b"secret"), WRONG]

    verdicts = [await credentials.check(one, source="127.0.0.1") for one in sent]

    assert [Verdict.KNOWN, Verdict.KNOWN, Verdict.UNKNOWN, Verdict.UNKNOWN, Verdict.UNKNOWN] == verdicts


async def test_what_was_verified_is_remembered_for_a_minute(credentials, htpasswd, clock):
    """Written over in a way that nothing shows, the old password lasts a minute and no longer."""
    assert Verdict.KNOWN is await credentials.check(ALICE, source="127.0.0.1")
    before = htpasswd.stat()
    htpasswd.write_text(htpasswd.read_text().replace("alice", "carol"))
    os.utime(htpasswd, ns=(before.st_atime_ns, before.st_mtime_ns))

    clock.time += REMEMBER - 1
    assert Verdict.KNOWN is await credentials.check(ALICE, source="127.0.0.1")
    clock.time += 2
    assert Verdict.UNKNOWN is await credentials.check(ALICE, source="127.0.0.1")


async def test_a_changed_file_counts_at_once(credentials, htpasswd):
    """A new password takes the place of the old one, although that was just verified; so does a file moved there."""
    assert Verdict.KNOWN is await credentials.check(ALICE, source="127.0.0.1")

    new = htpasswd.with_name("new")
    new.write_text(f"alice:{bcrypt.hashpw(b'fresh', bcrypt.gensalt(4)).decode()}\n")
    new.rename(htpasswd)

    assert Verdict.UNKNOWN is await credentials.check(ALICE, source="127.0.0.1")
    assert Verdict.KNOWN is await credentials.check(Basic(b"alice", b"fresh"), source="127.0.0.1")


async def test_a_file_that_is_gone_lets_nobody_in_until_it_is_back(credentials, htpasswd):
    """Neither who was verified before nor anybody else; a file that comes back is read."""
    content = htpasswd.read_text()
    assert Verdict.KNOWN is await credentials.check(ALICE, source="127.0.0.1")

    htpasswd.unlink()
    assert Verdict.UNKNOWN is await credentials.check(ALICE, source="127.0.0.1")
    htpasswd.write_text(content)
    assert Verdict.KNOWN is await credentials.check(ALICE, source="127.0.0.1")


async def test_many_wrong_passwords_close_the_door_for_that_name_and_address(credentials, clock):
    """The right password no longer helps there; another address and another name are not touched."""
    for _ in range(MOST_FAILURES):
        assert Verdict.UNKNOWN is await credentials.check(WRONG, source="127.0.0.1")

    assert Verdict.TOO_MANY_FAILURES is await credentials.check(ALICE, source="127.0.0.1")
    assert Verdict.KNOWN is await credentials.check(Basic(b"bob", b"also:secret"), source="127.0.0.1")
    assert Verdict.KNOWN is await credentials.check(ALICE, source="127.0.0.2")
    # Verified from elsewhere, the same credentials pass here too.
    assert Verdict.KNOWN is await credentials.check(ALICE, source="127.0.0.1")
    clock.time += max(FAILURES_WITHIN, REMEMBER) + 1
    assert Verdict.KNOWN is await credentials.check(ALICE, source="127.0.0.1")


async def test_many_at_once_with_the_same_credentials_wait_for_one_look(credentials):
    """After a restart all clients come back at once, and all get in."""
    verdicts = await asyncio.gather(*(credentials.check(ALICE, source="127.0.0.1") for _ in range(300)))

    assert {Verdict.KNOWN} == set(verdicts)


async def test_many_at_once_with_other_credentials_are_bounded(credentials):
    """Guesses beyond what the threads can verify soon are sent away unverified."""
    guesses = [Basic(b"alice", b"%d" % number) for number in range(MOST_WAITING + 20)]

    verdicts = await asyncio.gather(*(credentials.check(guess, source=str(guess)) for guess in guesses))

    assert (20, MOST_WAITING) == (verdicts.count(Verdict.BUSY), verdicts.count(Verdict.UNKNOWN))


async def test_a_hash_that_is_not_taken_is_told_with_its_mend(htpasswd, clock, capsys):
    """A plain password in the file lets nobody in, and the log says who and how to mend it, not what was sent."""
    htpasswd.write_text("dave:plain-secret\n")
    credentials = Credentials(htpasswd, now=clock)

    assert Verdict.UNKNOWN is await credentials.check(Basic(b"dave", b"plain-secret"), source="127.0.0.1")
    credentials.close()
    out = "".join(capsys.readouterr())
    assert "dave" in out
    assert "htpasswd -B" in out
    assert "plain-secret" not in out
