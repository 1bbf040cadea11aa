"""How a segment that a modem has sent is found again when its report comes."""

from collections import OrderedDict
from typing import Final

from smshub.protocols.gsm.tpdu import StatusReport

# A modem gives each segment a number of one octet, so numbers come round. It takes seconds to send one, and no modem
# gets through 256 within this time.
WINDOW: Final = 900.0


class References:
    """
    The references of one modem's segments.

    A reference is the SIM, the time in steps of a quarter of an hour, and the number the network gave. A report tells
    the number and when the service centre took the segment; what was sent since the start is remembered besides, for
    the clocks of service centres are not all right.
    """

    def __init__(self) -> None:
        self._sent: OrderedDict[int, tuple[str, str]] = OrderedDict()

    def sent(self, card: str, number: int, to: str, now: float) -> str:
        """Give the reference of a segment that was taken at `now` (seconds since 1970)."""
        ref = _reference(card, number, now)
        self._sent[number] = (_tail(to), ref)
        return ref

    def of(self, card: str, report: StatusReport, now: float) -> tuple[str, tuple[str, ...]]:
        """Give the reference that a report is about, and others that it may be instead."""
        known = self._sent.get(report.reference)
        if known is not None and known[0] == _tail(report.to):
            return known[1], ()
        at = report.submitted_at if report.submitted_at is not None else now
        spellings = [_reference(card, report.reference, at + shift * WINDOW) for shift in (0, -1, 1)]
        return spellings[0], tuple(spellings[1:])


def _reference(card: str, number: int, at: float) -> str:
    return f"{card}-{int(at // WINDOW):x}-{number}"


def _tail(number: str) -> str:
    """Give the digits of a number that stay the same whether it is written nationally or not."""
    return number[-6:]
