"""
What SMPP 3.4 can say: its commands, the mandatory parameters of each and the optional ones, as tables.

Specification: SMPP Protocol Specification v3.4, issue 1.2. Commands §5.1.2.1, mandatory parameters §4, optional §5.3.
"""

from collections.abc import Mapping
from enum import Enum, IntEnum
from typing import NamedTuple, TypeAlias

import msgspec

from smshub.protocols.smpp.status import Status

RESPONSE = 0x80000000  # the bit that makes a request's id its response's id, SMPP 3.4 §5.1.2
HEADER_LENGTH = 16
LONGEST = 64 * 1024  # of a PDU that we read; the specification knows no limit, message_payload is 64 KiB at most
LONGEST_SHORT_MESSAGE = 254  # SMPP 3.4 §5.2.21
LAST_SEQUENCE = 0x7FFFFFFF  # SMPP 3.4 §5.1.4

Value: TypeAlias = int | str | bytes


class Command(IntEnum):
    """What a PDU asks or answers (SMPP 3.4 §5.1.2.1)."""

    BIND_RECEIVER = 0x01
    BIND_TRANSMITTER = 0x02
    QUERY_SM = 0x03
    SUBMIT_SM = 0x04
    DELIVER_SM = 0x05
    UNBIND = 0x06
    REPLACE_SM = 0x07
    CANCEL_SM = 0x08
    BIND_TRANSCEIVER = 0x09
    OUTBIND = 0x0B
    ENQUIRE_LINK = 0x15
    ALERT_NOTIFICATION = 0x102
    DATA_SM = 0x103
    GENERIC_NACK = 0x80000000
    BIND_RECEIVER_RESP = 0x80000001
    BIND_TRANSMITTER_RESP = 0x80000002
    QUERY_SM_RESP = 0x80000003
    SUBMIT_SM_RESP = 0x80000004
    DELIVER_SM_RESP = 0x80000005
    UNBIND_RESP = 0x80000006
    REPLACE_SM_RESP = 0x80000007
    CANCEL_SM_RESP = 0x80000008
    BIND_TRANSCEIVER_RESP = 0x80000009
    ENQUIRE_LINK_RESP = 0x80000015
    DATA_SM_RESP = 0x80000103


BINDS = frozenset({Command.BIND_RECEIVER, Command.BIND_TRANSMITTER, Command.BIND_TRANSCEIVER})


class Pdu(msgspec.Struct, frozen=True, gc=False):
    """
    One PDU: `fields` are its mandatory parameters and TLVs by the names of the tables below.

    C-octet strings are `str` (each character one octet, latin-1), octet strings `bytes`, the rest `int`. A TLV that no
    table knows is named by its tag, `"0x1403"`. What a PDU to be encoded leaves out is 0 or empty. `command` and
    `status` are plain integers, for a peer may send any.
    """

    command: int
    fields: dict[str, Value] = {}
    status: int = 0
    sequence: int = 0

    def number(self, name: str) -> int:
        """Give an integer field; 0 where it is absent."""
        value = self.fields.get(name, 0)
        return value if isinstance(value, int) else 0

    def text(self, name: str) -> str:
        """Give a C-octet string; empty where it is absent."""
        value = self.fields.get(name, "")
        return value if isinstance(value, str) else ""

    def octets(self, name: str) -> bytes:
        """Give an octet string; empty where it is absent."""
        value = self.fields.get(name, b"")
        return value if isinstance(value, bytes) else b""

    @property
    def message(self) -> bytes:
        """The user data: `short_message`, or `message_payload` where that is empty (SMPP 3.4 §5.3.2.32)."""
        return self.octets("short_message") or self.octets("message_payload")

    @property
    def user_data(self) -> bytes:
        """The message without its user data header; one that claims to be longer than the data is not believed."""
        data = self.message
        header = 1 + data[0] if data and self.number("esm_class") & 0x40 else 0  # UDHI, SMPP 3.4 §5.2.12
        return data[header:] if header <= len(data) else data

    def __repr__(self) -> str:
        """Show everything but a password."""
        shown = {name: "********" if name == "password" else value for name, value in self.fields.items()}
        name = command_name(self.command)
        return f"Pdu({name}, {shown!r}, status=0x{self.status:X}, sequence={self.sequence})"


class Kind(Enum):
    """How a parameter lies on the wire (SMPP 3.4 §3.1)."""

    INTEGER = "integer"  # big-endian, `size` octets
    C_OCTET = "c-octet string"  # at most `size` octets with its NUL
    COUNTED = "counted octets"  # one octet of length, then that many, at most `size`
    OCTETS = "octets"  # TLVs only: the TLV's length tells, at most `size`


class Parameter(NamedTuple):
    """One parameter: its name, how it is written, and the status that answers a request where it is wrong."""

    name: str
    kind: Kind
    size: int
    fault: Status


