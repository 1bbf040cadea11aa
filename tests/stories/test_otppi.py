"""The OTP-Pi door of the running hub, called as its clients call it; and numbers that nobody may reach."""

import datetime as dt
import json
import socket
import subprocess
import time
from base64 import b64encode
from types import SimpleNamespace

import pytest

PI = "kamshory:kamshory"
PATHS = "otp message sms email block blocking unblock unblocking modem ussd"

MORE = """\
[accounts.kamshory]
password = "kamshory"
country = "ID"
originator = "OTP"

[accounts.publisher]
password = "pass:with:colons"
success_code = "000"

[accounts.elsewhere]
password = "elsewhere"
doors = ["native"]
"""

# The publisher's way over REST: a form's content type, the length said, whatever the method of curl makes of it.
PHP = """<?php
[, $url, $payload] = $argv;
$curl = curl_init($url);
curl_setopt_array($curl, [
    CURLOPT_CUSTOMREQUEST => "POST", CURLOPT_POSTFIELDS => $payload, CURLOPT_RETURNTRANSFER => true,
    CURLOPT_SSL_VERIFYPEER => false, CURLOPT_CONNECTTIMEOUT => 2, CURLOPT_HTTPHEADER => [
        "Authorization: Basic " . base64_encode("kamshory:kamshory"),
        "Content-Type: application/x-www-form-urlencoded", "Content-length: " . strlen($payload)]]);
echo json_encode(json_decode(curl_exec($curl)));
"""


@pytest.fixture(scope="module")
def pi(make_shared_smsc, make_shared_hub, words):
    """A hub for Indonesian applications, and the message centre behind it."""
    smsc = make_shared_smsc()
    hub = make_shared_hub(words.accounts + MORE + words.smpp("smsc", smsc.port) + words.route("smsc"))
    hub.bound("smsc")
    return SimpleNamespace(hub=hub, smsc=smsc, admin=words.admin)


def sms(text, receiver="08126666666", **data):
    """Write the request of the source document."""
    now = int(time.time())
    data = {"date_time": now, "expiration": now + 3_600, "id": 123456, "receiver": receiver, "message": text, **data}
    return {"command": "send-sms", "data": {name: value for name, value in data.items() if value is not None}}


def call(pi, document, user=PI, path="/api/sms", method="POST", **options):
    """Call the door; give the status and the answer."""
    answer = pi.hub.call(method, path, document, user=user, **options)
    assert "application/json" == answer.headers["content-type"]
    return answer.status, answer.json


def test_the_samples_of_the_source_document_line_by_line(pi):
    """The very bytes: headers in their spelling, an empty line, pretty JSON; the answer comes and the text arrives."""
    body = json.dumps(sms("Your OTP is 1234 of the sample"), indent=4).encode()
    lines = ["POST /api/sms HTTP/1.1", "Host: sub.domain.tld", "Connection: close", "User-agent: KSPS"]
    lines += ["Content-type: application/json", f"Content-length: {len(body)}"]
    lines += [f"Authorization: Basic {b64encode(PI.encode()).decode()}", "", ""]
    with socket.create_connection(("127.0.0.1", pi.hub.port), 10) as connection:
        connection.sendall("\r\n".join(lines).encode() + body)
        answer = b"".join(iter(lambda: connection.recv(65_536), b""))

    head, _, said = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 OK\r\n")
    document = json.loads(said)
    assert ("send-sms", "0000") == (document["command"], document["response_code"])
    assert {"modemID", "result"} == document["data"].keys()
    pi.smsc.arrives("OTP -> 628126666666: Your OTP is 1234 of the sample")
    shown = pi.hub.ends(document["data"]["result"])
    assert ("kamshory", "08126666666") == (shown["account"], shown["to"])


@pytest.mark.needs("php")
def test_the_publishers_php_client(pi, tmp_path):
    """JSON that says it is a form; a signed answer object with the id comes back."""
    script = tmp_path / "client.php"
    script.write_text(PHP)

    done = subprocess.run(
        ["php", str(script), f"{pi.hub.url}/api/otp", json.dumps(sms("Kode OTP Anda adalah 654321"))],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )

    assert "" == done.stderr
    assert "0000" == json.loads(done.stdout)["response_code"]
    pi.smsc.arrives("OTP -> 628126666666: Kode OTP Anda adalah 654321")


