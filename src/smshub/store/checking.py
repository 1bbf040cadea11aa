"""
Codes opened and checked, with the driver's own cursor like the rest of a batch (smshub.store.rows).

A try is charged in the transaction in which it is compared, and a challenge is consumed by one conditional UPDATE, so
however many checks come at once, on however many nodes, one matches and no more are looked at than the policy allows.
"""

import hmac
import math
from collections.abc import Iterable
from hashlib import blake2b
from typing import Any

import msgspec

from smshub.domain.challenges import Counted, Verdict
from smshub.domain.otp import CLOCK_SKEW, NO_FAILURES, Failures, blocked_until, failed
from smshub.store.batch import Accept, Again, Check, Checked, Held, Instead, Opening, Taken
from smshub.store.sql import Statements

Pair = tuple[str, str]

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(tuple[float, ...]).decode


class Row(msgspec.Struct):
    """A challenge as it is in the database, and as the checks of a batch leave it."""

    account: str
    reference: str
    id: str
    recipient: str
    digest: bytes
    key_id: str
    state: str
    tries_left: int
    created_at: float
    expires_at: float
    consumed_by: str | None
    message_id: str
    never_sent: bool
    mailed: bool


def lock(cursor: Any, statements: Statements, accepts: list[Accept], checks: list[Check]) -> None:
    """Let no other node touch the challenges and recipients of a batch until its commit."""
    if statements.dialect == "sqlite":
        return
    challenges = [accept.challenge for accept in accepts if accept.challenge is not None]
    touched: set[tuple[str, ...]] = {("challenge", one.account, one.reference) for one in (*challenges, *checks)}
    touched |= {
        ("recipient", one.account, one.recipient) for one in (*challenges, *checks) if isinstance(one, Opening | Check)
    }
    _lock(cursor, statements, touched)


def _lock(cursor: Any, statements: Statements, touched: Iterable[tuple[str, ...]]) -> None:
    names = sorted({_number(one) for one in touched})
    if names:
        cursor.execute(statements.lock_challenges, (names,))
        cursor.fetchall()


def _number(name: tuple[str, ...]) -> int:
    digest = blake2b("\0".join(name).encode(), digest_size=8, person=b"smshub otp")
    return int.from_bytes(digest.digest(), signed=True)


# --- opening ----------------------------------------------------------------------------------------------------------


def begin(cursor: Any, statements: Statements, accepts: list[Accept], replays: Iterable[int]) -> dict[int, Taken]:
    """Open the challenges of accepts, or note that they are sent again or by mail; tell which could not be."""
    known = set(replays)
    wanted = [(place, one) for place, accept in enumerate(accepts) if (one := accept.challenge) and place not in known]
    taken = _open(cursor, statements, [(place, one) for place, one in wanted if isinstance(one, Opening)])
    for place, one in wanted:
        why = None
        if isinstance(one, Again):
            why = _send_again(cursor, statements, one)
        elif isinstance(one, Instead):
            why = _send_by_mail(cursor, statements, one)
        if why is not None:
            taken[place] = why
    for place in taken:
        accept = accepts[place]
        if accept.reference is not None:
            row = (accept.account, accept.reference, accept.messages[0].submission)
            cursor.execute(statements.delete_reference, row)
    opened = (one for place, one in wanted if place not in taken)
    _count(cursor, statements, (one.counted for one in opened if isinstance(one, Opening | Again)))
    return taken


def _open(cursor: Any, statements: Statements, openings: list[tuple[int, Opening]]) -> dict[int, Taken]:
    if not openings:
        return {}
    failures = _failures(cursor, statements, {(one.account, one.recipient) for _, one in openings})
    taken: dict[int, Taken] = {}
    for place, one in openings if failures else ():
        known = failures.get((one.account, one.recipient), NO_FAILURES)
        until = blocked_until(known, one.created_at, one.failures_per_hour, one.lock_after)
        if until:
            taken[place] = Taken(Held.LOCKED, until if math.isfinite(until) else None)
    opened = [(place, one) for place, one in openings if place not in taken]
    rows = [
        (
            one.account,
            one.reference,
            one.id,
            one.recipient,
            one.digest,
            one.key_id,
            one.tries,
            one.created_at,
            one.expires_at,
            one.id,
            one.created_at,
            one.fallback,
            one.fallback_subject,
            one.fallback_at,
        )
        for _, one in opened
    ]
    if rows:
        cursor.executemany(statements.open_challenge, rows)
    if cursor.rowcount == len(rows):
        return taken
    live = _find(cursor, statements, {(one.account, one.reference) for _, one in opened})
    for place, one in opened:
        row = live[one.account, one.reference]
        if row.id != one.id:
            taken[place] = Taken(Held.LIVE, row.expires_at)
    return taken


