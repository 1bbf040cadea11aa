"""
The process that writes rows to SQLite for the hub: nothing but the driver, a socket to the hub and the SQL.

SQLite's driver gives up the interpreter's lock at every row. In a thread of the hub each row would then wait until the
event loop gives it back, and on the event loop itself the rows would take a quarter of its time; here they take that
of another core (docs/decisions/0016). It ends when the hub ends, however that ends: the socket tells.

A frame is four octets of length and then MessagePack.
"""

import contextlib
import os
import signal
import socket
import sqlite3
import struct
import subprocess
import sys
from typing import Any

import msgspec

from smshub.domain.delivery import Receipt
from smshub.store.batch import Accept, Batch, Check, Settled, Start, Written
from smshub.store.rows import write_rows, write_starts
from smshub.store.sql import Statements

_LENGTH = struct.Struct("!I")
READY = b"ready"
_FAILED = b"!"  # no MessagePack of a struct begins so


class Opening(msgspec.Struct, frozen=True):
    """The first frame: the file, how to set the connection up, and the SQL."""

    path: str
    pragmas: tuple[str, ...]
    statements: Statements


class Rows(msgspec.Struct, array_like=True):
    """A batch without calls."""

    accepts: list[Accept]
    settled: list[Settled]
    receipts: list[tuple[str, Receipt]]
    starts: list[Start]
    at: float | None
    checks: list[Check]


class Failed(Exception):
    """The process could not write a batch, or is gone; the hub's own connection can tell more."""


class WriterProcess:
    """The hub's end. One thread at a time may `write`."""

    def __init__(self, opening: Opening, *, keep: tuple[int, ...] = ()) -> None:
        """Start it; `keep` are descriptors that must stay open as long as it lives, such as the database's lock."""
        self._socket, child = socket.socketpair()
        self._encoder = msgspec.msgpack.Encoder()
        self._decoder = msgspec.msgpack.Decoder(Written)
        with child:
            self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
                [sys.executable, "-m", __name__],
                stdin=child.fileno(),
                stdout=subprocess.DEVNULL,
                pass_fds=keep,
                start_new_session=True,  # a Ctrl-C of the terminal is the hub's to handle
            )
        ready = None
        with contextlib.suppress(OSError):
            _send(self._socket, self._encoder.encode(opening))
            ready = _receive(self._socket)
        if ready != READY:
            self.close()
            raise Failed("the writer did not start")

    def write(self, batch: Batch) -> Written:
        """Write a batch without calls; when this returns it is on disk. Raises `Failed`."""
        rows = Rows(batch.accepts, batch.settled, batch.receipts, batch.starts, batch.at, batch.checks)
        try:
            _send(self._socket, self._encoder.encode(rows))
            answer = _receive(self._socket)
        except OSError as error:
            raise Failed(f"the writer is gone: {error}") from error
        if answer is None:
            raise Failed("the writer is gone")
        if answer.startswith(_FAILED):
            raise Failed(answer[1:].decode())
        return self._decoder.decode(answer)

    def close(self) -> None:
        """Let it end, and wait for that."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        try:
            self._process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def _send(sock: socket.socket, data: bytes) -> None:
    sock.sendall(_LENGTH.pack(len(data)) + data)


def _receive(sock: socket.socket) -> bytes | None:
    """Give the next frame; None at the end."""
    head = _read(sock, _LENGTH.size)
    return None if head is None else _read(sock, _LENGTH.unpack(head)[0])


def _read(sock: socket.socket, count: int) -> bytes | None:
    chunks = []
    while count:
        chunk = sock.recv(min(count, 1 << 20))
        if not chunk:
            return None
        chunks.append(chunk)
        count -= len(chunk)
    return b"".join(chunks)


def _write(connection: sqlite3.Connection, statements: Statements, rows: Rows) -> Written:
    batch = Batch(
        accepts=rows.accepts,
        settled=rows.settled,
        receipts=rows.receipts,
        starts=rows.starts,
        at=rows.at,
        checks=rows.checks,
    )
    connection.execute("BEGIN IMMEDIATE").close()
    cursor = connection.cursor()
    try:
        written = write_rows(cursor, statements, batch)
        if batch.starts:
            written.not_started = write_starts(cursor, statements, batch.starts)
        connection.execute("COMMIT").close()
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK").close()
        raise
    return written


def main() -> None:
    """Serve the hub at the other end of standard input until it is gone."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # the hub says when
    sock = socket.socket(fileno=os.dup(0))
    first = _receive(sock)
    if first is None:
        return
    opening = msgspec.msgpack.decode(first, type=Opening)
    connection = sqlite3.connect(opening.path, isolation_level=None, cached_statements=64)
    for pragma in opening.pragmas:
        connection.execute(pragma).close()
    _send(sock, READY)
    decode: Any = msgspec.msgpack.Decoder(Rows).decode
    encode = msgspec.msgpack.Encoder().encode
    while (frame := _receive(sock)) is not None:
        try:
            answer = encode(_write(connection, opening.statements, decode(frame)))
        except sqlite3.OperationalError as error:
            # After a failed fsync only a fresh connection tells what is on disk: the hub starts another one.
            _send(sock, _FAILED + str(error).encode())
            break
        except Exception as error:  # noqa: BLE001 - the hub tries the batch itself and then tells what is wrong with it
            answer = _FAILED + f"{type(error).__name__}: {error}".encode()
        _send(sock, answer)
    connection.close()


if __name__ == "__main__":
    with contextlib.suppress(OSError):  # the hub went while it was being answered
        main()
