"""Two sessions and a wire between them."""

import pytest
from hypothesis import settings

from smshub.protocols.smpp.events import BindMode, Bound, Credentials, Event, Limits, Requested, Side
from smshub.protocols.smpp.pdus import Command, Pdu
from smshub.protocols.smpp.session import Session

# A busy machine is slow now and then; that is no fault of what is tested.
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")

CREDENTIALS = Credentials("hub", "secret")
TEXT = Pdu(Command.SUBMIT_SM, {"destination_addr": "491701234567", "short_message": b"Hello"})


class Link:
    """Two sessions and the wire between them; `now` is theirs."""

    def __init__(self, limits: Limits | None = None) -> None:
        self.now = 100.0
        self.esme = Session(Side.ESME, limits or Limits(), self.now)
        self.smsc = Session(Side.SMSC, limits or Limits(), self.now)

    def to_smsc(self) -> list[Event]:
        """Carry what the ESME has written."""
        return self.smsc.receive_data(self.esme.data_to_send(), self.now)

    def to_esme(self) -> list[Event]:
        """Carry what the SMSC has written."""
        return self.esme.receive_data(self.smsc.data_to_send(), self.now)

    def bound(self, mode: BindMode = BindMode.TRANSCEIVER) -> "Link":
        """Bind."""
        self.esme.bind(mode, CREDENTIALS, self.now)
        (asked,) = self.to_smsc()
        assert isinstance(asked, Requested)
        self.smsc.respond(asked.pdu, system_id="smsc")
        (bound,) = self.to_esme()
        assert isinstance(bound, Bound)
        return self

    def submitted(self, token: object = None) -> Pdu:
        """Submit a text and give what the SMSC saw."""
        self.esme.request(TEXT, self.now, token)
        (asked,) = self.to_smsc()
        assert isinstance(asked, Requested)
        return asked.pdu


@pytest.fixture
def link():
    """Give two sessions that are bound to each other as transceivers."""
    return Link().bound()


@pytest.fixture
def new_link():
    """Give a maker of two sessions that are not bound yet: it takes their limits."""
    return Link
