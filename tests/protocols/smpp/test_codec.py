"""The codec: exact octets of every PDU, and the fast way against the tables."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smshub.protocols.smpp.codec import (
    HEADER,
    LocalProtocolError,
    RemoteProtocolError,
    decode,
    decode_body_by_table,
    encode,
    encode_body,
)
from smshub.protocols.smpp.pdus import BODIES, TAGS, TLVS, Command, Kind, Pdu, command_name
from smshub.protocols.smpp.status import Status, status_name

ALL_OF_BIND = {
    "system_id": "hub",
    "password": "secret",
    "system_type": "VMA",
    "interface_version": 0x34,
    "addr_ton": 1,
    "addr_npi": 1,
    "address_range": "^49",
}
BIND_BODY = "68756200 73656372657400 564d4100 34 01 01 5e343900"
ADDRESSES = {
    "source_addr_ton": 5,
    "source_addr_npi": 0,
    "source_addr": "ACME",
    "dest_addr_ton": 1,
    "dest_addr_npi": 1,
    "destination_addr": "491701234567",
}
SOURCE_OCTETS = "05 00 41434d4500"
ADDRESS_OCTETS = SOURCE_OCTETS + "01 01 34393137303132333435363700"
TEXT = {
    "service_type": "CMT",
    **ADDRESSES,
    "esm_class": 0x40,
    "protocol_id": 0x7F,
    "priority_flag": 3,
    "schedule_delivery_time": "260301120000000+",
    "validity_period": "000000000500000R",
    "registered_delivery": 1,
    "replace_if_present_flag": 1,
    "data_coding": 8,
    "sm_default_msg_id": 2,
    "short_message": b"\x00H\x00i",
}
SCHEDULE_OCTETS = "323630333031313230303030303030 2b00"
VALIDITY_OCTETS = "303030303030303030353030303030 5200"
TEXT_BODY = f"434d5400 {ADDRESS_OCTETS} 40 7f 03 {SCHEDULE_OCTETS} {VALIDITY_OCTETS} 01 01 08 02 04 00480069"
LONG_ADDRESSES = f"434d5400 {ADDRESS_OCTETS}"

# Each command with its fields and the octets of its body, written out by hand from the specification's tables.
VECTORS = [
    (Command.BIND_TRANSMITTER, ALL_OF_BIND, BIND_BODY),
    (Command.BIND_TRANSMITTER_RESP, {"system_id": "smsc"}, "736d736300"),
    (Command.BIND_RECEIVER, ALL_OF_BIND, BIND_BODY),
    (Command.BIND_RECEIVER_RESP, {"system_id": "smsc"}, "736d736300"),
    (Command.BIND_TRANSCEIVER, ALL_OF_BIND, BIND_BODY),
    (
        Command.BIND_TRANSCEIVER_RESP,
        {"system_id": "smsc", "sc_interface_version": 0x34},
        "736d736300 0210 0001 34",
    ),
    (Command.OUTBIND, {"system_id": "smsc", "password": "pw"}, "736d736300 707700"),
    (Command.UNBIND, {}, ""),
    (Command.UNBIND_RESP, {}, ""),
    (Command.GENERIC_NACK, {}, ""),
    (Command.ENQUIRE_LINK, {}, ""),
    (Command.ENQUIRE_LINK_RESP, {}, ""),
    (Command.SUBMIT_SM, TEXT, TEXT_BODY),
    (
        Command.SUBMIT_SM,
        {**TEXT, "sar_msg_ref_num": 0x1234, "sar_total_segments": 2, "sar_segment_seqnum": 1},
        f"{TEXT_BODY} 020c 0002 1234 020e 0001 02 020f 0001 01",
    ),
    (
        Command.SUBMIT_SM,
        {**TEXT, "short_message": b"", "message_payload": b"Hello"},
        TEXT_BODY.removesuffix("04 00480069") + "00 0424 0005 48656c6c6f",
    ),
    (Command.SUBMIT_SM_RESP, {"message_id": "7A"}, "374100"),
    (Command.DELIVER_SM, TEXT, TEXT_BODY),
    (
        Command.DELIVER_SM,
        {**TEXT, "receipted_message_id": "7A", "message_state": 2, "network_error_code": b"\x03\x00\x01"},
        f"{TEXT_BODY} 001e 0003 374100 0427 0001 02 0423 0003 030001",
    ),
    (Command.DELIVER_SM_RESP, {"message_id": ""}, "00"),
    (
        Command.DATA_SM,
        {
            "service_type": "CMT",
            **ADDRESSES,
            "esm_class": 0,
            "registered_delivery": 1,
            "data_coding": 4,
            "message_payload": b"\xff",
        },
        f"{LONG_ADDRESSES} 00 01 04 0424 0001 ff",
    ),
    (Command.DATA_SM_RESP, {"message_id": "7A", "delivery_failure_reason": 1}, "374100 0425 0001 01"),
    (
        Command.QUERY_SM,
        {"message_id": "7A", "source_addr_ton": 5, "source_addr_npi": 0, "source_addr": "ACME"},
        f"374100 {SOURCE_OCTETS}",
    ),
    (
        Command.QUERY_SM_RESP,
        {"message_id": "7A", "final_date": "260301120000000+", "message_state": 2, "error_code": 9},
        f"374100 {SCHEDULE_OCTETS} 02 09",
    ),
    (Command.CANCEL_SM, {"service_type": "CMT", "message_id": "7A", **ADDRESSES}, f"434d5400 374100 {ADDRESS_OCTETS}"),
    (Command.CANCEL_SM_RESP, {}, ""),
    (
        Command.REPLACE_SM,
        {
            "message_id": "7A",
            "source_addr_ton": 5,
            "source_addr_npi": 0,
            "source_addr": "ACME",
            "schedule_delivery_time": "260301120000000+",
            "validity_period": "000000000500000R",
            "registered_delivery": 1,
            "sm_default_msg_id": 0,
            "short_message": b"Hi",
        },
        f"374100 {SOURCE_OCTETS} {SCHEDULE_OCTETS} {VALIDITY_OCTETS} 01 00 02 4869",
    ),
    (Command.REPLACE_SM_RESP, {}, ""),
    (
        Command.ALERT_NOTIFICATION,
        {
            "source_addr_ton": 1,
            "source_addr_npi": 1,
            "source_addr": "49170",
            "esme_addr_ton": 2,
            "esme_addr_npi": 3,
            "esme_addr": "hub",
            "ms_availability_status": 0,
        },
        "01 01 343931373000 02 03 68756200 0422 0001 00",
    ),
]


@pytest.mark.parametrize(("command", "fields", "octets"), VECTORS, ids=lambda value: getattr(value, "name", ""))
def test_each_pdu_is_these_octets(command, fields, octets):
    """Written and read, every PDU is what the specification's table says, octet for octet (SMPP 3.4 §4)."""
    body = bytes.fromhex(octets)
    pdu = Pdu(command, fields, 0, 0x01020304)
    data = (16 + len(body)).to_bytes(4, "big") + int(command).to_bytes(4, "big") + bytes.fromhex("0000000001020304")

    assert data + body == encode(pdu)
    assert pdu == decode(data + body)


