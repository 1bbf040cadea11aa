"""
Vonage's signatures of requests and calls: https://developer.vonage.com/en/getting-started/concepts/signing-messages.

The fields in the order of their names, each as `&name=value`, with `_` for what would part them; over that a digest.
"""

import hashlib
import hmac
from collections.abc import Mapping
from typing import Literal

Method = Literal["md5hash", "md5", "sha1", "sha256", "sha512"]

# The fields that are not signed: the signature itself.
UNSIGNED = frozenset({"sig"})


def signed_text(fields: Mapping[str, str]) -> str:
    """Give what is signed."""
    parts = (f"&{name}={fields[name].translate(_PARTING)}" for name in sorted(fields) if name not in UNSIGNED)
    return "".join(parts)


def sign(fields: Mapping[str, str], secret: str, method: Method) -> str:
    """Give the signature of fields, in lower-case hexadecimal digits."""
    text = signed_text(fields).encode()
    if method == "md5hash":
        return hashlib.md5(text + secret.encode(), usedforsecurity=False).hexdigest()  # Vonage's default
    return hmac.new(secret.encode(), text, method).hexdigest()


def is_signed(fields: Mapping[str, str], secret: str, method: Method) -> bool:
    """Say whether fields bear their signature, in either case of its letters; the comparison takes constant time."""
    given = fields.get("sig", "").lower().encode()
    return hmac.compare_digest(given, sign(fields, secret, method).encode())


_PARTING = str.maketrans("&=", "__")
