"""The octets of a PDU: read with bounds, and the small forms that many fields share."""

import datetime as dt

from smshub.domain.gsm7 import decode_gsm7, encode_gsm7, pack_septets, unpack_septets


class TpduError(ValueError):
    """Octets that are no PDU, or a value that no PDU can hold; its words say what is wrong."""


class Reader:
    """Takes octets from the front. Every read past the end raises `TpduError`."""

    __slots__ = ("_at", "_octets")

    def __init__(self, octets: bytes) -> None:
        self._octets = octets
        self._at = 0

    def __len__(self) -> int:
        return len(self._octets) - self._at

    def octet(self) -> int:
        """Take one."""
        return self.take(1)[0]

    def take(self, count: int) -> bytes:
        """Take so many."""
        if count > len(self):
            raise TpduError(f"it ends after {len(self._octets)} octets")
        self._at += count
        return self._octets[self._at - count : self._at]

    def rest(self) -> bytes:
        """Take what is left."""
        return self.take(len(self))


# Semi-octets of an address: TS 23.040 §9.1.2.3. 0xF fills the last octet.
_DIGITS = "0123456789*#abc"

TON_UNKNOWN, TON_INTERNATIONAL, TON_ALPHANUMERIC = 0, 1, 5
NPI_TELEPHONE = 1
MAX_DIGITS = 20


def encode_digits(digits: str) -> bytes:
    """Write digits as swapped semi-octets. Raises `TpduError`."""
    try:
        values = [_DIGITS.index(digit) for digit in digits]
    except ValueError:
        raise TpduError("a number holds digits, * and # only") from None
    values += [0xF] * (len(values) % 2)
    return bytes(low | high << 4 for low, high in zip(values[::2], values[1::2], strict=True))


def decode_digits(octets: bytes, count: int | None = None) -> str:
    """Read swapped semi-octets, at most `count`, up to the first filler."""
    values = [value for octet in octets for value in (octet & 0x0F, octet >> 4)]
    digits = []
    for value in values[:count]:
        if value == 0xF:
            break
        digits.append(_DIGITS[value])
    return "".join(digits)


def encode_number(number: str) -> tuple[int, bytes]:
    """Tell the type-of-address and the semi-octets of `+49…`, a short code or a name. Raises `TpduError`."""
    if number.startswith("+"):
        return _toa(TON_INTERNATIONAL), encode_digits(number[1:])
    if all(character in _DIGITS[:12] for character in number):
        return _toa(TON_UNKNOWN), encode_digits(number)
    try:
        return 0x80 | TON_ALPHANUMERIC << 4, pack_septets(encode_gsm7(number))
    except UnicodeEncodeError:
        raise TpduError("a name holds letters of the GSM alphabet only") from None


def _toa(ton: int) -> int:
    return 0x80 | ton << 4 | NPI_TELEPHONE


def encode_address(number: str) -> bytes:
    """Write an address whose length counts semi-octets: TP-DA, TP-OA, TP-RA (TS 23.040 §9.1.2.5)."""
    toa, octets = encode_number(number)
    length = len(number.removeprefix("+"))
    if toa >> 4 & 7 == TON_ALPHANUMERIC:
        length = (len(encode_gsm7(number)) * 7 + 3) // 4
    if length > MAX_DIGITS:
        raise TpduError(f"a number has at most {MAX_DIGITS} digits")
    return bytes((length, toa)) + octets


def decode_address(reader: Reader) -> str:
    """Read an address: `+` before an international one, a name where it is alphanumeric."""
    length = reader.octet()
    if length > MAX_DIGITS:
        raise TpduError(f"an address of {length} digits")
    toa = reader.octet()
    octets = reader.take((length + 1) // 2)
    ton = toa >> 4 & 7
    if ton == TON_ALPHANUMERIC:
        return decode_gsm7(unpack_septets(octets, length * 4 // 7)).rstrip("\r")
    digits = decode_digits(octets, length)
    return f"+{digits}" if ton == TON_INTERNATIONAL and digits else digits


def encode_smsc(number: str | None) -> bytes:
    """Write a service centre's address, whose length counts octets; None is the SIM's own (TS 27.005 §3.1)."""
    if number is None:
        return b"\0"
    toa, octets = encode_number(number)
    return bytes((1 + len(octets), toa)) + octets


def decode_smsc(reader: Reader) -> str | None:
    """Read a service centre's address; None where there is none."""
    length = reader.octet()
    if length == 0:
        return None
    if length > 1 + (MAX_DIGITS + 1) // 2 + 1:
        raise TpduError(f"a service centre of {length} octets")
    inner = Reader(reader.take(length))
    toa = inner.octet()
    digits = decode_digits(inner.rest())
    return f"+{digits}" if toa >> 4 & 7 == TON_INTERNATIONAL and digits else digits or None


def encode_time(at: float, quarters: int = 0) -> bytes:
    """Write a time (seconds since 1970) as TP-SCTS in a zone of so many quarters of an hour (TS 23.040 §9.2.3.11)."""
    zone = dt.timezone(dt.timedelta(minutes=15 * quarters))
    local = dt.datetime.fromtimestamp(int(at), tz=zone)
    octets = bytearray(encode_digits(local.strftime("%y%m%d%H%M%S") + f"{abs(quarters):02d}"))
    if quarters < 0:
        octets[6] |= 0x08
    return bytes(octets)


def decode_time(octets: bytes) -> float | None:
    """Read a TP-SCTS into seconds since 1970; None where it is no time."""
    sign = -1 if octets[6] & 0x08 else 1
    swapped = [(octet & 0x0F, octet >> 4) for octet in (*octets[:6], octets[6] & 0xF7)]
    if any(tens > 9 or ones > 9 for tens, ones in swapped):
        return None
    year, month, day, hour, minute, second, quarters = (tens * 10 + ones for tens, ones in swapped)
    zone = dt.timezone(sign * dt.timedelta(minutes=15 * min(quarters, 95)))
    try:
        century = 2000 if year < 90 else 1900
        return dt.datetime(century + year, month, day, hour, minute, second, tzinfo=zone).timestamp()
    except (ValueError, OverflowError):
        return None
