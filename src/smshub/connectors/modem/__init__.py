"""GSM modems on serial ports, in PDU mode."""

from smshub.connectors.modem.connector import Connector
from smshub.connectors.modem.settings import ModemSettings

__all__ = ["Connector", "ModemSettings"]
