"""The hub's side of the ledger: its messages and their attempts, read from its database as they lie there."""

import contextlib
import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import psycopg

from bench.doors import RECIPIENT, tag_of
from bench.ledger_check import Row

MESSAGES = "SELECT id, recipient, state, attempt, outcome FROM messages"
ATTEMPTS = "SELECT message_id, number, outcome FROM attempts ORDER BY message_id, number"
UNSETTLED = "SELECT count(*) FROM messages WHERE state IN ('QUEUED', 'SENDING')"
FENCES = "SELECT name, fence FROM leases"


def query(database: str, *statements: str) -> list[list[Sequence[Any]]]:
    """Run statements that only read, in one transaction, on a connection of their own."""
    if database.startswith("sqlite:///"):
        path = database.removeprefix("sqlite:///")
        with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=10.0)) as lite:
            lite.execute("BEGIN")
            return [list(lite.execute(statement).fetchall()) for statement in statements]
    with psycopg.connect(database) as postgres:
        return [list(postgres.execute(statement.encode()).fetchall()) for statement in statements]


def unsettled(database: str) -> int:
    """How many messages are still on their way."""
    return int(query(database, UNSETTLED)[0][0][0])


def rows(database: str, run: str) -> Mapping[str, list[Row]]:
    """Give the hub's rows by tag. The tag is told from the recipient, for the text may have been erased."""
    messages, attempts = query(database, MESSAGES, ATTEMPTS)
    return joined(messages, attempts, run)


def joined(messages: Iterable[Sequence[Any]], attempts: Iterable[Sequence[Any]], run: str) -> Mapping[str, list[Row]]:
    """Put the earlier attempts before the current one, which lies in the message's own row."""
    earlier: defaultdict[str, list[str | None]] = defaultdict(list)
    numbers: defaultdict[str, set[int]] = defaultdict(set)
    for message_id, number, outcome in attempts:
        earlier[message_id].append(outcome)
        numbers[message_id].add(number)
    found: defaultdict[str, list[Row]] = defaultdict(list)
    for message_id, recipient, state, attempt, outcome in messages:
        outcomes = earlier[message_id]
        if attempt and attempt not in numbers[message_id]:
            outcomes = [*outcomes, outcome]
        tag = tag_of(run, int(recipient.removeprefix(RECIPIENT.lstrip("+"))))
        found[tag].append(Row(message_id, state, tuple(outcomes)))
    return found