def test_every_command_has_its_vector():
    """No PDU of the table is left without octets checked by hand."""
    assert set(BODIES) == {command for command, _, _ in VECTORS}


def test_the_status_and_the_number_are_in_the_header():
    """SMPP 3.4 §3.2: command_status and sequence_number; an error's response has no body (§4.4.2)."""
    expected = bytes.fromhex("00000010 80000004 00000058 0000000a")

    assert expected == encode(Pdu(Command.SUBMIT_SM_RESP, {}, Status.ESME_RTHROTTLED, 10))
    assert Pdu(Command.SUBMIT_SM_RESP, {}, 0x58, 10) == decode(expected)


def _values(parameter):
    match parameter.kind:
        case Kind.INTEGER:
            return st.integers(0, 256**parameter.size - 1)
        case Kind.C_OCTET:
            return st.text(st.characters(min_codepoint=1, max_codepoint=255), max_size=parameter.size - 1)
        case _:
            return st.binary(max_size=min(parameter.size, 300))


@st.composite
def pdus(draw, commands=tuple(BODIES)):
    """Any PDU that the tables can say, with any TLVs."""
    command = draw(st.sampled_from(commands))
    fields = {parameter.name: draw(_values(parameter)) for parameter in BODIES[command]}
    for tag in draw(st.lists(st.sampled_from(sorted(TLVS)), max_size=3, unique=True)):
        fields[TLVS[tag].name] = draw(_values(TLVS[tag]))
    if draw(st.booleans()):
        fields["0x1403"] = draw(st.binary(max_size=5))
    return Pdu(command, fields, 0, draw(st.integers(0, 0xFFFFFFFF)))


@given(pdus())
def test_what_is_written_is_read_again(pdu):
    """Decoding is the inverse of encoding, for every command, field and TLV."""
    assert pdu == decode(encode(pdu))


_FAST = (Command.SUBMIT_SM, Command.DELIVER_SM, Command.SUBMIT_SM_RESP, Command.DELIVER_SM_RESP)
_ANYTHING = st.one_of(
    st.none(), st.integers(-1, 300), st.text(max_size=30), st.binary(max_size=300), st.just("€"), st.just("a\0b")
)


@st.composite
def careless(draw):
    """Any command of the fast way, with fields left out and fields of any type and size."""
    command = draw(st.sampled_from(_FAST))
    names = [parameter.name for parameter in BODIES[command]]
    fields = draw(st.dictionaries(st.sampled_from([*names, "message_payload", "nonsense"]), _ANYTHING))
    return Pdu(command, fields, draw(st.sampled_from([0, 8])))


