"""
What a thief of the database learns of the codes in it: a real hub stores them, and every code there is gets tried.

`python -m bench.theft` (`make theft`) does so for a thousand codes, beside a control: the same codes as a hub without a
key of its own would keep them, as salted SHA-512 with the salt in the database. The same search must find all of those,
or it is worth nothing. The texts that carried the codes lie in the same database, sealed: no value of it may have a
code in it, and no value of it may be the key that opens them. The same looks find the codes in texts in clear, and the
key where it is laid beside.
"""

import argparse
import base64
import contextlib
import hashlib
import json
import multiprocessing
import re
import sqlite3
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.hub import PASSWORD, SECRET, Hub
from smshub.domain import otp
from smshub.domain.message import Message, MessageClass
from smshub.engine.privacy import Privacy

DIGITS = 6
SALT = b"the salt that stands in the same database"
POLICY = "[accounts.bench.otp]\ncustom_code = true\n"

Loot = dict[str, list[dict[str, Any]]]


@dataclass(frozen=True, slots=True)
class Target:
    """A stored digest, the bytes that stand before the code in what was digested, and the kind of digest."""

    name: str
    kind: str
    before: bytes
    digest: bytes


def loot_of(url: str) -> Loot:
    """Read every table of a database whole, as its dump has them."""
    if url.startswith("sqlite"):
        with contextlib.closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as connection:
            connection.row_factory = sqlite3.Row
            names = [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
            return {name: [dict(row) for row in connection.execute(f'SELECT * FROM "{name}"')] for name in names}
    import psycopg  # noqa: PLC0415
    from psycopg.rows import dict_row  # noqa: PLC0415

    with psycopg.connect(url, row_factory=dict_row) as connection:
        tables = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
        return {
            name: connection.execute(f'SELECT * FROM "{name}"'.encode()).fetchall()
            for name in (row["tablename"] for row in tables)
        }


def values_of(loot: Loot) -> set[bytes]:
    """Give every value of a dump as bytes, and what it may be the writing of."""
    found: set[bytes] = set()
    for rows in loot.values():
        for value in (value for row in rows for value in row.values() if value not in {None, ""}):
            raw = bytes(value) if isinstance(value, bytes | memoryview) else str(value).encode()
            found.add(raw)
            with contextlib.suppress(ValueError):
                found.add(bytes.fromhex(raw.decode("ascii", "replace")))
            with contextlib.suppress(ValueError):
                found.add(base64.b64decode(raw, validate=True))
    return found


def targets_of(loot: Loot) -> list[Target]:
    """Give the stored digests with all that a thief knows of what was digested; only the key is missing."""
    return [
        Target(
            row["reference"],
            "sha256",
            b"smshub otp 1" + otp.prefixed((row["account"], row["reference"], row["recipient"], "", "", "", "")),
            bytes(row["digest"]),
        )
        for row in loot["challenges"]
    ]


def control(codes: dict[str, str]) -> list[Target]:
    """Give the same codes as they would be kept without a key."""
    return [
        Target(name, "sha512", SALT + name.encode(), hashlib.sha512(SALT + name.encode() + _written(code)).digest())
        for name, code in codes.items()
    ]


def _written(code: str) -> bytes:
    return otp.prefixed((code,))


def search(target: Target) -> str | None:
    """Try every code there is; gives the one that fits, None where none does."""
    begun = hashlib.new(target.kind, target.before)
    wanted = target.digest
    for number in range(10**DIGITS):
        tried = begun.copy()
        tried.update(b"\0\0\0\6%06d" % number)
        if tried.digest() == wanted:
            return f"{number:06d}"
    return None


def search_all(targets: Sequence[Target], tell: bool = False) -> list[str | None]:
    """Search for many, on all cores."""
    began = time.monotonic()
    found: list[str | None] = []
    # A fresh interpreter each: the caller may have threads.
    with multiprocessing.get_context("spawn").Pool() as pool:
        for code in pool.imap(search, targets):
            found.append(code)
            if tell and len(found) % 50 == 0:
                print(f"  {len(found)} of {len(targets)} searched in {time.monotonic() - began:.0f} s", flush=True)
    return found


def keys_that_fit(loot: Loot, codes: dict[str, str], more: Iterable[bytes] = ()) -> list[bytes]:
    """
    Give those values of a dump that are the key of a code in it, or what its key is made of.

    Whoever tries every code under a key finds exactly those that this finds, for here the right code is known.
    """
    candidates = {b"", *values_of(loot), *more}
    candidates |= {hashlib.sha256(value).digest() for value in candidates}
    keys = {key: otp.otp_key(key).key for key in candidates}
    fitting = []
    for row in loot["challenges"][:3]:
        bound = (row["account"], row["reference"], row["recipient"], ("", "", "", ""), codes[row["reference"]])
        for value, key in keys.items():
            if bytes(row["digest"]) in {otp.mac(value, *bound), otp.mac(key, *bound)}:
                fitting.append(value)
    return fitting


def told(texts: Iterable[str], codes: Iterable[str]) -> set[str]:
    """Give those codes that stand in a text by themselves, not within a longer number, word or writing of bytes."""
    wanted = set(codes)
    return {run for text in texts for run in re.findall(r"(?<![\w+/=-])\d{6}(?![\w+/=-])", text) if run in wanted}


def texts_of(loot: Loot) -> list[str]:
    """Give all that is written as text in a dump."""
    return [value for rows in loot.values() for row in rows for value in row.values() if isinstance(value, str)]


def keys_that_open(loot: Loot, more: Iterable[bytes] = ()) -> list[bytes]:
    """Give those values of a dump that open a sealed text in it, or are what its key is made of."""
    candidates = {b"", *values_of(loot), *more}
    candidates |= {hashlib.sha256(value).digest() for value in candidates}
    sealed = [_message(row) for row in loot["messages"][:3]]
    return [key for key in candidates if any(Privacy(key).opened(one) is not None for one in sealed)]


def _message(row: dict[str, Any]) -> Message:
    names = ("id", "submission", "account", "to_written", "text", "created_at", "due_at", "expires_at")
    return Message(**{name: row[name] for name in names}, to=row["recipient"], message_class=MessageClass.OTP)


def store(port: int, authorization: str, count: int) -> dict[str, str]:
    """Have a hub send so many codes; gives them by their references."""
    codes = {}
    for number in range(count):
        # Spread over all codes there are, so that a search that stops early finds none.
        reference, code = f"theft-{number}", f"{(number * 618_033 + 999_983) % 10**DIGITS:06d}"
        body = json.dumps({"to": f"+49170{number:07d}", "reference": reference, "code": code}).encode()
        headers = {"Authorization": authorization, "Content-Type": "application/json"}
        request = urllib.request.Request(f"http://127.0.0.1:{port}/v1/otp", body, headers)
        with urllib.request.urlopen(request, timeout=10):
            codes[reference] = code
    return codes


def _stolen(count: int) -> Iterator[tuple[Loot, dict[str, str]]]:
    with tempfile.TemporaryDirectory() as folder, Hub(Path(folder), 9, more=POLICY) as hub:
        authorization = f"Basic {base64.b64encode(f'bench:{PASSWORD}'.encode()).decode()}"
        codes = store(hub.port, authorization, count)
        yield loot_of(hub.database), codes


def main() -> int:
    """Store codes, steal the database, search it and the control; the exit status is 0 where it is as promised."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--count", type=int, default=1_000, help="how many codes (a thousand take a quarter of an hour)"
    )
    count = parser.parse_args().count
    (loot, codes), *_ = _stolen(count)
    print(f"{len(loot['challenges'])} codes stored by a hub; every one of {10**DIGITS:,} codes is tried on each")
    fitting = keys_that_fit(loot, codes)
    print(f"values of the database that are their key: {len(fitting)}")
    proved = keys_that_fit(loot, codes, [SECRET.encode()])
    print(f"the same look with the key in it: {'found' if proved else 'NOT FOUND, so it proves nothing'}")
    read = told(texts_of(loot), codes.values())
    clear = told(
        (otp.fill("Your code is %s. Do not give it away.", code, 300.0) for code in codes.values()), codes.values()
    )
    sealed = sum(str(row["text"]).startswith("sealed:") for row in loot["messages"])
    opened = keys_that_open(loot)
    opens = keys_that_open(loot, [SECRET.encode()])
    print(f"texts that are sealed: {sealed} of {len(loot['messages'])}; codes to be read in any value: {len(read)}")
    print(f"the same look at texts in clear reads {len(clear)} of {len(codes)}")
    print(f"values of the database that open a text: {len(opened)}; the secret does: {'yes' if opens else 'NO'}")
    hidden = not read and not opened and bool(opens) and len(clear) == len(set(codes.values())) and sealed == count
    known = search_all(control(codes), tell=True)
    found = search_all(targets_of(loot), tell=True)
    right = sum(one == code for one, code in zip(known, codes.values(), strict=True))
    print(f"found of the hub's rows: {sum(one is not None for one in found)} of {len(found)}")
    print(f"found of the control's (salted SHA-512): {right} of {len(known)}")
    promised = hidden and not fitting and bool(proved) and not any(found) and right == len(known) == len(found) == count
    print("as promised" if promised else "NOT as promised")
    return 0 if promised else 1


if __name__ == "__main__":
    sys.exit(main())
