"""The SQL that runs for every message, as text; `smshub.store.statements` compiles it."""

import json
from collections.abc import Sequence
from typing import Any

import msgspec


class Statements(msgspec.Struct, frozen=True):
    """The SQL of one database. The names of the values of each, in order, stand beside it in `_compiled`."""

    insert_message: str
    insert_reference: str
    find_reference: str
    settle: str
    settled: str
    archive_moving: str
    move: str
    archive: str
    start: str
    started: str
    insert_part: str
    any_early: str
    find_early: str
    delete_early: str
    keep_early: str
    find_by_ref: str
    find_parts_by_ref: str
    find_by_id: str
    find_parts: str
    report: str
    report_part: str
    lock_challenges: str
    open_challenge: str
    send_challenge: str
    mail_texts: str
    mail_challenge: str
    mail_archive: str
    mail_instead: str
    mail_now: str
    find_challenges: str
    charge: str
    exhaust: str
    consume: str
    find_failures: str
    put_failures: str
    delete_reference: str
    count: str
    dialect: str

    def among(self, values: Sequence[str]) -> Any:
        """Give many values as one parameter."""
        return json.dumps(list(values)) if self.dialect == "sqlite" else list(values)

    def pairs(self, values: Sequence[tuple[str, str]]) -> tuple[Any, ...]:
        """Give many pairs as parameters."""
        if self.dialect == "sqlite":
            return (json.dumps(values),)
        return [one for one, _ in values], [other for _, other in values]
