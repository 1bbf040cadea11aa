"""Clickatell: its old HTTP API, its old REST API, its Platform's REST API and its One API."""

from smshub.connectors.clickatell.connector import Connector
from smshub.connectors.clickatell.settings import Settings

__all__ = ["Connector", "Settings"]
