"""How long the questions of the message search take over very many messages: `python -m bench.search`."""

import argparse
import random
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

from bench.postgres import postgres
from bench.table import aligned
from smshub.domain.commands import ListMessages
from smshub.domain.ids import SLACK, first_id
from smshub.domain.message import Message, MessageClass, State
from smshub.store.batch import Accept, Batch, Settled
from smshub.store.outbox import Outbox

BATCH = 2_000
ACCOUNTS = ("shop",) * 6 + ("bank",) * 3 + ("clinic",)
CONNECTORS = ("carrier-a", "carrier-b")
# One message a tenth of a second, up to now, unless another pace is asked for.
EVERY = 0.1
RARE = "491700000001"  # has one message, the oldest of all
OFTEN = "491700000002"  # has one of a thousand
ABSENT = "491700000003"


def messages(size: int, now: float, every: float = EVERY) -> Iterator[tuple[Message, bool]]:
    """Make messages, oldest first, and tell of each whether it was delivered at once."""
    draw = random.Random(34)
    for place in range(size):
        at = now - (size - place) * every
        often = place % 1_000 == 500
        to = RARE if place == 0 else OFTEN if often else f"49{draw.randrange(15 * 10**9, 18 * 10**9)}"
        number = f"{int(at * 1_000):012x}{place:08x}{draw.getrandbits(48):012x}"
        yield (
            Message(
                id=number,
                submission=number,
                account="shop" if to == RARE else draw.choice(ACCOUNTS),
                to=to,
                to_written=f"+{to}",
                text="Your parcel is on its way and will be with you tomorrow between 9 and 12.",
                created_at=at,
                due_at=at,
                expires_at=at + 86_400,
                originator="ACME",
                message_class=MessageClass.BULK if draw.random() < 0.3 else MessageClass.TRANSACTIONAL,
                client="10.0.0.1",
                state=State.SENDING,
                connector=draw.choice(CONNECTORS),
                attempt=1,
                fence=1,
                started_at=at,
            ),
            draw.random() < 0.99,
        )


def fill(outbox: Outbox, size: int, now: float, *, every: float = EVERY) -> float:
    """Write so many messages by the store's own writer, settled as they would be; give the seconds it took."""
    began = time.monotonic()
    batch, waiting = Batch(), Batch()
    for message, good in messages(size, now, every):
        batch.accepts.append(Accept((message,), message.account))
        state = State.SENT if good else State.REJECTED
        waiting.settled.append(
            Settled(
                message.id,
                1,
                1,
                state,
                "Accepted" if good else "Rejected",
                message.created_at,
                message.due_at,
                message.connector,
                refs=(message.id[:16],) if good else (),
            )
        )
        if len(batch.accepts) == BATCH:
            outbox.write(batch)
            batch, waiting = waiting, Batch()
    outbox.write(batch)
    outbox.write(waiting)
    return time.monotonic() - began


def questions(now: float) -> dict[str, tuple[ListMessages, str | None]]:
    """Give what is asked, and as whose (None: of all accounts)."""
    asked: dict[str, tuple[ListMessages, str | None]] = {"newest": (ListMessages(), None)}
    for whose, account in (("all accounts", None), ("own account", "shop")):
        for what, number in (("of one old text", RARE), ("of very many", OFTEN), ("unknown", ABSENT)):
            asked[f"number {what}, {whose}"] = (ListMessages(to=number), account)
    asked["number of one old text, and its state"] = (ListMessages(to=RARE, state=State.SENT), None)
    asked["newest of an account"] = (ListMessages(account="clinic"), None)
    asked["newest of a connector"] = (ListMessages(connector="carrier-b"), None)
    asked["connector that has none"] = (ListMessages(connector="carrier-z"), None)
    asked["newest REJECTED"] = (ListMessages(state=State.REJECTED), None)
    asked["state that none has"] = (ListMessages(state=State.CANCELLED), None)
    since, until = now - 90_000, now - 86_400
    # As the hub asks it.
    asked["an hour, a day ago"] = (ListMessages(since=since, until=until, cursor=first_id(until + SLACK)), None)
    return asked


def measure(ask: Callable[[], object], times: int = 7) -> tuple[float, float]:
    """Give the first and the median time of a question, in seconds."""
    took = []
    for _ in range(times):
        began = time.perf_counter()
        ask()
        took.append(time.perf_counter() - began)
    return took[0], statistics.median(took)


def main() -> None:
    """Fill a database, ask, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=1_000_000)
    parser.add_argument("--store", choices=("sqlite", "postgresql"), default="sqlite")
    parser.add_argument("--keep", type=Path, help="Folder that keeps the SQLite file for another run.")
    options = parser.parse_args()
    folder = options.keep or Path(tempfile.mkdtemp(prefix="smshub-bench-"))
    try:
        with ExitStack() as stack:
            url = stack.enter_context(postgres()) if options.store == "postgresql" else f"sqlite:///{folder}/search.db"
            outbox = Outbox.open(url)
            stack.callback(outbox.close)
            now = time.time()
            newest = outbox.page(ListMessages(limit=1), None).messages
            if newest:
                now = newest[0].created_at
            else:
                print(f"{options.size:,} messages written in {fill(outbox, options.size, now):.0f} s")
            rows = []
            for what, (wanted, account) in questions(now).items():
                found = len(outbox.page(wanted, account).messages)
                first, usual = measure(lambda w=wanted, a=account: outbox.page(w, a))  # type: ignore[misc]
                rows.append([what, str(found), f"{first * 1e3:.1f}", f"{usual * 1e3:.1f}"])
            print(aligned(["question", "found", "first ms", "median ms"], rows))
    finally:
        if options.keep is None:
            shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
