"""Texts that came in, as their parts lie on a SIM: joined, told apart, given up when the rest does not come."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from smshub.domain.text import Encoding, decode_ucs2
from smshub.protocols.gsm.tpdu import Deliver

GAP: Final = "[…]"
MOST_UNFINISHED: Final = 100


@dataclass(frozen=True, slots=True)
class Stored:
    """A part and where it lies on the SIM; `pdu` is what was read there."""

    index: int
    pdu: str
    deliver: Deliver


@dataclass(frozen=True, slots=True)
class Whole:
    """
    A text with all its parts, or as many as came, and where they lie.

    `ref` is the same whenever the same parts are read again.
    """

    sender: str
    text: str
    at: float | None
    ref: str
    indexes: tuple[int, ...]
    complete: bool = True


class Joiner:
    """
    Joins parts. Holds at most so many unfinished texts, and each for so many seconds; `now` is any clock's seconds.

    `card` names the SIM, so that the same parts on another one are other texts.
    """

    def __init__(self, card: str, within: float) -> None:
        self._card = card
        self._within = within
        self._since: dict[tuple[str, int, int], float] = {}

    def join(self, parts: list[Stored], now: float) -> list[Whole]:
        """Give the texts that are whole, and those that have waited too long, out of all parts on the SIM."""
        found: list[Whole] = []
        unfinished: dict[tuple[str, int, int], dict[int, Stored]] = {}
        again: dict[tuple[str, int, int], list[int]] = {}
        for stored in parts:
            part = stored.deliver.part
            if part is None or part.total == 1:
                found.append(self._whole([stored], 1))
                continue
            key = (stored.deliver.sender, part.reference, part.total)
            pieces = unfinished.setdefault(key, {})
            other = pieces.setdefault(part.number, stored)
            if other is not stored and other.deliver == stored.deliver:
                again.setdefault(key, []).append(stored.index)  # the network has sent it twice
            elif other is not stored:
                # The reference has come round: the later one is a text of its own.
                found.append(self._whole([stored], 1))
        since = {key: self._since.get(key, now) for key in unfinished}
        for key, pieces in unfinished.items():
            late = now - since[key] >= self._within or len(unfinished) > MOST_UNFINISHED
            if len(pieces) == key[2] or late:
                ordered = [pieces[number] for number in sorted(pieces)]
                found.append(self._whole(ordered, key[2], again.get(key, ())))
                del since[key]
        self._since = since
        return found

    def _whole(self, parts: list[Stored], total: int, again: Sequence[int] = ()) -> Whole:
        digest = hashlib.blake2b(self._card.encode(), digest_size=16)
        for stored in parts:
            digest.update(stored.pdu.encode())
        first = parts[0].deliver
        at = min((stored.deliver.at for stored in parts if stored.deliver.at is not None), default=None)
        indexes = (*(stored.index for stored in parts), *again)
        return Whole(first.sender, _text(parts, total), at, digest.hexdigest(), indexes, len(parts) == total)


def _text(parts: list[Stored], total: int) -> str:
    """Put the text together; where parts are missing a gap is shown."""
    if len(parts) == total and all(stored.deliver.encoding is Encoding.UCS2 for stored in parts):
        return decode_ucs2(b"".join(stored.deliver.octets for stored in parts))
    if len(parts) == total:
        return "".join(stored.deliver.text for stored in parts)
    pieces: list[str] = []
    expected = 1
    for stored in parts:
        number = stored.deliver.part.number if stored.deliver.part else expected
        pieces += [GAP] if number != expected else []
        pieces.append(stored.deliver.text)
        expected = number + 1
    return "".join([*pieces, *([GAP] if expected <= total else [])])
