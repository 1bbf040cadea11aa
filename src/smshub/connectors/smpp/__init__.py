"""Any SMSC over SMPP 3.4."""

from smshub.connectors.smpp.connector import Connector
from smshub.connectors.smpp.settings import SmppSettings

__all__ = ["Connector", "SmppSettings"]
