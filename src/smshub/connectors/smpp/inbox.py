"""Texts that people send to a number of the SMSC's (MO), joined from their parts as these come."""

import secrets
from dataclasses import dataclass, field
from typing import Final

from smshub.domain.incoming import Incoming
from smshub.protocols.smpp.contents import decode_text, part_of
from smshub.protocols.smpp.pdus import Pdu

GAP: Final = "[…]"
# So many texts wait for further parts, each for so many seconds; what has come of them by then is kept as it is.
MOST_UNFINISHED: Final = 200
JOIN_WITHIN: Final = 3_600.0

Key = tuple[str, str, int, int]


@dataclass(slots=True)
class _Unfinished:
    """The parts of one text so far: data_coding and octets by number."""

    ref: str
    since: float
    parts: dict[int, tuple[int, bytes]] = field(default_factory=dict)


class Inbox:
    """
    Makes an `Incoming` of each deliver_sm. Reads no clock: times are arguments, in seconds since 1970.

    A SMSC may send the second part only when the first is answered, and each must be on disk before its answer. So
    each part makes the whole text anew, as far as it has come, under the same `ref`: the store replaces it. A part that
    comes after a restart of the hub, or too late, makes a text of its own, with a gap.
    """

    def __init__(self, default: str = "gsm7") -> None:
        self._default = default
        self._unfinished: dict[Key, _Unfinished] = {}

    def take(self, pdu: Pdu, now: float) -> Incoming:
        """Read a deliver_sm or data_sm that is no receipt."""
        number, total, reference = part_of(pdu)
        sender, to = pdu.text("source_addr").removeprefix("+"), pdu.text("destination_addr").removeprefix("+")
        coding, octets = pdu.number("data_coding"), pdu.user_data
        if total == 1:
            return Incoming("", "", sender, to, decode_text(coding, octets, default=self._default), now)
        key = (sender, to, reference, total)
        found = self._unfinished.get(key)
        again = found is not None and found.parts.get(number, (coding, octets)) != (coding, octets)
        if found is None or again or now - found.since >= JOIN_WITHIN:
            # `again`: the reference has come round, and this is a part of another text.
            self._unfinished.pop(key, None)
            found = self._unfinished[key] = _Unfinished(secrets.token_hex(16), now)
            while len(self._unfinished) > MOST_UNFINISHED:
                del self._unfinished[next(iter(self._unfinished))]
        found.parts[number] = (coding, octets)
        return Incoming("", "", sender, to, self._text(found.parts, total), found.since, found.ref)

    def _text(self, parts: dict[int, tuple[int, bytes]], total: int) -> str:
        """Put the parts together; parts beside each other in one alphabet are one, for a letter may be cut in two."""
        pieces: list[str] = []
        number = 1
        while number <= total:
            if number not in parts:
                pieces += [] if pieces[-1:] == [GAP] else [GAP]
                number += 1
                continue
            coding, octets = parts[number]
            while (number := number + 1) in parts and parts[number][0] == coding:
                octets += parts[number][1]
            pieces.append(decode_text(coding, octets, default=self._default))
        return "".join(pieces)