def _send_again(cursor: Any, statements: Statements, again: Again) -> Taken | None:
    values = (again.message_id, again.at, again.account, again.reference, again.id, again.sends, again.at)
    cursor.execute(statements.send_challenge, values)
    if cursor.rowcount == 1:
        return None
    row = _find(cursor, statements, {(again.account, again.reference)}).get((again.account, again.reference))
    if row is not None and row.message_id == again.message_id:  # a batch that is written again
        return None
    alive = row is not None and row.id == again.id and row.state == "OPEN" and not _is_over(row, again.at)
    return Taken(Held.RACED if alive else Held.OVER)


def _send_by_mail(cursor: Any, statements: Statements, instead: Instead) -> Taken | None:
    """End the texts of a challenge and let its code go by mail, where none of them has left or is leaving."""
    row = _find(cursor, statements, {(instead.account, instead.reference)}).get((instead.account, instead.reference))
    if row is not None and row.message_id == instead.message_id:  # a batch that is written again
        return None
    cursor.execute(statements.mail_texts, (instead.id, instead.id))
    texts = cursor.fetchall()
    if any(state == "SENDING" for _, state, _, _ in texts):
        return Taken(Held.RACED)
    if not all(_surely_unsent(state, reason, left=left) for _, state, reason, left in texts):
        return Taken(Held.OVER)
    values = (instead.message_id, instead.at, instead.account, instead.reference, instead.id, instead.at)
    cursor.execute(statements.mail_challenge, values)
    if cursor.rowcount != 1:
        return Taken(Held.OVER)
    detail = f"its code went by mail instead, with the message {instead.message_id}"
    for text, *_ in texts:
        cursor.execute(statements.mail_archive, (text,))
        cursor.execute(statements.mail_instead, (instead.at, detail, text))
    return None


def _surely_unsent(state: str, reason: str | None, *, left: bool) -> bool:
    """Say whether a text has surely not left; who is blocked or has opted out is not to be reached some other way."""
    return not left and (state == "QUEUED" or (state == "REJECTED" and reason not in {"BARRED", "OPTED_OUT"}))


# --- checking ---------------------------------------------------------------------------------------------------------


def check_all(cursor: Any, statements: Statements, checks: list[Check]) -> list[Checked]:
    """Judge the checks of a batch in the order in which they came."""
    rows = _find(cursor, statements, {(check.account, check.reference) for check in checks})
    named = {(check.account, check.recipient) for check in checks}
    recipients = {(row.account, row.recipient) for row in rows.values()}
    if statements.dialect != "sqlite":
        # Of a wrong recipient the challenge's own is counted, which was not known before.
        _lock(cursor, statements, {("recipient", *one) for one in recipients - named})
    failures = _failures(cursor, statements, recipients)
    judge = _Judge(failures)
    checked = [judge.check(one, rows.get((one.account, one.reference))) for one in checks]
    judge.write(cursor, statements)
    _count(cursor, statements, judge.matched)
    return checked


