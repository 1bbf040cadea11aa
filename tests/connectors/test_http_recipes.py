"""The recipes for three providers, as privacyIDEA's documents write them, and the very bytes that they send."""

import asyncio
import json
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from smshub.domain.delivery import Accepted, Deferred, Reason, Rejected

CLICKATELL = {
    "HTTP_METHOD": "GET",
    "RETURN_SUCCESS": "ID",
    "options": {
        "user": "YOU",
        "password": "your password",
        "api_id": "12345",
        "text": "Your OTP value is {otp}",
        "to": "{phone}",
    },
}
GTX = {
    "HTTP_METHOD": "GET",
    "CHECK_SSL": "yes",
    "RETURN_SUCCESS": "200 OK",
    "options": {"user": "account", "pass": "account password", "to": "{phone}", "text": "Your OTP value is {otp}."},
}
TWILIO = {
    "HTTP_METHOD": "POST",
    "USERNAME": "AC0123456789",
    "PASSWORD": "your password",
    "options": {"From": "+15005550006", "Body": "{otp}", "To": "{phone}"},
}
TWILIO_PATH = "/2010-04-01/Accounts/AC0123456789/Messages"

RECIPES = [
    ("/http/sendmsg", CLICKATELL, "clickatell", "Your OTP value is 012345"),
    ("/smsc.php", GTX, "gtx", "Your OTP value is 012345."),
    (TWILIO_PATH, TWILIO, "twilio", "012345"),
    (f"{TWILIO_PATH}.json", TWILIO, "twilio", "012345"),
]


@pytest.mark.parametrize("mode", ["safe", "exact"])
@pytest.mark.parametrize(("path", "recipe", "provider", "text"), RECIPES)
async def test_a_recipe_works_as_written(gateway, providers, message, mode, path, recipe, provider, text):
    """In both modes the provider takes the text for the number."""
    simulator, url = await providers()
    connector = await gateway(URL=url + path, mode=mode, **recipe)

    outcome = await connector.send(message(text="012345"))

    assert Accepted() == outcome
    assert (provider, "491701234567", text) == (
        simulator.received[0].provider,
        simulator.texts[0].to,
        simulator.texts[0].text,
    )


@pytest.mark.parametrize("mode", ["safe", "exact"])
async def test_a_recipe_tells_a_refusal(gateway, providers, message, mode):
    """Clickatell answers 200 with an error in its text: what is not in the answer was not taken."""
    _, url = await providers()
    connector = await gateway(URL=f"{url}/http/sendmsg", mode=mode, **CLICKATELL)

    outcome = await connector.send(message(to="123"))

    assert Deferred(Reason.UNKNOWN, None, "ERR: 105, Invalid Destination Address") == outcome


async def test_rules_of_ones_own_tell_one_refusal_from_another(gateway, providers, message):
    """The recipe with reasons, the provider's code and its message id."""
    simulator, url = await providers()
    rules = {
        "id_pattern": r"^ID: (\w+)",
        "code_pattern": r"^ERR: (\d+)",
        "reasons": {"^ERR: (105|114)": "INVALID_RECIPIENT", "^ERR: 001": "BAD_CREDENTIALS"},
    }
    connector = await gateway(URL=f"{url}/http/sendmsg", **CLICKATELL, **rules)

    taken = await connector.send(message())
    refused = await connector.send(message(to="123"))
    simulator.users = {"OTHER": "password"}
    barred = await connector.send(message())

    assert Accepted((simulator.texts[0].ref,)) == taken
    assert Rejected(Reason.INVALID_RECIPIENT, "105", "ERR: 105, Invalid Destination Address") == refused
    assert Deferred(Reason.BAD_CREDENTIALS, "001", "ERR: 001, Authentication failed") == barred


async def test_twilio_in_the_safe_mode_sends_a_plus_and_types_nothing(gateway, providers, message):
    """The exact bytes of the form."""
    simulator, url = await providers()
    connector = await gateway(URL=url + TWILIO_PATH, phone_format="plus", **TWILIO)

    await connector.send(message(text="123456 & more"))

    seen = simulator.received[0].seen
    assert b"From=%2B15005550006&Body=123456+%26+more&To=%2B491701234567" == seen.body
    assert ("application/x-www-form-urlencoded", "Basic QUMwMTIzNDU2Nzg5OnlvdXIgcGFzc3dvcmQ=") == (
        seen.headers["content-type"],
        seen.headers["authorization"],
    )


# Texts that make privacyIDEA's options change their type, their structure or their number.
TEXTS = [
    "012345",
    "123456",
    "true",
    "null",
    "1e5",
    "call {phone}",
    'say "hi" & ü',
    "two\nlines",
    '["a","b"]',
    "[]",
    "-0",
]

OPTIONS = [
    {"text": "{otp}", "to": "{phone}"},
    {"message": '{"to": ["{phone}"], "content": "{otp}"}', "flag": "true", "n": "null", "f": "1.50"},
    {"to": '["{phone}", "x"]', "text": "Code {otp} for {phone}", "a b&c": "ü"},
]


def privacyidea(url, options, text, phone, *, post, as_json, **more):
    """Send as privacyIDEA's HTTP provider does: with the same library, from the same description."""
    parameters = {}
    for name, option in options.items():
        filled = option.replace("{otp}", text).replace("{phone}", phone)
        try:
            parameters[name] = json.loads(filled)
        except json.JSONDecodeError:
            parameters[name] = filled
    if not post:
        return requests.get(url, params=parameters, timeout=5, **more)
    if as_json:
        return requests.post(url, json=parameters, timeout=5, **more)
    return requests.post(url, data=parameters, timeout=5, **more)


