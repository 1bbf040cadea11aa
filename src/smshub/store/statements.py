"""The statements that run for every message: compiled once by SQLAlchemy, run in batches by the driver."""

from functools import cache
from typing import Any

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    Executable,
    Text,
    and_,
    any_,
    case,
    delete,
    func,
    literal_column,
    null,
    or_,
    select,
    text,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.sql.elements import ClauseElement

from smshub.store.codes import codes
from smshub.store.schema import attempts, challenges, early_receipts, messages, parts, submissions
from smshub.store.sql import Statements
from smshub.store.words import insert_into
from smshub.store.words import param as _p
from smshub.store.words import word as _word

__all__ = ["ATTEMPT", "UNSETTLED", "insert_into", "statements_for"]

# What the row of a message keeps of its current attempt, under the names of `attempts`.
ATTEMPT = (
    messages.c.id,
    messages.c.attempt,
    messages.c.connector,
    messages.c.started_at,
    messages.c.settled_at,
    messages.c.outcome,
    messages.c.reason,
    messages.c.code,
    messages.c.detail,
    messages.c.provider_ref,
)

# What a new attempt, or a message that waits again, no longer has.
_OUTCOME = ("settled_at", "outcome", "reason", "code", "detail", "provider_ref")
_RECEIPT = ("receipt_state", "receipt_code", "receipt_at")
UNSETTLED = {name: null() for name in (*_OUTCOME, *_RECEIPT)}


@cache
def statements_for(dialect: str) -> Statements:
    """Compile the statements for `sqlite` or `postgresql`."""
    made: dict[str, tuple[ClauseElement, str]] = {
        **_ways_in(dialect),
        **_outcomes(dialect),
        **_starts(dialect),
        **_early(dialect),
        **_reported(dialect),
        **_reports(),
        **codes(dialect),
        **_instead(dialect),
    }
    return Statements(
        dialect=dialect, **{name: _compiled(statement, dialect, names) for name, (statement, names) in made.items()}
    )


def _compiled(statement: Executable | ClauseElement, dialect: str, names: str) -> str:
    """Give the SQL of a statement; its parameters must come in this order."""
    how = sqlite.dialect(paramstyle="qmark") if dialect == "sqlite" else postgresql.dialect(paramstyle="format")  # type: ignore[no-untyped-call]
    compiled: Any = statement.compile(dialect=how)  # type: ignore[union-attr]
    if names.split() != [name.removeprefix("p_") for name in compiled.positiontup or ()]:
        raise AssertionError(f"the parameters are {compiled.positiontup}, not {names}")
    return str(compiled)


def _among(column: ColumnElement[str], name: str, dialect: str) -> ColumnElement[bool]:
    """Whether a column has one of many values that come as one parameter."""
    if dialect == "sqlite":
        return column.in_(select(func.json_each(_p(name)).table_valued("value").c.value))
    return column == any_(_p(name, ARRAY(Text)))


def _ways_in(dialect: str) -> dict[str, tuple[ClauseElement, str]]:
    m, s = messages.c, submissions.c
    columns = [column.name for column in messages.columns]
    return {
        # A batch that is written again after an unclear commit finds its own rows and leaves them.
        "insert_message": (
            insert_into(dialect, messages)
            .values({name: _p(name, messages.c[name].type) for name in columns})
            .on_conflict_do_nothing(index_elements=[m.id]),
            " ".join(columns),
        ),
        "insert_reference": (
            insert_into(dialect, submissions)
            .values({column.name: _p(column.name, column.type) for column in submissions.columns})
            .on_conflict_do_nothing(index_elements=[s.account, s.reference]),
            "account reference fingerprint submission created_at",
        ),
        "find_reference": (
            select(s.submission, s.fingerprint).where(s.account == _p("account"), s.reference == _p("reference")),
            "account reference",
        ),
    }