def _integer(name: str) -> Parameter:
    return Parameter(name, Kind.INTEGER, 1, Status.ESME_RINVCMDLEN)


def _c_octet(name: str, size: int, fault: Status = Status.ESME_RINVCMDLEN) -> Parameter:
    return Parameter(name, Kind.C_OCTET, size, fault)


def _address(prefix: str, name: str, size: int, fault: Status) -> tuple[Parameter, ...]:
    return _integer(f"{prefix}_ton"), _integer(f"{prefix}_npi"), _c_octet(name, size, fault)


_SERVICE_TYPE = _c_octet("service_type", 6, Status.ESME_RINVSERTYP)  # SMPP 3.4 §5.2.11
_SOURCE = _address("source_addr", "source_addr", 21, Status.ESME_RINVSRCADR)  # SMPP 3.4 §5.2.8
_LONG_SOURCE = _address("source_addr", "source_addr", 65, Status.ESME_RINVSRCADR)
_DESTINATION = _address("dest_addr", "destination_addr", 21, Status.ESME_RINVDSTADR)  # SMPP 3.4 §5.2.9
_LONG_DESTINATION = _address("dest_addr", "destination_addr", 65, Status.ESME_RINVDSTADR)
_MESSAGE_ID = _c_octet("message_id", 65, Status.ESME_RINVMSGID)  # SMPP 3.4 §5.2.23
_SCHEDULE = _c_octet("schedule_delivery_time", 17, Status.ESME_RINVSCHED)  # SMPP 3.4 §5.2.15
_VALIDITY = _c_octet("validity_period", 17, Status.ESME_RINVEXPIRY)  # SMPP 3.4 §5.2.16
_SHORT_MESSAGE = Parameter(
    "short_message", Kind.COUNTED, LONGEST_SHORT_MESSAGE, Status.ESME_RINVMSGLEN
)  # SMPP 3.4 §5.2.21, §5.2.22
_BIND = (
    _c_octet("system_id", 16, Status.ESME_RINVSYSID),
    _c_octet("password", 9, Status.ESME_RINVPASWD),
    _c_octet("system_type", 13, Status.ESME_RINVSYSTYP),
    _integer("interface_version"),
    *_address("addr", "address_range", 41, Status.ESME_RBINDFAIL),
)
_BIND_RESP = (_c_octet("system_id", 16),)
_SHORT_MESSAGE_PDU = (
    _SERVICE_TYPE,
    *_SOURCE,
    *_DESTINATION,
    _integer("esm_class"),
    _integer("protocol_id"),
    _integer("priority_flag"),
    _SCHEDULE,
    _VALIDITY,
    _integer("registered_delivery"),
    _integer("replace_if_present_flag"),
    _integer("data_coding"),
    _integer("sm_default_msg_id"),
    _SHORT_MESSAGE,
)

# Every mandatory parameter of every PDU, in the order of the wire.
BODIES: Mapping[int, tuple[Parameter, ...]] = {
    # SMPP 3.4 §4.1.1 to §4.1.6
    Command.BIND_TRANSMITTER: _BIND,
    Command.BIND_TRANSMITTER_RESP: _BIND_RESP,
    Command.BIND_RECEIVER: _BIND,
    Command.BIND_RECEIVER_RESP: _BIND_RESP,
    Command.BIND_TRANSCEIVER: _BIND,
    Command.BIND_TRANSCEIVER_RESP: _BIND_RESP,
    # SMPP 3.4 §4.1.7
    Command.OUTBIND: (
        _c_octet("system_id", 16, Status.ESME_RINVSYSID),
        _c_octet("password", 9, Status.ESME_RINVPASWD),
    ),
    # SMPP 3.4 §4.2
    Command.UNBIND: (),
    Command.UNBIND_RESP: (),
    # SMPP 3.4 §4.3
    Command.GENERIC_NACK: (),
    # SMPP 3.4 §4.4
    Command.SUBMIT_SM: _SHORT_MESSAGE_PDU,
    Command.SUBMIT_SM_RESP: (_MESSAGE_ID,),
    # SMPP 3.4 §4.6; the response's message_id is unused and a NUL
    Command.DELIVER_SM: _SHORT_MESSAGE_PDU,
    Command.DELIVER_SM_RESP: (_MESSAGE_ID,),
    # SMPP 3.4 §4.7
    Command.DATA_SM: (
        _SERVICE_TYPE,
        *_LONG_SOURCE,
        *_LONG_DESTINATION,
        _integer("esm_class"),
        _integer("registered_delivery"),
        _integer("data_coding"),
    ),
    Command.DATA_SM_RESP: (_MESSAGE_ID,),
    # SMPP 3.4 §4.8
    Command.QUERY_SM: (_MESSAGE_ID, *_SOURCE),
    Command.QUERY_SM_RESP: (
        _MESSAGE_ID,
        _c_octet("final_date", 17),
        _integer("message_state"),
        _integer("error_code"),
    ),
    # SMPP 3.4 §4.9
    Command.CANCEL_SM: (_SERVICE_TYPE, _MESSAGE_ID, *_SOURCE, *_DESTINATION),
    Command.CANCEL_SM_RESP: (),
    # SMPP 3.4 §4.10
    Command.REPLACE_SM: (
        _MESSAGE_ID,
        *_SOURCE,
        _SCHEDULE,
        _VALIDITY,
        _integer("registered_delivery"),
        _integer("sm_default_msg_id"),
        _SHORT_MESSAGE,
    ),
    Command.REPLACE_SM_RESP: (),
    # SMPP 3.4 §4.11
    Command.ENQUIRE_LINK: (),
    Command.ENQUIRE_LINK_RESP: (),
    # SMPP 3.4 §4.12
    Command.ALERT_NOTIFICATION: (
        *_LONG_SOURCE,
        *_address("esme_addr", "esme_addr", 65, Status.ESME_RINVDSTADR),
    ),
}

