"""
Apache's password files, https://httpd.apache.org/docs/2.4/misc/password_encryptions.html.

Nothing of the file is kept: a look-up reads it in windows, so that a million lines cost no memory, and whatever is
written to it holds for the next look-up. Lines that are no entry are passed over.
"""

import base64
import hashlib
import hmac
import os
import re
from pathlib import Path

import bcrypt

WINDOW = 1 << 20
LONGEST_LINE = 4_096
# bcrypt's work doubles with each step: 15 is about two seconds, and a file is not to hold a thread for hours.
HIGHEST_COST = 15

_BCRYPT = re.compile(rb"\$2[aby]\$(\d\d)\$[./A-Za-z0-9]{53}")
_APR1 = re.compile(rb"\$apr1\$[./A-Za-z0-9]{1,8}\$[./A-Za-z0-9]{22}")
_SHA = re.compile(rb"\{SHA\}[A-Za-z0-9+/]{27}=")
_BOM = b"\xef\xbb\xbf"


def find(path: Path, name: bytes) -> bytes | None:
    """
    Give the hash beside a name, the first where there are several; None where the name is not there.

    Raises OSError. A name with a colon or a line end in it is in no file.
    """
    if not name or name.startswith(b"#") or any(end in name for end in (b":", b"\n", b"\r")):
        return None
    needle = b"\n" + name + b":"
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        offset = 0
        # Each window reaches so far into the next that a line which begins in it is whole.
        while block := os.pread(descriptor, WINDOW + LONGEST_LINE, offset):
            text = block if offset else b"\n" + block.removeprefix(_BOM)
            place = text.find(needle, 0, WINDOW + len(needle))
            if place >= 0:
                return text[place + len(needle) :].split(b"\n", 1)[0].split(b":", 1)[0].strip()
            # The needle's own line end is the last byte of the window before.
            offset += WINDOW - 1
    finally:
        os.close(descriptor)
    return None


def first_hash(path: Path) -> bytes | None:
    """Give the first usable hash of the file: verifying it costs what the file's names cost. Raises OSError."""
    with path.open("rb") as file:
        lines = file.read(WINDOW).splitlines()
    return next((kept for line in lines if is_usable(kept := line.partition(b":")[2].split(b":", 1)[0].strip())), None)


def is_usable(kept: bytes) -> bool:
    """Tell whether a hash is of a scheme that is taken: bcrypt, $apr1$ or {SHA}. Plain text and crypt are not."""
    found = _BCRYPT.fullmatch(kept)
    if found is not None:
        return int(found[1]) <= HIGHEST_COST
    return _APR1.fullmatch(kept) is not None or _SHA.fullmatch(kept) is not None


def verify(kept: bytes, password: bytes) -> bool:
    """Tell whether a password belongs to a hash; a hash that is not usable belongs to none. Slow by design."""
    if not is_usable(kept) or b"\0" in password:
        return False
    if kept.startswith(b"{SHA}"):
        # The scheme is unsalted SHA-1; it is what the files of this world hold.
        digest = base64.b64encode(hashlib.sha1(password, usedforsecurity=False).digest())
        return hmac.compare_digest(kept.removeprefix(b"{SHA}"), digest)
    if kept.startswith(b"$apr1$"):
        from passlib.hash import apr_md5_crypt  # type: ignore[import-untyped]  # noqa: PLC0415 - few need it

        return bool(apr_md5_crypt.verify(password, kept.decode("ascii")))
    try:
        # bcrypt itself knows 72 bytes; longer passwords were cut when the hash was made.
        return bcrypt.checkpw(password[:72], kept)
    except ValueError:  # such as a cost below four
        return False
