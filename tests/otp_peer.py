"""
A client process of the race stories: keeps connections open and fires the checks of one round all at once.

Each line of its input is a JSON object: `ports`, `authorization`, `bodies`, and how many `connections` to hold. It
answers with one line, a JSON list: the verdict of each body, or the status of what was refused.
"""

import asyncio
import json
import sys
from typing import Any

Pool = dict[tuple[int, int], tuple[asyncio.StreamReader, asyncio.StreamWriter]]


async def ask(pool: Pool, place: tuple[int, int], authorization: str, bodies: list[bytes]) -> list[str]:
    """Send the bodies of one connection, one after the other as they are answered."""
    if place not in pool:
        pool[place] = await asyncio.open_connection("127.0.0.1", place[0])
    reader, writer = pool[place]
    found = []
    for body in bodies:
        head = (
            "POST /v1/otp/verify HTTP/1.1\r\nHost: hub\r\nContent-Type: application/json\r\n"
            f"Authorization: {authorization}\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        writer.write(head.encode() + body)
        answer = await reader.readuntil(b"\r\n\r\n")
        length = next(int(line.split(b":")[1]) for line in answer.lower().split(b"\r\n") if b"content-length" in line)
        document: dict[str, Any] = json.loads(await reader.readexactly(length))
        found.append(str(document.get("verdict", answer.split(b" ")[1].decode())))
    return found


async def main() -> None:
    """Serve rounds until the input ends."""
    pool: Pool = {}
    while line := await asyncio.to_thread(sys.stdin.readline):
        asked = json.loads(line)
        ports, bodies = asked["ports"], [json.dumps(body).encode() for body in asked["bodies"]]
        count = min(asked["connections"], len(bodies))
        jobs = [
            ask(pool, (ports[place % len(ports)], place), asked["authorization"], bodies[place::count])
            for place in range(count)
        ]
        found = await asyncio.gather(*jobs)
        sys.stdout.write(json.dumps([verdict for some in found for verdict in some]) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(main())
