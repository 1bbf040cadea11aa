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
        sealed = self._close(text.encode("utf-8", "surrogatepass"), context)
        return PREFIX + base64.b64encode(sealed).decode("ascii")

    def open(self, sealed: str, context: str) -> str:
        """Give the text back. Raises `Broken`."""
        try:
            raw = base64.b64decode(sealed.removeprefix(PREFIX).encode("ascii"), validate=True)
        except (Error, ValueError):
            raise Broken("it cannot be opened with this key") from None
        return self._open(raw, context).decode("utf-8", "surrogatepass")

    def close_bytes(self, data: bytes, context: str) -> bytes:
        """Seal what is no text."""
        return PREFIX.encode() + self._close(data, context)

    def open_bytes(self, sealed: bytes, context: str) -> bytes:
        """Give it back. Raises `Broken`."""
        return self._open(sealed.removeprefix(PREFIX.encode()), context)

    def _close(self, data: bytes, context: str) -> bytes:
        nonce = os.urandom(_NONCE)
        return nonce + self._cipher.encrypt(nonce, data, context.encode())

    def _open(self, raw: bytes, context: str) -> bytes:
        try:
            return self._cipher.decrypt(raw[:_NONCE], raw[_NONCE:], context.encode())
        except (InvalidTag, ValueError):
            raise Broken("it cannot be opened with this key") from None


def is_sealed(text: str) -> bool:
    """Whether a text of the database is a sealed one."""
    return text.startswith(PREFIX)
