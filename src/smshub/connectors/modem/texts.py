"""A message becomes one SUBMIT or several: addresses, alphabets, segments, validity."""

import zlib

from smshub.connectors.modem.settings import NUMBER, ModemSettings
from smshub.domain.delivery import Reason
from smshub.domain.message import Message
from smshub.domain.text import BadText, split
from smshub.protocols.gsm.octets import TpduError
from smshub.protocols.gsm.tpdu import Submit, encode_submit

_SHORTEST = 7  # digits of an international number; what is shorter is a service's


class Unsendable(Exception):
    """A message that no modem can send: `reason` and the sentence say why."""

    def __init__(self, reason: Reason, why: str) -> None:
        super().__init__(why)
        self.reason = reason


def pdus_of(message: Message, settings: ModemSettings, now: float) -> list[tuple[str, int]]:
    """
    Write a message as PDUs in hexadecimal, each with the length that `AT+CMGS` wants.

    `now` is in seconds since 1970. The reference of its segments is made from the message's id, so that a handset that
    got some of them twice puts one text together. Raises `Unsendable`.
    """
    to = message.to if len(message.to) < _SHORTEST or message.to.startswith("+") else f"+{message.to}"
    if not NUMBER.fullmatch(to):
        raise Unsendable(Reason.INVALID_RECIPIENT, "it is no number that a modem can reach")
    reference = zlib.crc32(message.id.encode()) & 0xFFFF
    try:
        return [
            encode_submit(
                Submit(
                    to=to,
                    text=segment.text,
                    encoding=segment.encoding,
                    udh=segment.udh,
                    flash=message.flash,
                    report=settings.reports,
                    valid_for=message.expires_at - now if settings.validity else None,
                    smsc=settings.smsc,
                )
            )
            for segment in split(message.text, reference=reference, wide=settings.long_texts == "udh16")
        ]
    except (BadText, TpduError, UnicodeError) as bad:
        why = "the text cannot be encoded" if isinstance(bad, UnicodeError) else str(bad)
        raise Unsendable(Reason.CONTENT, why) from None
