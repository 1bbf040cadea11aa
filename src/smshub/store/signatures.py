"""
Requests for confirmation: each is found by a digest of the token in its link, so the database tells no link.

The functions that write are for `Batch.calls`. An answer is one conditional UPDATE: of any number of answers, and of an
answer and the end of the time, one counts. The text goes with the answer.
"""

from sqlalchemy import Connection, delete, insert, select, update

from smshub.domain.signing import Answer, Page
from smshub.store.schema import signatures

s = signatures.c


def open_signature(connection: Connection, digest: str, account: str, text: str, now: float, expires_at: float) -> None:
    """Begin a request."""
    row = {"digest": digest, "account": account, "text": text, "answer": Answer.OPEN.value, "created_at": now}
    connection.execute(insert(signatures).values({**row, "expires_at": expires_at}))


def answer_signature(connection: Connection, digest: str, answer: Answer, now: float) -> Answer | None:
    """
    Take an answer, ACCEPTED, REFUSED, or EXPIRED where nobody waits for another any more.

    Gives the one that counts: this one, or an earlier one; None where there is no such request.
    """
    fitting = [s.digest == digest, s.answer == Answer.OPEN.value]
    if answer is not Answer.EXPIRED:
        fitting.append(s.expires_at > now)
    values = {"answer": answer.value, "answered_at": now, "text": ""}
    if connection.execute(update(signatures).where(*fitting).values(values)).rowcount:
        return answer
    page = read_signature(connection, digest, now)
    return None if page is None else page.answer


def read_signature(connection: Connection, digest: str, now: float) -> Page | None:
    """Tell how a request stands; its text only while it is open."""
    row = connection.execute(select(s.answer, s.text, s.expires_at).where(s.digest == digest)).first()
    if row is None:
        return None
    answer = Answer(row.answer)
    if answer is Answer.OPEN and row.expires_at <= now:
        answer = Answer.EXPIRED
    return Page(answer, row.text if answer is Answer.OPEN else "")


def forget_signatures(connection: Connection, now: float, keep: float) -> int:
    """Erase the texts of what has run out, and drop what ran out `keep` seconds ago; gives how many were dropped."""
    over = update(signatures).where(s.expires_at <= now, s.answer == Answer.OPEN.value)
    connection.execute(over.values(answer=Answer.EXPIRED.value, text=""))
    return connection.execute(delete(signatures).where(s.expires_at <= now - keep)).rowcount
