"""Two other implementations read what we write, and we read what they write."""

import smpp34
import smpplib.consts
import smpplib.smpp
from hypothesis import given
from hypothesis import strategies as st

from smshub.protocols.smpp.codec import decode, encode
from smshub.protocols.smpp.pdus import Command, Pdu

_TEXT = {
    "service_type": "CMT",
    "source_addr_ton": 5,
    "source_addr_npi": 0,
    "source_addr": "ACME",
    "dest_addr_ton": 1,
    "dest_addr_npi": 1,
    "destination_addr": "491701234567",
    "esm_class": 0x40,
    "protocol_id": 1,
    "priority_flag": 2,
    "schedule_delivery_time": "",
    "validity_period": "000000000500000R",
    "registered_delivery": 1,
    "replace_if_present_flag": 0,
    "data_coding": 8,
    "sm_default_msg_id": 3,
    "short_message": b"\x05\x00\x03\x01\x02\x01\x00H\x00i",
}
_BIND = {
    "system_id": "hub",
    "password": "secret",
    "system_type": "VMA",
    "interface_version": 0x34,
    "addr_ton": 1,
    "addr_npi": 1,
    "address_range": "49",
}


class _Counter:
    """What smpplib wants of a client to make a PDU."""

    sequence = 7

    def next_sequence(self):
        """Number a PDU."""
        return self.sequence


def _smpplib(data):
    pdu = smpplib.smpp.parse_pdu(data, client=_Counter(), allow_unknown_opt_params=True)
    assert pdu is not None
    return pdu


def test_smpplib_reads_our_texts():
    """Every field and TLV of a submit_sm arrives as it was meant."""
    fields = {**_TEXT, "sar_msg_ref_num": 0x1234, "sar_total_segments": 2, "sar_segment_seqnum": 1}

    read = _smpplib(encode(Pdu(Command.SUBMIT_SM, fields, 0, 7)))

    assert ("submit_sm", 7) == (read.command, read.sequence)
    expected = {name: value.encode() if isinstance(value, str) else value for name, value in fields.items()}
    assert expected == {name: getattr(read, name) or _empty(value) for name, value in expected.items()}


def _empty(value):
    return b"" if isinstance(value, bytes) else 0


def test_smpplib_reads_our_binds():
    """A bind_transceiver and its answer."""
    bind = _smpplib(encode(Pdu(Command.BIND_TRANSCEIVER, _BIND, 0, 1)))
    answer = _smpplib(encode(Pdu(Command.BIND_TRANSCEIVER_RESP, {"system_id": "smsc"}, 0, 1)))

    expected = {name: value.encode() if isinstance(value, str) else value for name, value in _BIND.items()}
    assert expected == {name: getattr(bind, name) for name in expected}
    assert (b"smsc", 0) == (answer.system_id, answer.status)


def test_smpplib_reads_our_answers():
    """A submit_sm_resp with an id, and one with an error and no body."""
    taken = _smpplib(encode(Pdu(Command.SUBMIT_SM_RESP, {"message_id": "7A"}, 0, 5)))
    refused = _smpplib(encode(Pdu(Command.SUBMIT_SM_RESP, {}, 0x58, 6)))

    assert (b"7A", 5) == (taken.message_id, taken.sequence)
    assert (smpplib.consts.SMPP_ESME_RTHROTTLED, 6) == (refused.status, refused.sequence)


def test_we_read_smpplibs_texts_and_binds():
    """What smpplib writes has the fields that it was given."""
    text = smpplib.smpp.make_pdu("submit_sm", client=_Counter(), **_TEXT)
    bind = smpplib.smpp.make_pdu("bind_transmitter", client=_Counter(), **_BIND)

    assert Pdu(Command.SUBMIT_SM, _TEXT, 0, 7) == decode(text.generate())
    assert Pdu(Command.BIND_TRANSMITTER, _BIND, 0, 7) == decode(bind.generate())


_ASCII = st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=20)
_OCTET = st.integers(0, 255)
_TEXTS = st.fixed_dictionaries(
    {
        "service_type": st.text("ABC", max_size=5),
        "source_addr_ton": st.integers(0, 6),
        "source_addr_npi": st.sampled_from([0, 1, 3, 4, 6, 8, 9, 10, 14, 18]),
        "source_addr": _ASCII,
        "dest_addr_ton": st.integers(0, 6),
        "dest_addr_npi": st.sampled_from([0, 1, 3, 4, 6, 8, 9, 10, 14, 18]),
        "destination_addr": _ASCII,
        "esm_class": _OCTET,
        "protocol_id": _OCTET,
        "priority_flag": st.integers(0, 3),
        "schedule_delivery_time": st.just(""),
        "validity_period": st.sampled_from(["", "000000000500000R"]),
        "registered_delivery": _OCTET,
        "replace_if_present_flag": st.integers(0, 1),
        "data_coding": _OCTET,
        "sm_default_msg_id": _OCTET,
        "short_message": st.binary(max_size=254),
    }
)


@given(_TEXTS, st.integers(1, 0x7FFFFFFF))
def test_smpp34_reads_our_texts(fields, sequence):
    """Any submit_sm of ours has the same fields there."""
    read = smpp34.decode(encode(Pdu(Command.SUBMIT_SM, fields, 0, sequence)))

    assert isinstance(read, smpp34.SubmitSm)
    assert fields == {name: getattr(read, name) for name in fields}
    assert sequence == read.sequence_number


@given(_TEXTS, st.integers(1, 0x7FFFFFFF))
def test_we_read_smpp34s_texts(fields, sequence):
    """Any submit_sm and deliver_sm of theirs has the same fields here, its TLV included."""
    tlvs = [smpp34.Tlv(smpp34.TLV_RECEIPTED_MESSAGE_ID, b"7A\0"), smpp34.Tlv(0x1403, b"\x01")]
    both = {**fields, "receipted_message_id": "7A", "0x1403": b"\x01"}

    submit = smpp34.SubmitSm(**fields, sequence_number=sequence)
    deliver = smpp34.DeliverSm(**fields, tlvs=tlvs, sequence_number=sequence)

    assert Pdu(Command.SUBMIT_SM, fields, 0, sequence) == decode(submit.encode())
    assert Pdu(Command.DELIVER_SM, both, 0, sequence) == decode(deliver.encode())
