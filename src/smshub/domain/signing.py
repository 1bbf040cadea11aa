"""Texts that their recipient confirms or refuses: what is asked, and what came of it."""

from enum import StrEnum
from typing import Protocol

import msgspec

from smshub.domain.accounts import Account

# Seconds that a call waits where it names none, and at most.
USUAL_WAIT = 90.0
LONGEST_WAIT = 300.0


class Answer(StrEnum):
    """How a request stands: nobody has answered yet, or somebody has, or its time has run out."""

    OPEN = "open"
    ACCEPTED = "accepted"
    REFUSED = "refused"
    EXPIRED = "expired"


class SignText(msgspec.Struct, frozen=True):
    """
    Send a text with a link to a page where it is accepted or refused, and wait for the answer.

    `to` are the numbers of one person, as the caller wrote them: all get the same link, and the first answer counts.
    `timeout` is in seconds. `origin` is the URL under which the caller reached the hub, for the link.
    """

    to: tuple[str, ...]
    text: str
    timeout: float = USUAL_WAIT
    origin: str = ""
    client: str = ""
    source: str = ""


class Signed(msgspec.Struct, frozen=True):
    """What a request for confirmation came to."""

    answer: Answer


class Page(msgspec.Struct, frozen=True):
    """What the page behind a link shows; the text only while the request is open."""

    answer: Answer
    text: str = ""


class Signing(Protocol):
    """Asks recipients for their word."""

    async def ask(self, account: Account, command: SignText) -> Signed:
        """
        Send the text and wait for the answer or the end of the time.

        Raises `Refused`; cancelled when the caller goes away.
        """

    async def look(self, token: str) -> Page | None:
        """Tell what the page of a link shows, changing nothing; None where the link leads nowhere."""

    async def answer(self, token: str, *, accepted: bool) -> Page | None:
        """Take an answer, the first one only; gives how the request stands then. Raises `Refused` (UNAVAILABLE)."""


def invitation(template: str, text: str, link: str) -> str:
    """Write the text that goes out: `template` names where the text and the link stand; the link is never left out."""
    written = template.format(text=text, link=link)
    return written if link in written else f"{written}\n{link}"


def wait_of(written: str) -> float | None:
    """Read how long to wait, in seconds: the usual where there is nothing, None where it is no number."""
    if not written:
        return USUAL_WAIT
    if not (written.isascii() and written.isdigit() and len(written) <= 9) or int(written) < 1:
        return None
    return min(float(written), LONGEST_WAIT)
