"""The OTP-Pi that is not there: its answers to the byte where clients could rely on them, quirks included."""

import base64
import contextlib
import json

import aiohttp
import pytest

from smshub.simulators.faults import Script
from smshub.simulators.otppi import ACTIONS, MODEM, OtpPiSimulator

NOW = 1_795_290_496


@pytest.fixture
async def simulate():
    """Run simulators and give each with its address; they are stopped after the test."""
    async with contextlib.AsyncExitStack() as stack:

        async def make(script="", **settings):
            settings = {"users": {"pi": "pw"}, "clock": lambda: float(NOW), **settings}
            simulator = OtpPiSimulator(Script.parse(script, allowed=ACTIONS), **settings)
            port = await simulator.start()
            stack.push_async_callback(simulator.stop)
            return simulator, f"http://127.0.0.1:{port}"

        yield make


async def ask(url, document, *, user="pi:pw", method="POST"):
    """Make a request; gives status, headers and body."""
    body = document if isinstance(document, bytes) else json.dumps(document).encode()
    headers = {} if user is None else {"Authorization": f"Basic {base64.b64encode(user.encode()).decode()}"}
    async with aiohttp.ClientSession() as session, session.request(method, url, data=body, headers=headers) as answer:
        return answer.status, answer.headers, await answer.read()


async def said(url, command, **data):
    """Carry out a command; gives the answer without the command's name."""
    status, _, body = await ask(url, {"command": command, "data": data})
    answer = json.loads(body)
    assert (200, command) == (status, answer.pop("command", command))
    return answer


@pytest.mark.parametrize(
    "path", ["/api/otp", "/api/message", "/api/sms", "/api/email", "/api/block", "/api/unblock", "/api/otpXYZ/abc"]
)
@pytest.mark.parametrize("method", ["POST", "PUT"])
async def test_every_path_takes_every_command(simulate, path, method):
    """The beginning of the path counts; the answer is indented, whatever the request's type."""
    _, url = await simulate()

    status, headers, body = await ask(
        f"{url}{path}", {"command": "block-msisdn", "data": {"receiver": "0812"}}, method=method
    )

    assert (200, "application/json") == (status, headers["Content-Type"])
    assert b'{\n    "command": "block-msisdn",\n    "response_code": "0000"\n}' == body


@pytest.mark.parametrize(
    ("path", "options", "expected"),
    [
        ("/api/otp", {"user": None}, (401, b"")),
        ("/api/otp", {"user": "pi:wrong"}, (401, b"")),
        ("/api/otp", {"user": "other:pw"}, (401, b"")),
        ("/api/otp", {"user": "pi"}, (401, b"")),
        ("/api/otp", {"user": None, "method": "GET"}, (401, b"")),
        ("/api/otp", {"user": "pi:pw:more"}, (200, b"{}")),  # a password ends at the second colon
        ("/api/otp", {"method": "GET"}, (405, b"")),
        ("/api/modem", {}, (404, b"<h1>404 Not Found</h1>No context found for request")),
        ("/", {"user": None}, (404, b"<h1>404 Not Found</h1>No context found for request")),
    ],
)
async def test_http_is_answered_as_the_appliance_does(simulate, path, options, expected):
    """An empty 401 without a challenge comes before everything else on its paths."""
    _, url = await simulate()

    status, headers, body = await ask(f"{url}{path}", {"command": "no-such", "data": {}}, **options)

    assert expected == (status, body)
    assert "WWW-Authenticate" not in headers
    if status == 401:
        assert "chunked" == headers["Transfer-Encoding"]


@pytest.mark.parametrize(
    "document",
    [
        b"",
        b"not JSON",
        b"[1]",
        b"[" * 5_000,
        {"command": "send-sms"},
        {"command": "send-sms", "data": "x"},
        {"command": "no-such", "data": {}},
        {"command": "send-email", "data": {"receiver": "a@b", "message": "m"}},
        {"command": "block-msisdn", "data": {"msisdn": "0812"}},
        {"data": {}},
    ],
)
async def test_what_it_does_not_know_is_an_empty_object(simulate, document):
    """Also `send-email`, and a block of an `msisdn`."""
    simulator, url = await simulate()

    assert (200, b"{}") == (await ask(f"{url}/api/otp", document))[::2]
    assert ([], {}) == (list(simulator.texts), simulator.blocked)


async def test_texts_and_mails(simulate):
    """Each command's own keys; a number that is blocked gets its text all the same."""
    simulator, url = await simulate()
    url += "/api/sms"

    texted = await said(url, "send-sms", receiver="+62812", message="one")
    assert {"response_code": "0000", "data": {"modemID": "sim1", "result": "+CMGW: 1\r\n\r\nOK\r\n"}} == texted
    await said(url, "block-msisdn", receiver=" 0812 ")
    assert {"62812": True} == simulator.blocked
    assert texted == await said(url, "send-message", receiver="0812", message="two")
    mailed = {"response_code": "0000", "message": "The message was sent successfuly"}
    assert mailed == await said(url, "send-mail", receiver="a@b", subject="s", message="three")
    assert {**mailed, "data": {}} == await said(url, "send-message", receiver="a@b", message="four")
    await said(url, "unblock-msisdn", receiver="0812")

    assert {"62812": False} == simulator.blocked
    assert [("+62812", "one", ""), ("0812", "two", ""), ("a@b", "three", "s"), ("a@b", "four", "-")] == [
        (one.receiver, one.message, one.subject) for one in simulator.texts
    ]