def _outcomes(dialect: str) -> dict[str, tuple[ClauseElement, str]]:
    m = messages.c
    outcome = ("due_at", "state", "resends", "settled_at", "outcome", "reason", "code", "detail", "provider_ref")
    elsewhere = (m.id == _p("id"), m.state == _word("QUEUED"), m.connector != _p("connector"))
    return {
        # UNCERTAIN is no way out of UNCERTAIN (domain.message.TRANSITIONS), hence the last condition.
        "settle": (
            update(messages)
            .values({name: _p(name, m[name].type) for name in outcome})
            .where(
                m.id == _p("id"),
                m.attempt == _p("attempt"),
                m.fence == _p("fence"),
                m.state.in_([_word("SENDING"), _word("UNCERTAIN")]),
                m.state != _p("state"),
            ),
            f"{' '.join(outcome)} id attempt fence state",
        ),
        "settled": (
            select(m.id, m.attempt, m.fence, m.state, m.settled_at).where(_among(m.id, "ids", dialect)),
            "ids",
        ),
        "archive_moving": (_archive(dialect, *elsewhere), "id connector"),
        "move": (
            update(messages).values(connector=_p("connector", Text())).where(*elsewhere),
            "connector id connector",
        ),
        "insert_part": (
            insert_into(dialect, parts)
            .values({name: _p(name, parts.c[name].type) for name in ("message_id", "part", "connector", "ref")})
            .on_conflict_do_nothing(index_elements=[parts.c.message_id, parts.c.part]),
            "message_id part connector ref",
        ),
    }


def _archive(dialect: str, *which: ColumnElement[bool]) -> ClauseElement:
    """Copy the current attempts of messages to `attempts`; one that is there already stays."""
    made: ClauseElement = (
        insert_into(dialect, attempts)
        .from_select(
            [column.name for column in attempts.columns],
            select(*ATTEMPT).where(
                *which, messages.c.attempt > literal_column("0"), messages.c.started_at.is_not(None)
            ),
        )
        .on_conflict_do_nothing(index_elements=[attempts.c.message_id, attempts.c.number])
    )
    return made


def _starts(dialect: str) -> dict[str, tuple[ClauseElement, str]]:
    m = messages.c
    return {
        "archive": (_archive(dialect, m.id == _p("id"), m.state == _word("QUEUED")), "id"),
        "start": (
            update(messages)
            .values(
                state=_word("SENDING"),
                connector=_p("connector", Text()),
                attempt=_p("attempt", m.attempt.type),
                fence=_p("fence", m.fence.type),
                started_at=_p("at", m.started_at.type),
                **UNSETTLED,
            )
            .where(m.id == _p("id"), m.state == _word("QUEUED"), m.attempt < _p("attempt")),
            "connector attempt fence at id attempt",
        ),
        "started": (
            select(m.id, m.attempt, m.fence).where(_among(m.id, "ids", dialect), m.state == _word("SENDING")),
            "ids",
        ),
    }


def _instead(dialect: str) -> dict[str, tuple[ClauseElement, str]]:
    """Give the statements by which a code goes by mail in place of its texts (smshub.store.checking)."""
    m, a, c = messages.c, attempts.c, challenges.c
    harmless = [_word("deferred"), _word("rejected")]
    tried = select(a.number).where(a.message_id == m.id, func.coalesce(a.outcome, _word("")).not_in(harmless)).exists()
    unclear = and_(m.attempt > literal_column("0"), func.coalesce(m.outcome, _word("")).not_in(harmless))
    left = or_(m.resends > literal_column("0"), unclear, tried)
    # Written out, since the partial index of repeats is used only where the query repeats its condition.
    others = and_(m.submission == _p("submission"), text("messages.submission <> messages.id"))
    unsent = (m.id == _p("id"), m.state.in_([_word("QUEUED"), _word("REJECTED")]))
    waits = m.state == _word("QUEUED")
    return {
        "mail_texts": (
            select(m.id, m.state, m.reason, left).where(or_(m.id == _p("id"), others)).with_for_update(of=messages),
            "id submission",
        ),
        "mail_challenge": (
            update(challenges)
            .values(
                message_id=_p("message_id", Text()),
                sent_at=_p("at", c.sent_at.type),
                sends=c.sends + literal_column("1"),
                fallback_at=null(),
            )
            .where(
                c.account == _p("account"),
                c.reference == _p("reference"),
                c.id == _p("id"),
                c.state == _word("OPEN"),
                c.fallback_at.is_not(None),
                c.expires_at > _p("now", c.expires_at.type),
            ),
            "message_id at account reference id now",
        ),
        "mail_archive": (_archive(dialect, *unsent), "id"),
        "mail_instead": (
            update(messages)
            .values(
                settled_at=case((waits, _p("at", m.settled_at.type)), else_=m.settled_at),
                state=case((waits, _word("CANCELLED")), else_=m.state),
                detail=_p("detail", Text()),
            )
            .where(*unsent),
            "at detail id",
        ),
        # A text that was refused for good: its code need not wait any longer.
        "mail_now": (
            update(challenges)
            .values(fallback_at=_p("at", c.fallback_at.type))
            .where(c.id == _p("id"), c.fallback_at > _p("now", c.fallback_at.type)),
            "at id now",
        ),
    }


