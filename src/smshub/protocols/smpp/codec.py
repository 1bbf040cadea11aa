"""
Bytes to PDUs and back, by the tables of `pdus` (SMPP 3.4 §3.2).

What is sent or read once for every message (submit_sm, deliver_sm and their responses) has a fast way of its own, which
gives the same as the tables or steps aside for them.
"""

import struct
from collections.abc import Callable, Mapping
from typing import Any, cast

from smshub.protocols.smpp.pdus import (
    BODIES,
    HEADER_LENGTH,
    LONGEST_SHORT_MESSAGE,
    RESPONSE,
    TAGS,
    TLVS,
    Command,
    Kind,
    Parameter,
    Pdu,
    Value,
    command_name,
)
from smshub.protocols.smpp.status import Status

HEADER = struct.Struct(">IIII")
_TLV = struct.Struct(">HH")


class SmppError(Exception):
    """Something is not SMPP 3.4: see whose fault it is by the type."""


class LocalProtocolError(SmppError):
    """We wanted to send what SMPP cannot say, or not in this state."""


class RemoteProtocolError(SmppError):
    """
    The peer sent what is not SMPP; `status` is the answer to it.

    `fields` is what could be read before the fault.
    """

    def __init__(self, what: str, status: Status, fields: Mapping[str, Value] | None = None) -> None:
        super().__init__(what)
        self.status = status
        self.fields = dict(fields or {})


def encode(pdu: Pdu, sequence: int | None = None) -> bytes:
    """
    Write a PDU, under another sequence number if one is given.

    Raises `LocalProtocolError` for an unknown command or field and for a value that does not fit.
    """
    if sequence is None:
        sequence = pdu.sequence
    fast = _FAST_ENCODERS.get(pdu.command)
    body = fast(pdu) if fast else None
    if body is None:
        body = encode_body(pdu)
    return HEADER.pack(HEADER_LENGTH + len(body), pdu.command, pdu.status, sequence) + body


def encode_body(pdu: Pdu) -> bytes:
    """Write a body by the tables; an error's response has none unless it is given fields (SMPP 3.4 §4.4.2)."""
    parameters = BODIES.get(pdu.command)
    if parameters is None:
        raise LocalProtocolError(f"no such command as {command_name(pdu.command)}")
    fields = dict(pdu.fields)
    if pdu.status and not fields and pdu.command & RESPONSE:
        return b""
    parts = [_write(parameter, fields.pop(parameter.name, None)) for parameter in parameters]
    parts.extend(_write_tlv(name, value) for name, value in fields.items())
    return b"".join(parts)


def _write(parameter: Parameter, value: Value | None) -> bytes:
    name, kind, size, _ = parameter
    match kind, value:
        case Kind.INTEGER, None | int():
            return _write_integer(name, size, value or 0)
        case Kind.C_OCTET, None | str():
            octets = _write_text(name, value or "")
            if len(octets) >= size:
                raise LocalProtocolError(f"{name} is longer than {size - 1} octets")
            return octets + b"\0"
        case ((Kind.COUNTED | Kind.OCTETS), None | bytes()):
            octets = value or b""
            if len(octets) > size:
                raise LocalProtocolError(f"{name} is longer than {size} octets")
            return bytes((len(octets),)) + octets if kind is Kind.COUNTED else octets
    raise LocalProtocolError(f"{name} is {kind.value}, not {type(value).__name__}")


def _write_integer(name: str, size: int, value: int) -> bytes:
    try:
        return value.to_bytes(size, "big")
    except OverflowError:
        raise LocalProtocolError(f"{name} does not fit into {size} octets") from None


def _write_text(name: str, value: str) -> bytes:
    try:
        octets = value.encode("latin-1")
    except UnicodeEncodeError:
        raise LocalProtocolError(f"{name} has characters that SMPP cannot carry") from None
    if 0 in octets:
        raise LocalProtocolError(f"{name} has a NUL inside")
    return octets


def _write_tlv(name: str, value: Value) -> bytes:
    tag = TAGS.get(name)
    if tag is not None:
        octets = _write(TLVS[tag], value)
    elif name.startswith("0x") and isinstance(value, bytes) and len(value) <= 0xFFFF:
        tag, octets = int(name, 16), value
    else:
        raise LocalProtocolError(f"there is no field {name} here")
    return _TLV.pack(tag, len(octets)) + octets


def decode(data: bytes) -> Pdu:
    """
    Read one whole PDU.

    Raises `RemoteProtocolError` with the status that answers it.
    """
    if len(data) < HEADER_LENGTH:
        raise RemoteProtocolError("shorter than a header", Status.ESME_RINVCMDLEN)
    length, command, status, sequence = HEADER.unpack_from(data)
    if length != len(data):
        raise RemoteProtocolError("command_length is not the length", Status.ESME_RINVCMDLEN)
    return Pdu(command, decode_body(command, data, HEADER_LENGTH, length), status, sequence)


def decode_body(command: int, data: bytes, at: int, end: int) -> dict[str, Value]:
    """
    Read the body that lies between two offsets.

    A response without any body is taken: an error's has none (SMPP 3.4 §4.4.2), and many send none to deliver_sm.
    Raises `RemoteProtocolError`.
    """
    fast = _FAST_DECODERS.get(command)
    if fast is not None:
        fields = fast(data, at, end)
        if fields is not None:
            return fields
    return decode_body_by_table(command, data, at, end)


