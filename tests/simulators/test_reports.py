"""What simulated providers tell of the texts that they took: by calls of their own, and when they are asked."""

import asyncio
import json
from contextlib import asynccontextmanager

import aiohttp
import pytest
from aiohttp import web

from smshub.simulators.faults import Script
from smshub.simulators.http import HttpSimulator
from smshub.simulators.providers import sipgate, vonage
from smshub.simulators.providers.values import Desk, Seen

SMS = {"api_key": "k", "api_secret": "s", "from": "ACME", "to": "491701234567", "text": "Hello"}


class Called:
    """A server that providers call, with the statuses that it answers in turn, the last for ever."""

    def __init__(self, *statuses):
        self.statuses = list(statuses) or [204]
        self.calls = []
        self.arrived = asyncio.Semaphore(0)

    async def handle(self, request):
        """Keep a call."""
        self.calls.append((request.method, dict(request.query), await request.text()))
        self.arrived.release()
        return web.Response(status=self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0])

    async def came(self, count):
        """Wait for so many more calls."""
        for _ in range(count):
            await asyncio.wait_for(self.arrived.acquire(), 5)

    @asynccontextmanager
    async def running(self):
        """Listen within a block; give the address."""
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self.handle)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        try:
            yield f"http://127.0.0.1:{runner.addresses[0][1]}/receipts/out"
        finally:
            await runner.cleanup()


@asynccontextmanager
async def simulated(script="", **settings):
    """Run a simulator and a client; give what posts to it."""
    async with HttpSimulator(Script.parse(script), **settings).running() as url, aiohttp.ClientSession() as client:

        async def post(path="/sms/json", **fields):
            async with client.post(url + path, data={**SMS, **fields}) as response:
                return await response.json()

        yield post


async def test_vonage_reports_with_a_signature():
    """As JSON, on each part of a text, to the address of the account."""
    called = Called()
    async with called.running() as address, simulated(callback=address, signing="secret") as post:
        answer = await post(text="Long. " * 50, **{"client-ref": "mine"})
        await called.came(2)

    reports = [json.loads(body) for _, _, body in called.calls]
    assert {part["message-id"] for part in answer["messages"]} == {one["messageId"] for one in reports}
    for one in reports:
        assert ("POST", "delivered", "mine", "k") == ("POST", one["status"], one["client-ref"], one["api-key"])
        assert one["sig"] == vonage.signatures(one, "secret")[0]


async def test_the_address_of_a_request_counts_before_that_of_the_account():
    """And none is called where the request asks for no report."""
    own, other = Called(), Called()
    async with own.running() as mine, other.running() as theirs, simulated(callback=theirs) as post:
        await post(**{"status-report-req": "0"}, callback=mine)
        await post(callback=mine)
        await own.came(1)

    assert (1, 0) == (len(own.calls), len(other.calls))


@pytest.mark.parametrize(
    ("script", "count", "status"),
    [("receipt good", 1, "delivered"), ("receipt bad", 1, "failed"), ("receipt twice", 2, "delivered")],
)
async def test_a_script_says_how_reports_come(script, count, status):
    """Good, bad, twice."""
    called = Called()
    async with called.running() as address, simulated(script, callback=address) as post:
        await post()
        await called.came(count)

    assert [status] * count == [json.loads(body)["status"] for _, _, body in called.calls]


async def test_an_early_report_comes_before_the_answer():
    """The provider has been answered when it answers."""
    called = Called()
    async with called.running() as address, simulated("receipt early", callback=address) as post:
        await post()
        assert 1 == len(called.calls)


async def test_a_report_that_is_not_taken_comes_again():
    """Until it is."""
    called = Called(503, 500, 204)
    async with called.running() as address, simulated(callback=address) as post:
        await post()
        await called.came(3)

    assert 1 == len({body for _, _, body in called.calls})


async def test_ovh_calls_with_the_fields_in_the_query():
    """And can be asked; before the report, and of an unknown id, it has nothing to say."""
    called, now = Called(), [1_000.0]
    headers = {"X-Ovh-Application": "k", "X-Ovh-Consumer": "c", "X-Ovh-Signature": "$1$" + "0" * 40}
    async with (
        called.running() as address,
        HttpSimulator(
            Script.parse("receipt good; receipt late 60s"), callback=f"{address}?key=k", clock=lambda: now[0]
        ).running() as url,
        aiohttp.ClientSession() as client,
    ):

        async def ask(method, path, **more):
            stamped = {**headers, "X-Ovh-Timestamp": str(int(now[0]))}
            async with client.request(method, f"{url}/1.0/sms/s{path}", headers=stamped, **more) as response:
                return response.status, await response.json()

        job = {"message": "Hello", "receivers": ["+491701234567"], "sender": "ACME"}
        refs = [(await ask("POST", "/jobs", json=job))[1]["ids"][0] for _ in range(2)]
        await called.came(1)
        open_ = await ask("GET", f"/outgoing/{refs[1]}")
        now[0] += 60
        told = [(await ask("GET", f"/outgoing/{ref}"))[1]["ptt"] for ref in refs]
        unknown = await ask("GET", "/outgoing/7")

    (method, query, _) = called.calls[0]
    assert ("GET", "k", str(refs[0]), "4", "1") == (method, *(query[n] for n in ("key", "id", "ptt", "description")))
    assert (3, [4, 4], 404) == (open_[1]["ptt"], told, unknown[0])


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"<methodCall><methodName>samurai.Other</methodName></methodCall>", "<int>400</int>"),
        (b"no xml", "<int>-32700</int>"),
        (b'<!DOCTYPE a [<!ENTITY b "c">]><methodCall/>', "<int>-32700</int>"),
    ],
)
def test_samurai_tells_what_it_cannot_do(body, said):
    """A StatusCode or a fault, under status 200."""
    headers = {"authorization": "Basic dTpw"}
    answer = sipgate.xmlrpc(Seen("POST", "/RPC2", headers, body), Desk(serial=lambda: 1))

    assert (200, True) == (answer.status, said in answer.body)
