"""
The WebSocket message broker that OTP-Pi and OTP-Publisher meet at, built in.

It is a room of its own because it is neither a way in nor a way out: it hands messages between its clients, knows no
Command, writes nothing down, and the hub may be one of its clients like any other.

`handshake` decides who gets in as what, `htpasswd` and `credentials` know the passwords, `server` is the wire.
"""

from smshub.broker.lifecycle import Broker

__all__ = ["Broker"]