@pytest.mark.parametrize("shape", ["GET", "POST", "JSON"])
@pytest.mark.parametrize("options", OPTIONS, ids=["plain", "nested", "list"])
async def test_the_exact_mode_sends_what_privacyidea_sends(gateway, providers, message, shape, options):
    """Method, target, body, content type and credentials, byte for byte, beside the library itself."""
    simulator, url = await providers()
    address = f"{url}/any path/ü?fixed=a b"
    method = "GET" if shape == "GET" else "POST"
    connector = await gateway(
        url=address,
        method=method,
        mode="exact",
        json=shape == "JSON",
        options=options,
        username="usér",
        password="p:ss",
        headers={"X-Tag": "{otp}"},
    )

    for text in TEXTS:
        more = {"auth": ("usér", "p:ss"), "headers": {"X-Tag": "{otp}"}}
        how = {"post": method == "POST", "as_json": shape == "JSON", **more}
        await asyncio.to_thread(privacyidea, address, options, text, "491701234567", **how)
        await connector.send(message(text=text))

    seen = [one.seen for one in simulator.received]
    for theirs, ours in zip(seen[::2], seen[1::2], strict=True):
        assert wire(theirs) == wire(ours)


def wire(seen):
    """Give what of a request a provider goes by."""
    names = ("content-type", "authorization", "x-tag", "content-length")
    headers = [seen.headers.get(name) for name in names]
    return seen.method, seen.target, seen.body, headers


@pytest.mark.parametrize(
    "user", ["http://plain:secret@", "http://p%20lain:se%2Fcret@"], ids=["as written", "escapes stay escapes"]
)
async def test_the_exact_mode_takes_credentials_from_the_address(gateway, providers, message, user):
    """Split on `@` and `:` with nothing decoded, which is what privacyIDEA hands to its library."""
    simulator, url = await providers()
    connector = await gateway(url=url.replace("http://", user) + "/x", mode="exact", options={"a": "{otp}"})
    name, password = user[7:-1].split(":")

    await asyncio.to_thread(
        privacyidea, f"{url}/x", {"a": "1"}, "", "", post=False, as_json=False, auth=(name, password)
    )
    await connector.send(message(text="1"))

    theirs, ours = (one.seen for one in simulator.received)
    assert wire(theirs) == wire(ours)


async def test_the_exact_mode_breaks_where_privacyidea_breaks(gateway, providers, message):
    """A second `:` or `@` in the address, or a text that is no JSON: no request is made, so none was sent."""
    simulator, url = await providers()
    address = url.replace("http://", "http://u:p:q@")
    broken = await gateway(url=address, mode="exact", options={"a": "{otp}"})
    json_body = await gateway(url=url, method="POST", mode="exact", json=True, options={"a": "{otp}"})

    outcomes = [await broken.send(message()), await json_body.send(message(text="NaN"))]

    expected = Deferred(Reason.MISCONFIGURED, detail="no request can be made of it (ValueError)")
    assert [expected, expected] == outcomes
    assert [] == list(simulator.received)


@pytest.mark.parametrize(("method", "expected"), [("POST", "POST"), ("post", "GET"), ("PUT", "GET"), ("GET", "GET")])
async def test_only_the_exact_word_post_posts(gateway, providers, message, method, expected):
    """In the exact mode anything else is a GET."""
    simulator, url = await providers()
    connector = await gateway(url=url, mode="exact", method=method, options={"text": "{otp}"})

    await connector.send(message())

    assert expected == simulator.received[0].seen.method


async def test_the_safe_mode_keeps_a_json_body_as_its_template_is(gateway, providers, message):
    """The number stays a text, what looks like JSON in the text stays a text, types come from the template."""
    simulator, url = await providers()
    options = {"to": '["{phone}"]', "content": "{otp}", "unicode": True, "binary": "false", "ref": {"id": "{id}"}}
    connector = await gateway(
        url=url, method="post", json=True, options=options, parameters={"v": 2}, headers={"Idempotency-Key": "{id}"}
    )

    await connector.send(message(text='{phone}", "x": "'))

    seen = simulator.received[0].seen
    assert {
        "v": 2,
        "to": ["491701234567"],
        "content": '{phone}", "x": "',
        "unicode": True,
        "binary": False,
        "ref": {"id": "01HZX"},
    } == json.loads(seen.body)
    assert ("POST", "application/json", "01HZX") == (
        seen.method,
        seen.headers["content-type"],
        seen.headers["idempotency-key"],
    )


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, "491701234567"),
        ({"phone_format": "plus"}, "+491701234567"),
        ({"phone_format": "written"}, "0170 123-4567"),
        ({"phone_format": "written", "regexp": "/[+-/. ]//"}, "01701234567"),
        ({"regexp": "/^49/0049/"}, "00491701234567"),
    ],
)
async def test_the_number_is_written_as_the_provider_wants_it(gateway, message, settings, expected):
    """In digits, with a plus, or as the caller wrote it; then rewritten."""
    connector = await gateway(url="http://127.0.0.1/", options={"to": "{phone}"}, **settings)

    request = connector.request(message(to_written="0170 123-4567"))

    assert {"to": [expected]} == parse_qs(urlsplit(request.url).query)


async def test_a_header_cannot_end_its_line(gateway, message, monkeypatch):
    """A secret from the environment may hold what the settings would have refused."""
    monkeypatch.setenv("GW_TOKEN", "one\r\nX-Two: 2")
    connector = await gateway(url="http://127.0.0.1/", headers={"Authorization": "env:GW_TOKEN"})

    with pytest.raises(ValueError, match="line end"):
        connector.request(message())