# Commands that nobody answers.
UNANSWERED = frozenset({Command.OUTBIND, Command.ALERT_NOTIFICATION})


def _tlv(name: str, size: int, kind: Kind = Kind.INTEGER) -> Parameter:
    return Parameter(name, kind, size, Status.ESME_RINVPARLEN)


# Every optional parameter by its tag. SMPP 3.4 §5.3.2
TLVS: Mapping[int, Parameter] = {
    0x0005: _tlv("dest_addr_subunit", 1),
    0x0006: _tlv("dest_network_type", 1),
    0x0007: _tlv("dest_bearer_type", 1),
    0x0008: _tlv("dest_telematics_id", 2),
    0x000D: _tlv("source_addr_subunit", 1),
    0x000E: _tlv("source_network_type", 1),
    0x000F: _tlv("source_bearer_type", 1),
    0x0010: _tlv("source_telematics_id", 1),
    0x0017: _tlv("qos_time_to_live", 4),
    0x0019: _tlv("payload_type", 1),
    0x001D: _tlv("additional_status_info_text", 256, Kind.C_OCTET),
    0x001E: _tlv("receipted_message_id", 65, Kind.C_OCTET),
    0x0030: _tlv("ms_msg_wait_facilities", 1),
    0x0201: _tlv("privacy_indicator", 1),
    0x0202: _tlv("source_subaddress", 23, Kind.OCTETS),
    0x0203: _tlv("dest_subaddress", 23, Kind.OCTETS),
    0x0204: _tlv("user_message_reference", 2),
    0x0205: _tlv("user_response_code", 1),
    0x020A: _tlv("source_port", 2),
    0x020B: _tlv("destination_port", 2),
    0x020C: _tlv("sar_msg_ref_num", 2),
    0x020D: _tlv("language_indicator", 1),
    0x020E: _tlv("sar_total_segments", 1),
    0x020F: _tlv("sar_segment_seqnum", 1),
    0x0210: _tlv("sc_interface_version", 1),
    0x0302: _tlv("callback_num_pres_ind", 1),
    0x0303: _tlv("callback_num_atag", 65, Kind.OCTETS),
    0x0304: _tlv("number_of_messages", 1),
    0x0381: _tlv("callback_num", 19, Kind.OCTETS),
    0x0420: _tlv("dpf_result", 1),
    0x0421: _tlv("set_dpf", 1),
    0x0422: _tlv("ms_availability_status", 1),
    0x0423: _tlv("network_error_code", 3, Kind.OCTETS),
    0x0424: _tlv("message_payload", 0xFFFF, Kind.OCTETS),
    0x0425: _tlv("delivery_failure_reason", 1),
    0x0426: _tlv("more_messages_to_send", 1),
    0x0427: _tlv("message_state", 1),
    0x0501: _tlv("ussd_service_op", 1, Kind.OCTETS),
    0x1201: _tlv("display_time", 1),
    0x1203: _tlv("sms_signal", 2),
    0x1204: _tlv("ms_validity", 1),
    0x130C: _tlv("alert_on_message_delivery", 0, Kind.OCTETS),
    0x1380: _tlv("its_reply_type", 1),
    0x1383: _tlv("its_session_info", 2, Kind.OCTETS),
}

TAGS: Mapping[str, int] = {parameter.name: tag for tag, parameter in TLVS.items()}

_COMMAND_NAMES = {int(command): command.name.lower() for command in Command}


def command_name(command: int) -> str:
    """Name a command for a log: as in the specification, else its number in hexadecimal."""
    return _COMMAND_NAMES.get(command) or f"0x{command:08X}"
