"""
The SMSC of the benchmark: takes every submit_sm, notes its tag and the time, and answers at once.

A process of its own on uvloop that reads SMPP 3.4 with struct and writes its answers in batches. It prints one JSON
line for each event (`listening`, `bound`) and obeys lines on its stdin: `count`, `report PATH`. SIGTERM ends it.
"""

import argparse
import asyncio
import contextlib
import json
import os
import signal
import struct
import sys
import time
from array import array
from pathlib import Path
from typing import cast

import uvloop

from bench.doors import check_loopback

HEADER = struct.Struct(">IIII")
LARGEST = 65_536

# SMPP 3.4 §5.1.2.1
SUBMIT_SM, DELIVER_SM, UNBIND, ENQUIRE_LINK, GENERIC_NACK = 0x04, 0x05, 0x06, 0x15, 0x80000000
BINDS = {0x01: "receiver", 0x02: "transmitter", 0x09: "transceiver"}
RESPONSE = 0x80000000
BAD_COMMAND = 0x03  # ESME_RINVCMDID

ANSWER = struct.Struct(">IIII9s")  # a submit_sm_resp: header and an id of eight digits


def text_at(pdu: bytes, at: int) -> tuple[bytes, int]:
    """
    Find the short message of the submit_sm whose body begins at `at`, and its registered_delivery.

    SMPP 3.4 §4.4.1. UCS-2 is brought to Latin-1, which is enough for a tag; a user data header is left out.
    """
    index = pdu.index
    at = index(0, at) + 1  # service_type
    at = index(0, at + 2) + 1  # source_addr
    at = index(0, at + 2) + 1  # destination_addr
    esm_class = pdu[at]
    at = index(0, at + 3) + 1  # schedule_delivery_time
    at = index(0, at) + 1  # validity_period
    registered, coding, length = pdu[at], pdu[at + 2], pdu[at + 4]
    text = pdu[at + 5 : at + 5 + length]
    if esm_class & 0x40 and text:
        text = text[text[0] + 1 :]
    if coding == 0x08:  # UCS-2
        text = text.decode("utf-16-be", "replace").encode("latin-1", "replace")
    return text, registered


class Ledger:
    """What has arrived: tags and times, in order; and, where it is asked for, on disk before the answer."""

    def __init__(self, path: Path | None) -> None:
        self.texts: list[bytes] = []
        self.times = array("d")
        self.file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600) if path else None

    def keep(self, texts: list[bytes], now: float) -> None:
        """Note a batch."""
        self.texts += texts
        self.times.extend([now] * len(texts))
        if self.file is not None:
            os.write(self.file, b"".join(text.partition(b" ")[0] + b"\n" for text in texts))
            os.fdatasync(self.file)

    def report(self, path: Path) -> None:
        """Write one line for each arrival: tag and time."""
        with path.open("w", encoding="latin-1") as file:
            for text, at in zip(self.texts, self.times, strict=True):
                file.write(f"{text.partition(b' ')[0].decode('latin-1')} {at:.6f}\n")


class Session(asyncio.Protocol):
    """One bind."""

    def __init__(self, ledger: Ledger, *, delay: float = 0.0, receipts: bool = False) -> None:
        self.ledger = ledger
        self.delay = delay
        self.receipts = receipts
        self.rest = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the way back."""
        self.transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Take every whole PDU, note the texts, answer them in one write."""
        now = time.monotonic()
        if self.rest:
            data = self.rest + data
        at, size = 0, len(data)
        texts: list[bytes] = []
        answers: list[bytes] = []
        numbered = len(self.ledger.texts)
        while size - at >= 16:
            length, command, _, sequence = HEADER.unpack_from(data, at)
            if not 16 <= length <= LARGEST:
                self.transport.abort()
                return
            if size - at < length:
                break
            if command == SUBMIT_SM:
                text, registered = text_at(data, at + 16)
                texts.append(text)
                name = b"%08x\0" % (numbered + len(texts))
                answers.append(ANSWER.pack(25, SUBMIT_SM | RESPONSE, 0, sequence, name))
                if registered & 1 and self.receipts:
                    answers.append(receipt(name, sequence))
            elif not command & RESPONSE:
                answers.append(self.other(command, sequence))
            at += length
        self.rest = data[at:]
        if texts:
            self.ledger.keep(texts, now)
            self.answer(b"".join(answers))
        elif answers:
            self.transport.write(b"".join(answers))

    def other(self, command: int, sequence: int) -> bytes:
        """Answer what is not a submit_sm."""
        if command in BINDS:
            print(json.dumps({"event": "bound", "as": BINDS[command]}), flush=True)
            return HEADER.pack(21, command | RESPONSE, 0, sequence) + b"sink\0"
        if command in {ENQUIRE_LINK, UNBIND}:
            return HEADER.pack(16, command | RESPONSE, 0, sequence)
        return HEADER.pack(16, GENERIC_NACK, BAD_COMMAND, sequence)

    def answer(self, answers: bytes) -> None:
        """Write the answers to texts, after the delay that is asked for."""
        if self.delay:
            asyncio.get_running_loop().call_later(self.delay, self.transport.write, answers)
        else:
            self.transport.write(answers)


def receipt(name: bytes, sequence: int) -> bytes:
    """Write the deliver_sm that reports a text as delivered (SMPP 3.4 appendix B)."""
    stamp = time.strftime("%y%m%d%H%M").encode()
    text = b"id:%s sub:001 dlvrd:001 submit date:%s done date:%s stat:DELIVRD err:000 text:" % (name[:-1], stamp, stamp)
    body = b"\0\1\1%s\0\1\1%s\0\x04\0\0\0\0\0\0\0\0%c%s" % (b"4915100000000", b"bench", len(text), text)
    return HEADER.pack(16 + len(body), DELIVER_SM, 0, sequence | 0x40000000) + body


def obey(ledger: Ledger, line: str) -> None:
    """Carry out one line of control and say so on stdout."""
    word, _, rest = line.strip().partition(" ")
    if word == "report":
        ledger.report(Path(rest))
    last = ledger.times[-1] if ledger.times else 0.0
    print(json.dumps({"event": word, "arrived": len(ledger.times), "last": last}), flush=True)


async def serve(ledger: Ledger, given: argparse.Namespace) -> None:
    """Listen until SIGTERM or the end of stdin."""
    loop = asyncio.get_running_loop()
    over = asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, over.set)
    make = lambda: Session(ledger, delay=given.delay, receipts=given.receipts)  # noqa: E731 - a factory of one line
    server = await loop.create_server(make, given.host, given.port)
    print(json.dumps({"event": "listening", "port": server.sockets[0].getsockname()[1]}), flush=True)

    def control() -> None:
        line = sys.stdin.readline()
        if line:
            obey(ledger, line)
        else:
            over.set()

    loop.add_reader(sys.stdin.fileno(), control)
    await over.wait()
    server.close()


def main() -> None:
    """Be the SMSC."""
    parser = argparse.ArgumentParser(prog="bench.sink", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--receipts", action="store_true", help="report texts that ask for it as delivered")
    parser.add_argument("--delay", type=float, default=0.0, help="seconds before an answer")
    parser.add_argument("--ledger", type=Path, help="file that holds each tag, fsynced, before the answer")
    given = parser.parse_args()
    check_loopback(given.host)
    with contextlib.suppress(KeyboardInterrupt):
        uvloop.run(serve(Ledger(given.ledger), given))


if __name__ == "__main__":
    main()