@pytest.mark.needs("curl")
def test_curl_puts_a_sample_with_its_trailing_comma(pi):
    """Block and unblock as the source document prints them."""
    for command in ("block-msisdn", "unblock-msisdn"):
        sample = (
            f'{{\n"command": "{command}",\n"data": {{\n"date_time": 1629685778,\n"receiver": "08127770000",\n}}\n}}'
        )
        words = ["curl", "-sS", "-X", "PUT", "-u", PI, "-d", sample, f"{pi.hub.url}/api/block"]
        done = subprocess.run(words, capture_output=True, text=True, timeout=30, check=True)

        assert {"command": command, "response_code": "0000"} == json.loads(done.stdout)


@pytest.mark.parametrize("path", [f"/api/{name}" for name in PATHS.split()])
@pytest.mark.parametrize("method", ["POST", "PUT"])
def test_every_path_takes_every_command(pi, path, method):
    """The path selects nothing."""
    echo = {"command": "echo", "data": {"n": 1}}
    modems = {"command": "get-modem-list", "callback_topic": "modem-list-123456"}

    assert (200, echo) == call(pi, echo, path=path, method=method)
    assert "0000" == call(pi, modems, path=path, method=method)[1]["response_code"]


@pytest.mark.parametrize("user", [None, "kamshory:wrong", "nobody:kamshory", "kamshory:", "kamshory"])
@pytest.mark.parametrize("method", ["POST", "GET"])
def test_strangers_are_told_1100(pi, user, method):
    """With 401, whatever the method and the body."""
    assert (401, {"response_code": "1100"}) == call(pi, b"{", user=user, method=method, source="127.0.0.77")


def test_a_password_may_hold_colons(pi):
    """It does not end at the second one; and this account is told 000."""
    echo = sms("with colons", receiver="+628126666666")

    assert "000" == call(pi, echo, user="publisher:pass:with:colons")[1]["response_code"]
    assert 401 == call(pi, echo, user="publisher:pass:with")[0]


def test_other_methods_and_paths(pi):
    """405 names those that are taken; a path with a suffix is no path of this door."""
    for method in ("GET", "HEAD", "DELETE", "PATCH", "OPTIONS"):
        answer = pi.hub.call(method, "/api/sms", user=PI)
        assert (405, "POST, PUT", b"") == (answer.status, answer.headers["allow"], answer.body)
    for path in ("/api/otpXYZ", "/api/otp/", "/api/otp/abc", "/api/", "/API/otp", "/api/smss"):
        assert 404 == pi.hub.call("POST", path, {"command": "echo"}, user=PI).status


def test_an_account_of_another_door_is_refused(pi):
    """In the door's own language."""
    status, answer = call(pi, sms("no"), user="elsewhere:elsewhere")

    assert (200, "1102", "send-sms") == (status, answer["response_code"], answer["command"])
    assert "otppi" in answer["error"]


def test_a_redelivery_gets_the_first_answer_and_all_else_is_new(pi):
    """The same request twice is one text; another time, id or content is another text, never a conflict."""
    request = sms("once only", date_time=1629685778)
    answers = [call(pi, request)[1] for _ in range(3)]
    others = [
        call(pi, sms("once only", **{"date_time": 1629685778, **other}))[1] for other in ({"id": 7}, {"date_time": 1})
    ]
    ids = [answer["data"]["result"] for answer in (*answers, *others)]

    assert 3 == len(set(ids))
    assert 1 == len(set(ids[:3]))
    for message_id in set(ids):
        pi.hub.ends(message_id)
    assert 3 == pi.smsc.texts.count("OTP -> 628126666666: once only")


def test_a_text_past_its_end_is_1203(pi):
    """It is not sent."""
    status, answer = call(pi, sms("too late", expiration=int(time.time()) - 1))

    assert (200, "1203", {}) == (status, answer["response_code"], answer["data"])
    assert [] == [one for one in pi.hub.messages() if one["text"] == "too late"]


def kept(pi):
    """Tell what the hub has of messages and blocks."""
    blocked = pi.hub.call("GET", "/v1/blocklist", user=pi.admin).json["blocked"]
    return [one["id"] for one in pi.hub.messages()], blocked


