"""
Proof that the load and the sink are faster than what they measure: each alone against a peer that does nothing.

`answerer` is an HTTP server that says 202 to whatever comes; `blaster` is an ESME that writes prebuilt submit_sm.
"""

import argparse
import asyncio
import json
import time
from typing import cast

import uvloop

from bench.doors import check_loopback
from bench.processes import Child, load, python, sink
from bench.sink import HEADER, SUBMIT_SM

YES = b'HTTP/1.1 202 Accepted\r\nContent-Type: application/json\r\nContent-Length: 15\r\n\r\n{"messages":[]}'
WINDOW = 500
BATCH = 50
ANSWER_SIZE = 25


class Answerer(asyncio.Protocol):
    """Says yes to each request; a request ends where its body, or without one its head, ends."""

    def __init__(self) -> None:
        self.rest = b""
        self.size = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the way back."""
        self.transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Answer once the whole request is here. Requests have one size, learnt from the first."""
        if self.rest:
            data = self.rest + data
        if not self.size:
            end = data.find(b"\r\n\r\n") + 4
            at = data.find(b"Content-Length: ")
            self.size = end + (int(data[at + 16 : data.index(b"\r", at)]) if at >= 0 else 0)
        if len(data) < self.size:
            self.rest = data
            return
        self.rest = data[self.size :]
        self.transport.write(YES)


class Blaster(asyncio.Protocol):
    """Keeps WINDOW submit_sm open and writes BATCH at a time."""

    def __init__(self, count: int) -> None:
        self.count = count
        self.sent = self.answered = self.size = 0
        self.began = 0.0
        self.done: asyncio.Future[float] = asyncio.get_running_loop().create_future()
        text = b"blast-%08d Your code is 482911. It is valid for five minutes."
        body = b"\0\1\1bench\0\1\1" + b"4915100000000\0" + bytes(9) + b"%c" + text
        body %= (len(text % 0), 0)
        self.template = body[: body.index(b"00000000", 30)] + b"%08d" + body[body.index(b" Your") :]

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Bind."""
        self.transport = cast("asyncio.Transport", transport)
        bind = b"blast\0\0\0\x34\0\0\0"
        self.transport.write(HEADER.pack(16 + len(bind), 0x09, 0, 1) + bind)
        self.size = -21  # the bind's answer

    def data_received(self, data: bytes) -> None:
        """Count the answers by their bytes and fill the window."""
        if not self.sent:
            self.began = time.monotonic()
        self.size += len(data)
        self.answered = self.size // ANSWER_SIZE
        while self.sent < self.count and self.sent - self.answered <= WINDOW - BATCH:
            template, length = self.template, len(self.template) + 20  # a header and four digits more than places
            pdus = [
                HEADER.pack(length, SUBMIT_SM, 0, number) + template % number
                for number in range(self.sent, self.sent + BATCH)
            ]
            self.sent += BATCH
            self.transport.write(b"".join(pdus))
        if self.answered >= self.count and not self.done.done():
            self.done.set_result(self.count / (time.monotonic() - self.began))


async def answer(host: str) -> None:
    """Serve the answerer until killed."""
    server = await asyncio.get_running_loop().create_server(Answerer, host, 0)
    print(json.dumps({"event": "listening", "port": server.sockets[0].getsockname()[1]}), flush=True)
    await server.serve_forever()


async def blast(host: str, port: int, count: int) -> float:
    """Send `count` texts to a sink; give the rate a second."""
    _, blaster = await asyncio.get_running_loop().create_connection(lambda: Blaster(count), host, port)
    return await asyncio.wait_for(blaster.done, 120)


def prove_load(seconds: float, connections: int) -> dict[str, float]:
    """Measure the load alone: requests a second, and a second of the load's own CPU time."""
    with Child(python("bench.prove", "answerer")) as answerer:
        port = answerer.event("listening")["port"]
        figures = load("v1", port, connections, seconds, run="proof")
    return {"rate": figures["accepted_per_s"], "rate_cpu": figures["accepted"] / max(figures["cpu"], 1e-9)}


def prove_sink(count: int) -> dict[str, float]:
    """Measure the sink alone: texts a second, and a second of the sink's own CPU time."""
    with sink() as smsc:
        before = smsc.cpu()
        rate = uvloop.run(blast("127.0.0.1", smsc.port, count))
        spent = smsc.cpu() - before
    return {"rate": rate, "rate_cpu": count / max(spent, 1e-9)}


def told(alone: dict[str, float]) -> str:
    """Say a rate in a line."""
    return f"{alone['rate']:9,.0f}/s  ({alone['rate_cpu']:9,.0f} per CPU s)"


def main() -> None:
    """Print both proofs, or be one of the peers."""
    parser = argparse.ArgumentParser(prog="bench.prove", description=__doc__)
    parser.add_argument("what", nargs="?", choices=["all", "answerer"], default="all")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--seconds", type=float, default=3.0)
    given = parser.parse_args()
    check_loopback(given.host)
    if given.what == "answerer":
        uvloop.run(answer(given.host))
        return
    for connections in (1, 16, 64):
        alone = prove_load(given.seconds, connections)
        print(
            f"load alone, {connections:2} connections: {alone['rate']:9,.0f}/s  ({alone['rate_cpu']:9,.0f} per CPU s)"
        )
    alone = prove_sink(200_000)
    print(f"sink alone, window {WINDOW}:       {told(alone)}")


if __name__ == "__main__":
    main()