async def test_without_a_modem(simulate):
    """1101; but send-message says 0000 and keeps the error, and a code's reference is burnt."""
    simulator, url = await simulate("refuse")
    url += "/api/sms"
    none = {"error": "No device connected", "data": {}}

    assert {"response_code": "1101", **none} == await said(url, "send-sms", receiver="1", message="x")
    assert {"response_code": "0000", **none} == await said(url, "send-message", receiver="1", message="x")
    assert {"response_code": "1102", "data": {}} == await said(url, "request-otp", reference="r", message="%s")
    assert {"response_code": "1201", "data": {}} == await said(url, "request-otp", reference="r", message="%s")
    assert {"response_code": "1102", "data": {}} == await said(url, "request-ussd", ussd_code="*1#", modem_id="sim1")
    assert [] == list(simulator.texts)


async def test_a_code_has_no_limit_of_tries(simulate):
    """Bound to receiver and parameters, gone after a match; the time comes back as text."""
    simulator, url = await simulate()
    url += "/api/otp"
    bound = {"reference": " r ", "receiver": "0812", "param1": 1, "date_time": NOW}
    asked = await said(url, "request-otp", **bound, expiration=str(NOW + 60), message="Code %s, 100%%")
    code = simulator.texts[0].message.removeprefix("Code ").removesuffix(", 100%")

    assert {"reference": " r ", "receiver": "0812", "date_time": str(NOW)} == asked["data"]
    for wrong in ({"otp": "x"}, {"otp": f"{code} "}, {"otp": code, "receiver": "62812"}, {"otp": code, "param1": "2"}):
        for _ in range(3):
            assert "1202" == (await said(url, "verify-otp", **{**bound, **wrong}))["response_code"]
    right = [(await said(url, "verify-otp", **{**bound, "param1": "1"}, otp=code))["response_code"] for _ in range(2)]
    assert ["0000", "1202"] == right


async def test_a_code_without_an_expiration_has_expired(simulate):
    """And stays so, its reference taken."""
    simulator, url = await simulate()
    url += "/api/otp"
    await said(url, "request-otp", reference="r", receiver="1", message="%s")

    code = simulator.texts[0].message
    checks = [await said(url, "verify-otp", reference="r", receiver="1", otp=code) for _ in range(2)]
    assert ["1203", "1203"] == [one["response_code"] for one in checks]
    assert "1201" == (await said(url, "request-otp", reference="r", receiver="1", message="%s"))["response_code"]


@pytest.mark.parametrize("message", ["%d", "100%", "%s and %s", "%1"])
async def test_a_bad_format_ends_the_connection_after_the_code_was_kept(simulate, message):
    """As the appliance's thread dies of it."""
    _, url = await simulate()
    url += "/api/otp"
    with pytest.raises(aiohttp.ServerDisconnectedError):
        await said(url, "request-otp", reference="r", receiver="1", expiration=NOW + 60, message=message)

    assert "1201" == (await said(url, "request-otp", reference="r", receiver="1", message="%s"))["response_code"]


async def test_modems_ussd_and_echo(simulate):
    """One modem, under its id, with every key; an echo is the request."""
    _, url = await simulate()
    url += "/api/otp"

    assert {"sim1": MODEM} == (await said(url, "get-modem-list"))["data"]["modem_list"]
    asked = await said(url, "request-ussd", ussd_code="*1#", modem_id="sim1")
    assert {"ussd_content", "ussd_content_raw", "replyable"} == asked["data"].keys()
    assert "1102" == (await said(url, "request-ussd", ussd_code="*1#", modem_id="no"))["response_code"]
    assert {"data": {"a": [1]}} == await said(url, "echo", a=[1])


async def test_it_drops_what_has_an_expiration_where_it_is_told_to(simulate):
    """It takes seconds for milliseconds: no code for send-sms, 0000 for send-message; a request-otp is not dropped."""
    simulator, url = await simulate(drop_expired=True)
    url += "/api/sms"
    later = {"receiver": "1", "message": "%s", "expiration": NOW + 3600}

    assert {"data": {}} == await said(url, "send-sms", **later)
    assert {"response_code": "0000", "data": {}} == await said(url, "send-message", **later)
    assert "0000" == (await said(url, "send-sms", receiver="1", message="x"))["response_code"]
    assert "0000" == (await said(url, "request-otp", **later, reference="r"))["response_code"]
    assert 2 == len(simulator.texts)


async def test_faults_are_played(simulate):
    """Delay, drop and hang; what hangs is let go at the end."""
    _, url = await simulate("delay 50ms; drop; accept; hang")
    url += "/api/otp"

    assert "0000" == (await said(url, "get-modem-list"))["response_code"]
    with pytest.raises(aiohttp.ServerDisconnectedError):
        await said(url, "get-modem-list")
    assert "0000" == (await said(url, "get-modem-list"))["response_code"]
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=0.3)) as session:
        headers = {"Authorization": "Basic cGk6cHc="}
        with pytest.raises(TimeoutError):
            await session.post(url, data=b'{"command": "echo", "data": {}}', headers=headers)
