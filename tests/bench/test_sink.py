"""The sink reads submit_sm as another implementation of SMPP writes it."""

import socket

import pytest
from bench.processes import sink
from bench.sink import text_at
from smpplib.smpp import make_pdu


class Sequence:
    """What smpplib asks for the number of the next PDU."""

    def __init__(self, number: int) -> None:
        self.sequence = number

    def next_sequence(self) -> int:
        """Give always the same."""
        return self.sequence


def submit(text: bytes, **fields) -> bytes:
    """Write a submit_sm with smpplib."""
    made = make_pdu("submit_sm", client=Sequence(7), short_message=text, **fields)
    return made.generate()


CASES = [
    (b"run00-00000001 Hello", {}, b"run00-00000001 Hello"),
    ("run00-00000001 Grüße".encode("utf-16-be"), {"data_coding": 8}, "run00-00000001 Grüße".encode("latin-1")),
    (b"\x05\x00\x03\x2a\x02\x01run00-00000001", {"esm_class": 0x40}, b"run00-00000001"),
    (b"tag", {"source_addr": "ACME", "destination_addr": "4915100000001", "service_type": "CMT"}, b"tag"),
    (b"tag", {"validity_period": "000000000500000R", "schedule_delivery_time": "261121120000000+"}, b"tag"),
]


@pytest.mark.parametrize(("text", "fields", "expected"), CASES)
def test_the_text_is_found_whatever_comes_before_it(text, fields, expected):
    """Addresses, times, a user data header and UCS-2 are read past (SMPP 3.4 §4.4.1)."""
    assert (expected, 0) == text_at(submit(text, **fields), 16)


def test_registered_delivery_is_told():
    """The sink knows which texts ask for a receipt."""
    assert (b"tag", 1) == text_at(submit(b"tag", registered_delivery=1), 16)


def test_a_bound_esme_is_answered_in_order_and_its_texts_are_on_disk_first(tmp_path):
    """In ledger mode the tag is in the file when the submit_sm_resp arrives; a report tells tag and time."""
    with sink("--ledger", tmp_path / "sunk") as smsc, socket.create_connection(("127.0.0.1", smsc.port), 5) as esme:
        bind = make_pdu("bind_transceiver", client=Sequence(1), system_id="x", password="x")
        esme.sendall(bind.generate() + submit(b"run00-00000001 Hello"))
        answers = b""
        while len(answers) < 21 + 25:
            answers += esme.recv(4096)

        assert "run00-00000001\n" == (tmp_path / "sunk").read_text()
        assert "transceiver" == smsc.event("bound")["as"]
        assert ["run00-00000001"] == [tag for tag, _ in smsc.arrivals(tmp_path)]

    assert "80000009" + "00000000" + "00000001" == answers[4:16].hex()
    assert "80000004" + "00000000" + "00000007" == answers[25:37].hex()
