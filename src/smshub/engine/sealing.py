"""
Sealing: what must come back out of the database in clear, and must be worth nothing to whoever finds the database.

AES-256-GCM (NIST SP 800-38D) under a key made from the server's for one purpose, with a random nonce of 96 bits; the
context (whose value it is) is authenticated, so that a sealed value cannot be moved to another row.
"""

import base64
import hmac
import os
from binascii import Error

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

PREFIX = "sealed:1:"
_NONCE = 12


class Broken(ValueError):
    """A value that was not sealed here, or not for this context, or was changed."""


class Seal:
    """Seals and opens texts for one purpose."""

    def __init__(self, key: bytes, purpose: str) -> None:
        self._cipher = AESGCM(hmac.digest(key, f"smshub seal {purpose}".encode(), "sha256"))

    def close(self, text: str, context: str) -> str:
        """Seal a text."""
        nonce = os.urandom(_NONCE)
        sealed = nonce + self._cipher.encrypt(nonce, text.encode("utf-8", "surrogatepass"), context.encode())
        return PREFIX + base64.b64encode(sealed).decode("ascii")

    def open(self, sealed: str, context: str) -> str:
        """Give the text back. Raises `Broken`."""
        try:
            raw = base64.b64decode(sealed.removeprefix(PREFIX).encode("ascii"), validate=True)
            opened = self._cipher.decrypt(raw[:_NONCE], raw[_NONCE:], context.encode())
        except (InvalidTag, Error, ValueError):
            raise Broken("it cannot be opened with this key") from None
        return opened.decode("utf-8", "surrogatepass")


def is_sealed(text: str) -> bool:
    """Whether a text of the database is a sealed one."""
    return text.startswith(PREFIX)
