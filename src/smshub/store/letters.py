"""Mail of the hub's own. The writes are functions for `Batch.calls`."""

from collections.abc import Sequence

from sqlalchemy import Connection, delete, func, insert, select, update

from smshub.domain.letters import Letter
from smshub.store.schema import letters

# As many wait at most: whoever changes a key in a loop does not fill the disk.
MOST = 1_000

c = letters.c
_COLUMNS = (c.id, c.server, c.recipient, c.subject, c.text, c.created_at, c.due_at, c.tries)


def put_letters(connection: Connection, written: Sequence[Letter], most: int = MOST) -> int:
    """Keep letters until they have left; of more than `most` the first are kept. Gives how many were not."""
    room = most - (connection.execute(select(func.count()).select_from(letters)).scalar_one() or 0)
    kept = written[: max(room, 0)]
    if kept:
        rows = [dict(zip((one.name for one in _COLUMNS), _row(letter), strict=True)) for letter in kept]
        connection.execute(insert(letters), rows)
    return len(written) - len(kept)


def begin_try(connection: Connection, before: Letter, after: Letter) -> bool:
    """
    Note that a try of a letter begins; `before` is the letter as it was read.

    Tells whether it is ours: of several nodes that see a letter, one sends it.
    """
    mine = update(letters).where(c.id == before.id, c.tries == before.tries, c.due_at == before.due_at)
    return connection.execute(mine.values(tries=after.tries, due_at=after.due_at)).rowcount > 0


def drop_letter(connection: Connection, letter_id: str) -> None:
    """Forget a letter: it has left, or never will."""
    connection.execute(delete(letters).where(c.id == letter_id))


def read_letters(connection: Connection) -> tuple[Letter, ...]:
    """Give every letter that waits, the one that is due first at the front."""
    return tuple(Letter(*row) for row in connection.execute(select(*_COLUMNS).order_by(c.due_at, c.id)))


def _row(letter: Letter) -> tuple[object, ...]:
    return (
        letter.id,
        letter.server,
        letter.to,
        letter.subject,
        letter.text,
        letter.created_at,
        letter.due_at,
        letter.tries,
    )