def decode_body_by_table(command: int, data: bytes, at: int, end: int) -> dict[str, Value]:
    """Read a body by the tables alone."""
    parameters = BODIES.get(command)
    if parameters is None:
        raise RemoteProtocolError("unknown command", Status.ESME_RINVCMDID)
    fields: dict[str, Value] = {}
    if at == end and command & RESPONSE:
        return fields
    for name, kind, size, fault in parameters:
        if kind is Kind.INTEGER:
            if at >= end:
                raise RemoteProtocolError(f"ends before {name}", Status.ESME_RINVCMDLEN, fields)
            fields[name] = data[at]  # the mandatory integers are all of one octet
            at += 1
        elif kind is Kind.C_OCTET:
            stop = data.find(0, at, min(at + size, end))
            if stop < 0:
                short = at + size > end
                raise RemoteProtocolError(f"{name} has no end", Status.ESME_RINVCMDLEN if short else fault, fields)
            fields[name] = data[at:stop].decode("latin-1")
            at = stop + 1
        else:
            stop = at + 1 + data[at] if at < end else end + 1
            if stop > end or stop - at - 1 > size:
                raise RemoteProtocolError(f"{name} is shorter than its length", fault, fields)
            fields[name] = data[at + 1 : stop]
            at = stop
    _read_tlvs(data, at, end, fields)
    return fields


def _read_tlvs(data: bytes, at: int, end: int, fields: dict[str, Value]) -> None:
    while at < end:
        start = at + 4
        if start > end:
            raise RemoteProtocolError("ends inside a TLV", Status.ESME_RINVOPTPARSTREAM, fields)
        tag, length = _TLV.unpack_from(data, at)
        at = start + length
        if at > end:
            raise RemoteProtocolError("a TLV is longer than its PDU", Status.ESME_RINVOPTPARSTREAM, fields)
        parameter = TLVS.get(tag)
        name = parameter.name if parameter else f"0x{tag:04X}"
        value = _read_tlv(parameter, data[start:at], fields) if parameter else data[start:at]
        fields.setdefault(name, value)  # of two with one tag the first counts


def _read_tlv(parameter: Parameter, octets: bytes, fields: dict[str, Value]) -> Value:
    name, kind, size, fault = parameter
    if len(octets) > size or (kind is Kind.INTEGER and len(octets) < size):
        raise RemoteProtocolError(f"{name} has {len(octets)} octets", fault, fields)
    if kind is Kind.INTEGER:
        return int.from_bytes(octets, "big")
    if kind is Kind.C_OCTET:
        # Some SMSCs leave the NUL out, some fill up with several.
        return octets.partition(b"\0")[0].decode("latin-1")
    return octets


_MESSAGE_FIELDS = frozenset(parameter.name for parameter in BODIES[Command.SUBMIT_SM])


def _encode_message(pdu: Pdu) -> bytes | None:
    """Write the body of a submit_sm or deliver_sm without TLVs at once; None where only the tables can tell."""
    fields = pdu.fields
    if not fields.keys() <= _MESSAGE_FIELDS:
        return None
    get = cast("Callable[[str, Any], Any]", fields.get)
    message = get("short_message", b"")
    try:
        # Joining refuses what is not a string, bytes() what is not an octet.
        service, source, destination, schedule, validity = (
            "\0".join(
                (
                    get("service_type", ""),
                    get("source_addr", ""),
                    get("destination_addr", ""),
                    get("schedule_delivery_time", ""),
                    get("validity_period", ""),
                )
            )
            .encode("latin-1")
            .split(b"\0")
        )
        numbers = bytes(
            (
                get("source_addr_ton", 0),
                get("source_addr_npi", 0),
                get("dest_addr_ton", 0),
                get("dest_addr_npi", 0),
                get("esm_class", 0),
                get("protocol_id", 0),
                get("priority_flag", 0),
                get("registered_delivery", 0),
                get("replace_if_present_flag", 0),
                get("data_coding", 0),
                get("sm_default_msg_id", 0),
                len(message),
            )
        )
        body = b"%b\0%b%b\0%b%b\0%b%b\0%b\0%b%b" % (
            service,
            numbers[0:2],
            source,
            numbers[2:4],
            destination,
            numbers[4:7],
            schedule,
            validity,
            numbers[7:],
            message,
        )
    except (ValueError, TypeError):
        return None
    if len(service) > 5 or len(source) > 20 or len(destination) > 20 or len(schedule) > 16:
        return None
    return body if len(validity) <= 16 and len(message) <= LONGEST_SHORT_MESSAGE else None


def _encode_message_id(pdu: Pdu) -> bytes | None:
    """Write the body of a successful submit_sm_resp or deliver_sm_resp that carries nothing but a message_id."""
    fields = pdu.fields
    if pdu.status or len(fields) > 1:
        return None
    message_id = fields.get("message_id", "" if not fields else None)
    if not isinstance(message_id, str) or len(message_id) > 64 or not message_id.isascii() or "\0" in message_id:
        return None
    return message_id.encode() + b"\0"


def _decode_message_id(data: bytes, at: int, end: int) -> dict[str, Value] | None:
    """Read a body that is nothing but a message_id."""
    if 0 < end - at <= 65 and data.find(0, at, end) == end - 1:
        return {"message_id": data[at : end - 1].decode("latin-1")}
    return None


_FAST_ENCODERS: Mapping[int, Callable[[Pdu], bytes | None]] = {
    Command.SUBMIT_SM: _encode_message,
    Command.DELIVER_SM: _encode_message,
    Command.SUBMIT_SM_RESP: _encode_message_id,
    Command.DELIVER_SM_RESP: _encode_message_id,
}
_FAST_DECODERS: Mapping[int, Callable[[bytes, int, int], dict[str, Value] | None]] = {
    Command.SUBMIT_SM_RESP: _decode_message_id,
    Command.DELIVER_SM_RESP: _decode_message_id,
}