class _Judge:
    """
    Judges checks one after the other; `failures` are those of the recipients, as they stand by now.

    Nobody else can touch the rows before the commit, so all is decided first and then written, each kind of change at
    once. The conditions of the statements must hold for every row, or the whole transaction is undone.
    """

    def __init__(self, failures: dict[Pair, Failures]) -> None:
        self._failures = failures
        self._charged: list[tuple[str, float]] = []
        self._consumed: list[tuple[str, str]] = []
        self._exhausted: list[tuple[str]] = []
        self._failed: dict[Pair, float] = {}
        self.matched: list[Counted | None] = []

    def check(self, check: Check, row: Row | None) -> Checked:
        """Say what a check comes to; a try is taken before anything is compared."""
        if row is None or row.never_sent:
            return Checked(Verdict.UNKNOWN)
        if row.state == "CONSUMED":
            # The same check once more: its batch was written, and the answer was lost.
            again = row.consumed_by == check.id and fits(check, row)
            return Checked(Verdict.MATCH, mailed=bool(row.mailed)) if again else Checked(Verdict.CONSUMED)
        if _is_over(row, check.at):
            return Checked(Verdict.EXPIRED)
        known = self._failures.get((row.account, row.recipient), NO_FAILURES)
        blocked = blocked_until(known, check.at, check.failures_per_hour, check.lock_after)
        if blocked or row.state != "OPEN" or row.tries_left <= 0:
            return Checked(Verdict.EXHAUSTED)
        row.tries_left -= 1
        self._charged.append((row.id, check.at))
        if fits(check, row):
            return self._match(check, row, known)
        return self._mismatch(check, row, known)

    def _match(self, check: Check, row: Row, known: Failures) -> Checked:
        row.state, row.consumed_by = "CONSUMED", check.id
        self._consumed.append((check.id, row.id))
        self.matched.append(check.counted)
        if known.consecutive:
            self._fail(check, row, Failures(known.recent))
        return Checked(Verdict.MATCH, mailed=bool(row.mailed))

    def _mismatch(self, check: Check, row: Row, known: Failures) -> Checked:
        if not row.tries_left:
            row.state = "EXHAUSTED"
            self._exhausted.append((row.id,))
        self._fail(check, row, failed(known, check.at))
        return Checked(Verdict.MISMATCH, row.tries_left)

    def _fail(self, check: Check, row: Row, failures: Failures) -> None:
        pair = (row.account, row.recipient)
        self._failures[pair] = failures
        self._failed[pair] = check.at

    def write(self, cursor: Any, statements: Statements) -> None:
        """Write down what was judged. Raises `RuntimeError` where a row is not as it was read."""
        for statement, values in (
            (statements.charge, self._charged),
            (statements.exhaust, self._exhausted),
            (statements.consume, self._consumed),
        ):
            if values:
                cursor.executemany(statement, values)
                if cursor.rowcount != len(values):
                    raise RuntimeError("a challenge has changed while its checks were judged")
        if self._failed:
            rows = [
                (*pair, _encode(self._failures[pair].recent).decode(), self._failures[pair].consecutive, at)
                for pair, at in self._failed.items()
            ]
            cursor.executemany(statements.put_failures, rows)


def fits(check: Check, row: Row) -> bool:
    """Compare the digest of what was typed with the one that is kept, in constant time."""
    return hmac.compare_digest(row.digest, check.digests.get(row.key_id, b""))


def _is_over(row: Row, at: float) -> bool:
    """Say whether its time has passed, or the clock was put back since."""
    return row.expires_at <= at or at < row.created_at - CLOCK_SKEW


def _count(cursor: Any, statements: Statements, counted: Iterable[Counted | None]) -> None:
    """Write what the guard counts."""
    rows = [msgspec.structs.astuple(one) for one in counted if one is not None]
    if rows:
        cursor.executemany(statements.count, rows)


def _find(cursor: Any, statements: Statements, wanted: set[Pair]) -> dict[Pair, Row]:
    cursor.execute(statements.find_challenges, statements.pairs(sorted(wanted)))
    rows = (Row(*found) for found in cursor.fetchall())
    return {(row.account, row.reference): row for row in rows}


def _failures(cursor: Any, statements: Statements, wanted: set[Pair]) -> dict[Pair, Failures]:
    if not wanted:
        return {}
    cursor.execute(statements.find_failures, statements.pairs(sorted(wanted)))
    return {
        (account, to): Failures(_decode(recent), consecutive) for account, to, recent, consecutive in cursor.fetchall()
    }