BAD = {
    "nothing": (b"", "1102"),
    "a form": (b"command=send-sms&receiver=1", "1102"),
    "an array": (b"[]", "1102"),
    "deep nesting": (b"[" * 60_000, "1102"),
    "too large": (b'{"command": "echo", "x": "' + b"x" * 70_000 + b'"}', "1102"),
    "a receiver twice": (b'{"command": "send-sms", "data": {"receiver": "1", "receiver": "2"}}', "1102"),
    "NaN": (b'{"command": "send-sms", "data": {"receiver": "+628126666666", "message": "x", "id": NaN}}', "1102"),
    "an unknown command": (b'{"command": "reboot", "data": {}}', "1102"),
    "no data": (b'{"command": "send-sms"}', "1102"),
    "no number": (sms("x", receiver="me"), "1102"),
    "two numbers": (sms("x", receiver="+628126666666,+628126666667"), "1102"),
    "AT commands": (sms("x", receiver='+628126666666"\r\nAT+CPWD='), "1102"),
    "an address": (sms("x", receiver="a@b.example"), "1102"),
    "NUL in the text": (sms("a\0b"), "1102"),
    "an empty text": (sms(""), "1102"),
    "eleven segments": (sms("x" * 1_531), "1102"),
    "format strings": ({"command": "request-otp", "data": {"receiver": "1", "message": "%s%s%n{0.x}"}}, "1102"),
    "a blank to block": ({"command": "block-msisdn", "data": {"receiver": " "}}, "1102"),
    "no number to block": ({"command": "block-msisdn", "data": {"msisdn": "'; --"}}, "1102"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_answered_and_leaves_nothing(pi, name):
    """200 with a code and an error; no message, no block, no traceback."""
    document, code = BAD[name]
    before = kept(pi)

    status, answer = call(pi, document)

    assert (200, code) == (status, answer["response_code"])
    assert answer["error"]
    assert before == kept(pi)
    assert "Traceback" not in pi.hub.log


def test_nobody_may_take_a_reference_of_this_doors_form(pi):
    """The native door refuses it, as member and as header."""
    body = {"to": "+628126666666", "text": "x"}
    answers = [
        pi.hub.call("POST", "/v1/messages", {**body, "reference": "otppi:1"}, user=PI),
        pi.hub.call("POST", "/v1/messages", body, user=PI, headers={"Idempotency-Key": '"otppi:1"'}),
    ]

    assert [(400, "ReservedReference")] * 2 == [(answer.status, answer.json["error"]) for answer in answers]


SOAP = (
    '<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Body><smshubSend xmlns="urn:smshub">'
    "<username>shop</username><password>shop-password</password><mobile>{to}</mobile><text>never</text>"
    "</smshubSend></e:Body></e:Envelope>"
)


def test_a_blocked_number_is_refused_at_every_door(pi):
    """Blocked by one application, it is reached by none; unblocked by it, by all."""
    to = "+628111000001"
    assert "0000" == call(pi, {"command": "block-msisdn", "data": {"receiver": "0811 1000001"}})[1]["response_code"]
    rpc = {"jsonrpc": "2.0", "id": 1, "method": "smshubSend"}
    rpc["params"] = {"username": "shop", "password": "shop-password", "mobile": to, "text": "never"}

    native = pi.hub.call("POST", "/v1/messages", {"to": ["+628111000002", to], "text": "never"})
    soap = pi.hub.call("POST", "/smshub/", SOAP.format(to=to).encode(), user=None, headers={"Content-Type": "text/xml"})
    json_rpc = pi.hub.call("POST", "/smshub/", rpc, user=None).json["result"]
    other = call(pi, sms("never", receiver=to), user="publisher:pass:with:colons")[1]

    assert (403, "Blocked", "to") == (native.status, native.json["error"], native.json["member"])
    assert b"<code>0</code><error>Blocked</error>" in soap.body
    assert (0, "Blocked") == (json_rpc["code"], json_rpc["error"])
    assert ("1102", f"'{to}' is on the blocklist.") == (other["response_code"], other["error"])
    assert [] == [one for one in pi.hub.messages() if one["text"] == "never"]
    lift = {"command": "unblock-msisdn", "data": {"receiver": to}}
    assert "1102" == call(pi, lift, user="publisher:pass:with:colons")[1]["response_code"]
    assert "0000" == call(pi, lift)[1]["response_code"]
    pi.hub.ends(pi.hub.send(to, "now it may"))


def test_a_number_blocked_while_its_text_waits_is_never_reached(pi):
    """The message centre is away; when it comes back, the other text goes out and this one does not."""
    tomorrow = (dt.datetime.now(dt.UTC) + dt.timedelta(days=1)).isoformat()
    pi.smsc.stop()
    try:
        barred, other = pi.hub.send("+628111000003", "barred"), pi.hub.send("+628111000004", "not barred")
        later = pi.hub.send("+628111000003", "barred too", send_at=tomorrow)
        put = pi.hub.call("PUT", "/v1/blocklist/+628111000003", {"reason": "asked us"}, user=pi.admin)
        assert (200, "628111000003", "asked us") == (put.status, put.json["to"], put.json["reason"])
    finally:
        pi.smsc.start()

    pi.hub.ends(other)
    for message_id in (barred, later):
        message = pi.hub.message(message_id)
        assert ("REJECTED", "BARRED", []) == (message["state"], message["reason"], message["attempts"])
    assert [] == [text for text in pi.smsc.texts if "barred" in text and "not barred" not in text]


def test_the_blocklist_of_v1_is_an_operators(pi):
    """Read, blocked without a body, removed; an account of an application may do none of it."""
    place = "/v1/blocklist/+628111000005"
    asked = [("GET", "/v1/blocklist"), ("GET", place), ("PUT", place), ("DELETE", place)]

    assert [403] * 4 == [pi.hub.call(method, path, user=PI).status for method, path in asked]
    assert 404 == pi.hub.call("GET", place, user=pi.admin).status
    assert 200 == pi.hub.call("PUT", place, user=pi.admin).status
    assert "admin" == pi.hub.call("GET", place, user=pi.admin).json["blocked_by"]
    page = pi.hub.call("GET", "/v1/blocklist?limit=1", user=pi.admin).json
    assert 1 == len(page["blocked"])
    assert [200, 404] == [pi.hub.call("DELETE", place, user=pi.admin).status for _ in range(2)]
    assert 400 == pi.hub.call("PUT", "/v1/blocklist/nobody", user=pi.admin).status
    assert 400 == pi.hub.call("GET", "/v1/blocklist?limit=x", user=pi.admin).status
    assert 415 == pi.hub.call("PUT", place, b"x", user=pi.admin, headers={"Content-Type": "text/plain"}).status


def test_the_command_line_sends_over_each_way_and_blocks(pi):
    """The text arrives over each; a blocked number is told in one line."""
    for via in ("native", "otppi", "soap", "jsonrpc"):
        ran = pi.hub.run("send", "--via", via, "--to", "+628111000006", "--text", f"a < b & {via}")
        assert (0, "") == (ran.returncode, ran.stderr)
        pi.smsc.arrives(f"ACME -> 628111000006: a < b & {via}")
    waited = pi.hub.run("send", "--via", "otppi", "--to", "+628111000006", "--text", "followed", "--wait")
    assert (0, "DELIVERED") == (waited.returncode, waited.stdout.splitlines()[-1].split()[2])

    secret = pi.hub.folder / "admin.secret"
    secret.touch(mode=0o600)
    secret.write_text("admin-password")
    admin = ("--username", "admin", "--password-file", str(secret))
    assert "628111000007 is blocked\n" == pi.hub.run("block", "+628111000007", "--reason", "a test", *admin).stdout
    assert "a test" in pi.hub.run("blocklist", *admin).stdout
    ran = pi.hub.run("send", "--via", "soap", "--to", "+628111000007", "--text", "no")
    assert (1, "smshub: '+628111000007' is on the blocklist.\n") == (ran.returncode, ran.stderr)
    assert "628111000007 is unblocked\n" == pi.hub.run("unblock", "+628111000007", *admin).stdout


def otp(pi, name, **data):
    """Ask for or check a code; give the code of the answer and its data."""
    bound = {"receiver": "08126660001", "reference": "r", "date_time": int(time.time()), **data}
    status, answer = call(pi, {"command": name, "data": bound}, path="/api/otp")
    assert 200 == status
    return answer["response_code"], answer["data"]


def arrived(pi, number):
    """Wait for the text to a number, and give the code that ends it."""
    return wait_for_text(pi, number).rpartition(" ")[2]


def wait_for_text(pi, number):
    """Wait for the text to a number."""
    until = time.monotonic() + 15
    while True:
        found = [text for text in pi.smsc.texts if f"> {number}:" in text]
        if found:
            return found[-1]
        assert time.monotonic() < until, pi.smsc.texts[-3:]
        time.sleep(0.02)


def test_a_code_is_requested_sent_and_checked(pi):
    """As OTP-Publisher's documentation tells it, with numbers and strings as they come."""
    at = int(time.time())
    data = {"reference": "story", "param1": 100000, "param2": "x", "id": 7, "date_time": at}
    asked = otp(pi, "request-otp", message="Kode OTP Anda adalah %s", expiration=at + 180, **data)
    code = arrived(pi, "628126660001")
    again = otp(pi, "request-otp", message="Kode OTP Anda adalah %s", **{**data, "id": 8})
    wrong = otp(pi, "verify-otp", otp=f"{(int(code) + 1) % 1_000_000:06d}", **data)
    other = otp(pi, "verify-otp", otp=code, **{**data, "param1": "100001"})
    right = otp(pi, "verify-otp", otp=code, **{**data, "param1": "100000"})
    reuse = otp(pi, "verify-otp", otp=code, **data)

    repeated = {"reference": "story", "receiver": "08126660001", "date_time": at}
    assert [("0000", repeated), ("1201", {})] == [asked, again]
    assert [("1202", repeated), ("1202", repeated), ("0000", repeated), ("1202", repeated)] == [
        wrong,
        other,
        right,
        reuse,
    ]


def test_a_code_past_its_time_is_1203_and_is_never_sent(pi):
    """What has expired on arrival is refused; what expires is told apart from what is wrong."""
    late = int(time.time()) - 1
    assert ("1203", {}) == otp(pi, "request-otp", reference="late", message="%s", expiration=late)
    number, reference = "08126660002", "short"
    otp(pi, "request-otp", receiver=number, reference=reference, message="Code %s", expiration=int(time.time()) + 2)
    code = arrived(pi, "628126660002")
    until = time.monotonic() + 10
    while (found := otp(pi, "verify-otp", receiver=number, reference=reference, otp=code, param1="x")[0]) == "1202":
        assert time.monotonic() < until
        time.sleep(0.3)

    assert "1203" == found
    asked = otp(pi, "request-otp", receiver=number, reference=reference, message="Again %s", id=9)
    assert "0000" == asked[0]


BAD_CODES = {
    "no reference": {"reference": ""},
    "no receiver": {"receiver": ""},
    "a receiver that is neither": {"receiver": "me and you"},
    "no %s": {"message": "Your code"},
    "two %s": {"message": "%s and %s"},
    "%n": {"message": "%s%n"},
    "an attribute": {"message": "{0.__class__}"},
    "params as objects": {"param1": {"a": 1}},
    "params of 10 kB": {"param1": "x" * 10_000},
    "a century": {"expiration": "never"},
    "CR LF in a subject": {"receiver": "a@b.example", "subject": "x\r\nBcc: y@z.example"},
}


@pytest.mark.parametrize("name", BAD_CODES)
def test_a_bad_request_for_a_code_is_1102_and_leaves_nothing(pi, name):
    """An answer in the door's own language; no message, no challenge."""
    before = kept(pi)
    data = {"receiver": "08126660003", "reference": f"bad {name}", "message": "%s", "date_time": 1, **BAD_CODES[name]}
    status, answer = call(pi, {"command": "request-otp", "data": data})
    check = call(pi, {"command": "verify-otp", "data": {"receiver": "08126660003", "reference": "x", "otp": "000000"}})

    assert (200, "1102", {}) == (status, answer["response_code"], answer["data"])
    assert answer["error"]
    assert before == kept(pi)
    assert "1202" == check[1]["response_code"]
