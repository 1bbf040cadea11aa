"""
The statements by which codes are opened and checked, compiled with the others (smshub.store.statements).

On PostgreSQL every transaction first locks the names of all challenges and recipients that it touches, in one order
(`lock_challenges`), so that what it reads afterwards stays as it is until its commit, and no two nodes wait for each
other. SQLite has one writer.
"""

from typing import Any

from sqlalchemy import (
    ARRAY,
    BigInteger,
    ColumnElement,
    Text,
    and_,
    delete,
    func,
    literal_column,
    null,
    or_,
    select,
    text,
    update,
)
from sqlalchemy.sql.elements import ClauseElement

from smshub.domain.otp import CLOCK_SKEW
from smshub.store.schema import challenges, guard_counted, messages, otp_failures, submissions
from smshub.store.words import insert_into, param, word

c, f, m, s = challenges.c, otp_failures.c, messages.c, submissions.c

_GIVEN = (
    "account",
    "reference",
    "id",
    "recipient",
    "digest",
    "key_id",
    "tries_left",
    "created_at",
    "expires_at",
    "message_id",
    "sent_at",
    "fallback",
    "fallback_subject",
    "fallback_at",
)
_ONE: ColumnElement[int] = literal_column("1")


def codes(dialect: str) -> dict[str, tuple[ClauseElement, str]]:
    """Give the statements, each with the names of its parameters in order."""
    return {**_opening(dialect), **_checking(dialect), **_failures(dialect), **_counting(dialect)}


def mailed() -> ColumnElement[bool]:
    """Whether the code of a challenge went to a mail address because its text could not."""
    return and_(c.fallback.is_not(None), c.fallback_at.is_(None))


def never_sent() -> ColumnElement[bool]:
    """
    Whether no message of a challenge has left or can still leave.

    What was sent once more after an uncertain try may have arrived by the first one.
    """
    unsent = and_(
        or_(
            m.state.in_([word("REJECTED"), word("CANCELLED")]),
            and_(m.state == word("EXPIRED"), m.receipt_state.is_(None)),
        ),
        m.resends == literal_column("0"),
    )
    # By its name, since SQLAlchemy knows of no outer query within ON CONFLICT.
    outer = literal_column("challenges.id", Text)
    first = select(_ONE).where(m.id == outer, unsent).exists()
    # Written out, since the partial index of repeats is used only where the query repeats its condition.
    others = select(_ONE).where(m.submission == outer, text("messages.submission <> messages.id"), ~unsent).exists()
    return and_(first, ~others)


def _opening(dialect: str) -> dict[str, tuple[ClauseElement, str]]:
    opening = insert_into(dialect, challenges).values(
        {name: param(name, c[name].type) for name in _GIVEN}
        | {"state": word("OPEN"), "sends": _ONE, "consumed_by": null()}
    )
    new = opening.excluded
    free = or_(
        c.id == new.id,  # a batch that is written again after an unclear commit
        c.state == word("CONSUMED"),
        c.expires_at <= new.created_at,
        c.created_at > new.created_at + literal_column(str(CLOCK_SKEW)),
        never_sent(),
    )
    names = [column.name for column in challenges.columns if not column.primary_key]
    return {
        "lock_challenges": (
            select(func.pg_advisory_xact_lock(literal_column("wanted"))).select_from(
                func.unnest(param("names", ARRAY(BigInteger))).alias("wanted")
            )
            if dialect == "postgresql"
            else text("SELECT :p_names"),
            "names",
        ),
        "open_challenge": (
            opening.on_conflict_do_update(
                index_elements=[c.account, c.reference], set_={name: new[name] for name in names}, where=free
            ),
            " ".join(_GIVEN),
        ),
        "send_challenge": (
            update(challenges)
            .values(sends=c.sends + _ONE, sent_at=param("at", c.sent_at.type), message_id=param("message_id", Text()))
            .where(
                c.account == param("account"),
                c.reference == param("reference"),
                c.id == param("id"),
                c.state == word("OPEN"),
                c.sends == param("sends"),
                c.expires_at > param("now", c.expires_at.type),
                ~never_sent(),
            ),
            "message_id at account reference id sends now",
        ),
        "delete_reference": (
            delete(submissions).where(
                s.account == param("account"), s.reference == param("reference"), s.submission == param("submission")
            ),
            "account reference submission",
        ),
    }


def _checking(dialect: str) -> dict[str, tuple[ClauseElement, str]]:
    this = c.id == param("id")
    found = (c.account, c.reference, c.id, c.recipient, c.digest, c.key_id, c.state, c.tries_left)
    wanted, fits, names = _pairs(dialect, c.account, c.reference, "accounts references")
    return {
        "find_challenges": (
            select(
                *found,
                c.created_at,
                c.expires_at,
                c.consumed_by,
                c.message_id,
                never_sent().label("never_sent"),
                mailed().label("mailed"),
            ).select_from(wanted.join(challenges, fits)),
            names,
        ),
        "charge": (
            update(challenges)
            .values(tries_left=c.tries_left - _ONE)
            .where(
                this,
                c.state == word("OPEN"),
                c.tries_left > literal_column("0"),
                c.expires_at > param("at", c.expires_at.type),
            ),
            "id at",
        ),
        "exhaust": (update(challenges).values(state=word("EXHAUSTED")).where(this, c.state == word("OPEN")), "id"),
        "consume": (
            update(challenges)
            .values(state=word("CONSUMED"), consumed_by=param("check", Text()))
            .where(this, c.state == word("OPEN")),
            "check id",
        ),
    }


def _failures(dialect: str) -> dict[str, tuple[ClauseElement, str]]:
    wanted, fits, names = _pairs(dialect, f.account, f.recipient, "accounts recipients")
    put = insert_into(dialect, otp_failures).values({column.name: param(column.name, column.type) for column in f})
    return {
        "find_failures": (
            select(f.account, f.recipient, f.recent, f.consecutive).select_from(wanted.join(otp_failures, fits)),
            names,
        ),
        "put_failures": (
            put.on_conflict_do_update(
                index_elements=[f.account, f.recipient],
                set_={name: put.excluded[name] for name in ("recent", "consecutive", "failed_at")},
            ),
            "account recipient recent consecutive failed_at",
        ),
    }


def _counting(dialect: str) -> dict[str, tuple[ClauseElement, str]]:
    g = guard_counted.c
    count = insert_into(dialect, guard_counted).values({column.name: param(column.name, column.type) for column in g})
    # A batch that is written again after an unclear commit finds its own rows.
    return {"count": (count.on_conflict_do_nothing(index_elements=[g.node, g.number]), " ".join(g.keys()))}


def _pairs(dialect: str, one: Any, other: Any, names: str) -> tuple[Any, ColumnElement[bool], str]:
    """Give a table of pairs that come as parameters (Statements.pairs), and the condition by which they are joined."""
    if dialect == "sqlite":
        wanted = func.json_each(param("pairs")).table_valued("value", name="wanted")
        first, second = (func.json_extract(wanted.c.value, literal_column(f"'$[{place}]'")) for place in (0, 1))
        return wanted, and_(one == first, other == second), "pairs"
    firsts, seconds = (param(name, ARRAY(Text)) for name in names.split())
    wanted = func.unnest(firsts, seconds).table_valued("one", "other").render_derived(name="wanted")
    return wanted, and_(one == wanted.c.one, other == wanted.c.other), names
