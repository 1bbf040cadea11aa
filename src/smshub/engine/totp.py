"""Time-based one-time passwords of an authenticator (RFC 6238: SHA-1, six digits, steps of thirty seconds)."""

import base64
import hmac
import secrets
import struct
from urllib.parse import quote

STEP = 30.0
SECRET_BYTES = 20
# How many steps the authenticator's clock may be off, each way.
SKEW = 1


def draw_secret() -> str:
    """Draw a secret, in base32 as authenticators take it."""
    return base64.b32encode(secrets.token_bytes(SECRET_BYTES)).decode("ascii")


def address_of(secret: str, name: str, issuer: str) -> str:
    """Give the otpauth address of a secret, which authenticators read."""
    label = quote(f"{issuer}:{name}", safe="")
    return f"otpauth://totp/{label}?secret={secret}&issuer={quote(issuer, safe='')}&algorithm=SHA1&digits=6&period=30"


def code_of(secret: str, step: int) -> str:
    """Give the code of a step (RFC 4226 §5.3)."""
    digest = hmac.digest(base64.b32decode(secret), struct.pack(">Q", step), "sha1")
    offset = digest[-1] & 15
    number = int.from_bytes(digest[offset : offset + 4], "big") & 0x7FFF_FFFF
    return f"{number % 1_000_000:06d}"


def step_of(secret: str, code: str, now: float) -> int | None:
    """Tell of which step around `now` a code is; None where it is of none. In the same time whichever it is."""
    if not code.isascii():
        return None
    found = None
    for step in range(int(now / STEP) - SKEW, int(now / STEP) + SKEW + 1):
        if hmac.compare_digest(code_of(secret, step), code):
            found = step
    return found