def _outcome(action):
    try:
        return action()
    except (LocalProtocolError, RemoteProtocolError) as error:
        return type(error)


@given(pdus(_FAST) | careless())
def test_the_fast_way_writes_what_the_tables_write(pdu):
    """Octet for octet, and where the tables refuse the fast way does too."""
    assert _outcome(lambda: encode_body(pdu)) == _outcome(lambda: encode(pdu)[16:])


@given(st.sampled_from(_FAST), st.binary(max_size=90) | pdus(_FAST).map(encode_body))
def test_the_fast_way_reads_what_the_tables_read(command, body):
    """The same fields, and where the tables refuse the fast way does too."""
    data = HEADER.pack(16 + len(body), command, 0, 1) + body

    by_table = _outcome(lambda: decode_body_by_table(command, data, 16, len(data)))

    assert by_table == _outcome(lambda: decode(data).fields)


@pytest.mark.parametrize(
    "fields",
    [
        {"source_addr": "4" * 21},
        {"source_addr": "a\0b"},
        {"source_addr": "\u20ac"},
        {"source_addr": 5},
        {"esm_class": 256},
        {"esm_class": -1},
        {"esm_class": "1"},
        {"short_message": bytes(255)},
        {"short_message": "text"},
        {"sar_msg_ref_num": 0x10000},
        {"message_payload": bytes(0x10000)},
        {"no_such_field": 1},
        {"0x1403": 1},
    ],
)
def test_what_does_not_fit_is_our_own_fault(fields):
    """A value that SMPP cannot carry is a LocalProtocolError that does not repeat the value."""
    with pytest.raises(LocalProtocolError) as caught:
        encode(Pdu(Command.SUBMIT_SM, fields))

    assert "4444" not in str(caught.value)


def test_an_unknown_command_cannot_be_written():
    """There is no table for submit_multi."""
    with pytest.raises(LocalProtocolError):
        encode(Pdu(0x21))


@pytest.mark.parametrize("data", [b"", bytes(15), bytes.fromhex("00000011 00000015 00000000 00000001")])
def test_what_is_not_one_pdu_is_the_peers_fault(data):
    """Less than a header, or a length that is not the length, is ESME_RINVCMDLEN."""
    with pytest.raises(RemoteProtocolError) as caught:
        decode(data)

    assert Status.ESME_RINVCMDLEN == caught.value.status


def test_of_two_parameters_with_one_tag_the_first_counts():
    """A doubled TLV is no error, and the second does not override the first."""
    body = bytes.fromhex("00 0427 0001 02 0427 0001 05")

    pdu = decode(HEADER.pack(16 + len(body), Command.DATA_SM_RESP, 0, 1) + body)

    assert {"message_id": "", "message_state": 2} == pdu.fields


def test_a_string_parameter_without_its_nul_is_read():
    """Some SMSCs count the NUL of receipted_message_id, some leave it out."""
    body = bytes.fromhex("00 001e 0002 3741")

    pdu = decode(HEADER.pack(16 + len(body), Command.DATA_SM_RESP, 0, 1) + body)

    assert "7A" == pdu.text("receipted_message_id")


def test_an_empty_parameter_is_read():
    """A TLV of length 0 is an empty string of octets."""
    body = bytes.fromhex("00 0424 0000 130c 0000")

    pdu = decode(HEADER.pack(16 + len(body), Command.DATA_SM_RESP, 0, 1) + body)

    assert (b"", b"") == (pdu.octets("message_payload"), pdu.octets("alert_on_message_delivery"))


def test_short_message_counts_where_both_are_given():
    """message_payload is read where short_message is empty (SMPP 3.4 §5.3.2.32)."""
    assert b"a" == Pdu(Command.SUBMIT_SM, {"short_message": b"a", "message_payload": b"b"}).message
    assert b"b" == Pdu(Command.SUBMIT_SM, {"short_message": b"", "message_payload": b"b"}).message


def test_a_password_is_not_shown():
    """The repr of a bind masks it."""
    shown = repr(Pdu(Command.BIND_TRANSCEIVER, ALL_OF_BIND))

    assert "secret" not in shown
    assert "'system_id': 'hub'" in shown


def test_commands_and_statuses_have_names():
    """What a table knows by its name, the rest by its number."""
    assert ("submit_sm", "0x00000021") == (command_name(Command.SUBMIT_SM), command_name(0x21))
    assert ("ESME_RTHROTTLED", "0x0000045D") == (status_name(0x58), status_name(0x45D))


def test_every_parameter_has_one_tag():
    """No name stands for two TLVs, and none is that of a mandatory parameter of the same PDU."""
    assert len(TLVS) == len(TAGS)