def _early(dialect: str) -> dict[str, tuple[ClauseElement, str]]:
    e = early_receipts.c
    early = insert_into(dialect, early_receipts).values(
        {column.name: _p(column.name, column.type) for column in early_receipts.columns}
    )
    final = [_word(word) for word in ("DELIVERED", "EXPIRED", "DELETED", "UNDELIVERABLE", "REJECTED")]
    return {
        "any_early": (text("SELECT EXISTS (SELECT 1 FROM early_receipts)"), ""),
        "find_early": (
            select(e.ref, e.spellings, e.state, e.code, e.at).where(
                e.connector == _p("connector"), _among(e.ref, "refs", dialect)
            ),
            "connector refs",
        ),
        "delete_early": (
            delete(early_receipts).where(e.connector == _p("connector"), e.ref == _p("ref")),
            "connector ref",
        ),
        # The last word counts, unless a final one has been said.
        "keep_early": (
            early.on_conflict_do_update(
                index_elements=[e.connector, e.ref],
                set_={name: early.excluded[name] for name in ("spellings", "state", "code", "at", "stored_at")},
                where=early_receipts.c.state.not_in(final),
            ),
            "connector ref spellings state code at stored_at",
        ),
    }


def _reported(dialect: str) -> dict[str, tuple[ClauseElement, str]]:
    m, p = messages.c, parts.c
    found = (m.id, m.provider_ref, m.state, m.receipt_state, m.receipt_code, m.receipt_at)
    return {
        # Locked, on PostgreSQL, until the commit: another node may cancel at the same time. In the order of ids, so
        # that two nodes do not wait for each other.
        "find_by_ref": (
            select(*found)
            .where(
                m.connector == _p("connector"),
                _among(m.provider_ref, "refs", dialect),
                text("provider_ref IS NOT NULL"),
            )
            .order_by(m.id)
            .with_for_update(),
            "connector refs",
        ),
        "find_parts_by_ref": (
            select(p.message_id, p.part, p.ref).where(p.connector == _p("connector"), _among(p.ref, "refs", dialect)),
            "connector refs",
        ),
        "find_by_id": (
            select(*found).where(_among(m.id, "ids", dialect)).order_by(m.id).with_for_update(),
            "ids",
        ),
        "find_parts": (select(p.message_id, p.part, p.state).where(_among(p.message_id, "ids", dialect)), "ids"),
    }


def _reports() -> dict[str, tuple[ClauseElement, str]]:
    m, p = messages.c, parts.c
    fields = ("state", "receipt_state", "receipt_code", "receipt_at")
    return {
        "report": (
            update(messages)
            .values({name: _p(name, m[name].type) for name in fields})
            .where(m.id == _p("id"), m.state == _p("before")),
            f"{' '.join(fields)} id before",
        ),
        "report_part": (
            update(parts).values(state=_p("state", Text())).where(p.message_id == _p("id"), p.part == _p("part")),
            "state id part",
        ),
    }
