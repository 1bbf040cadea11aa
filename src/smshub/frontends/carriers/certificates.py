"""
The certificate that a caller showed in its TLS handshake, which the listener has verified against its authority.

It rides in the ASGI scope under `extensions` and `tls`, after the extension of that name
(https://asgi.readthedocs.io/en/latest/specs/tls.html), with its names for `Gatekeeper.account_of_certificate` beside.
"""

import hashlib
import ssl
from collections.abc import Mapping
from typing import Any

EXTENSION = "tls"
NAMES = "smshub.names"


def extension_of(transport: Any) -> Mapping[object, object] | None:
    """Describe the caller's certificate; None without TLS, and for a caller that showed none."""
    tls = transport.get_extra_info("ssl_object")
    der = None if tls is None else tls.getpeercert(binary_form=True)
    if not der:
        return None
    subject = tls.getpeercert().get("subject", ())
    named = [value for part in subject for key, value in part if key == "commonName"]
    names = [f"sha256:{hashlib.sha256(der).hexdigest()}", *(f"CN={name}" for name in named)]
    return {"client_cert_chain": [ssl.DER_cert_to_PEM_cert(der)], NAMES: tuple(names)}


def names_of(scope: Mapping[str, Any]) -> tuple[str, ...]:
    """Give the names of the caller's certificate: its fingerprint, then the common names of its subject."""
    found: tuple[str, ...] = scope.get("extensions", {}).get(EXTENSION, {}).get(NAMES, ())
    return found
