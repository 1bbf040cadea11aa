"""What Vonage calls with: whose it is, and what it says."""

import json

import pytest

from smshub.connectors import vonagesign
from smshub.connectors.callbacks import Callback, Forged
from smshub.connectors.vonagecalls import STATES
from smshub.domain.delivery import Receipt, ReceiptState
from smshub.domain.incoming import Incoming

NOW = 1_769_860_900.0
STAMP = 1_769_860_800.0  # 2026-01-31 12:00:00 UTC
REPORT = {
    "msisdn": "491701234567",
    "to": "ACME",
    "network-code": "26201",
    "messageId": "0A0000000123ABCD1",
    "price": "0.03330000",
    "status": "delivered",
    "scts": "2601311200",
    "err-code": "0",
    "api-key": "abcd1234",
    "message-timestamp": "2026-01-31 12:00:00",
}
TEXT = {
    "msisdn": "491701234567",
    "to": "447700900000",
    "messageId": "0B00000012345678",
    "text": "STOP & go = ü",
    "type": "unicode",
    "keyword": "STOP",
    "message-timestamp": "2026-01-31 12:00:00",
}
METHODS = ["md5hash", "md5", "sha1", "sha256", "sha512"]
FORM = {"content-type": "application/x-www-form-urlencoded"}
JSON = {"content-type": "application/json; charset=utf-8"}


def signed(fields, method, secret="signature secret", stamp=NOW):
    """Sign the fields of a call as Vonage does."""
    complete = {**fields, "timestamp": str(int(stamp)), "nonce": "cafe"}
    return {**complete, "sig": vonagesign.sign(complete, secret, method).upper()}


def calls(fields, query=()):
    """Give a call in each of the three ways in which an account may have it."""
    pairs = tuple(fields.items())
    return {
        "query": Callback("GET", "https://h.example/receipts/v", query=(*pairs, *query), at=NOW),
        "form": Callback("POST", "https://h.example/receipts/v", query=query, form=pairs, headers=FORM, at=NOW),
        "json": Callback(
            "POST", "https://h.example/receipts/v", query=query, headers=JSON, body=json.dumps(fields).encode(), at=NOW
        ),
    }


@pytest.fixture
def account(way_out):
    """Make connectors that sign, or that have a key in their address, or neither."""

    async def make(**settings):
        return await way_out("vonage", api_key="abcd1234", api_secret="secret", **settings)

    return make


@pytest.mark.parametrize("way", ["query", "form", "json"])
@pytest.mark.parametrize("method", METHODS)
async def test_a_signed_report_is_taken_however_it_comes(account, method, way):
    """By each method, in the query, as a form, as JSON."""
    connector = await account(signature_secret="signature secret", signature_method=method)

    called = connector.called(calls(signed(REPORT, method))[way])

    assert (Receipt("0A0000000123ABCD1", ReceiptState.DELIVERED, STAMP),) == called.receipts
    assert (204, ()) == (called.status, called.texts)


@pytest.mark.parametrize("way", ["query", "form", "json"])
async def test_a_signed_text_of_somebody_is_taken(account, way):
    """With what would part the fields in it; a key in the address is not Vonage's and not signed."""
    connector = await account(signature_secret="signature secret", signature_method="sha256")

    called = connector.called(calls(signed(TEXT, "sha256"), query=(("key", "mine"),))[way])

    expected = Incoming("", "", "491701234567", "447700900000", "STOP & go = ü", NOW, "0B00000012345678")
    assert ((expected,), ()) == (called.texts, called.receipts)


CHANGED = [
    {**signed(REPORT, "sha256"), "status": "failed"},
    {**signed(REPORT, "sha256"), "added": "field"},
    {**signed(REPORT, "sha256"), "sig": ""},
    {**signed(REPORT, "sha256"), "sig": "ü"},
    REPORT,
    signed(REPORT, "md5hash"),
    signed(REPORT, "sha256", secret="another secret"),
    signed(REPORT, "sha256", stamp=NOW - 26 * 3_600),
    signed(REPORT, "sha256", stamp=NOW + 3_600),
    signed({**REPORT, "api-key": "somebody"}, "sha256"),
]


@pytest.mark.parametrize("way", ["query", "form", "json"])
@pytest.mark.parametrize("fields", CHANGED)
async def test_a_call_that_was_not_signed_so_is_forged(account, fields, way):
    """A changed, added or missing field, another method, secret or account, and one that is too old or too new."""
    connector = await account(signature_secret="signature secret", signature_method="sha256", callback_secret="k")

    with pytest.raises(Forged):
        connector.called(calls(fields, query=(("key", "k"),))[way])


@pytest.mark.parametrize("way", ["query", "form", "json"])
async def test_without_signatures_the_key_in_the_address_counts(account, way):
    """The right one, a wrong one, none, and a connector that has none."""
    keyed, bare = await account(callback_secret="the key"), await account()

    taken = keyed.called(calls(REPORT, query=(("key", "the key"),))[way])

    assert "0A0000000123ABCD1" == taken.receipts[0].ref
    for connector, query in ((keyed, (("key", "guess"),)), (keyed, ()), (bare, ()), (bare, (("key", ""),))):
        with pytest.raises(Forged):
            connector.called(calls(REPORT, query=query)[way])


@pytest.mark.parametrize(("word", "state"), [*STATES.items(), ("DELIVERED", "DELIVERED"), ("new word", "UNKNOWN")])
async def test_every_status_has_its_state(account, word, state):
    """And its error code beside it, where it is one."""
    connector = await account(callback_secret="k")
    key = (("key", "k"),)

    plain = connector.called(calls({**REPORT, "status": word}, key)["query"])
    coded = connector.called(calls({**REPORT, "status": word, "err-code": "6"}, key)["query"])

    assert (Receipt("0A0000000123ABCD1", state, STAMP),) == plain.receipts
    assert "6" == coded.receipts[0].code


@pytest.mark.parametrize("written", ["", "yesterday", "9999-01-01 00:00:00", "1970-01-01 00:00:00"])
async def test_a_time_that_cannot_be_is_now(account, written):
    """The moment at which the call came."""
    connector = await account(callback_secret="k")
    fields = {**REPORT, "message-timestamp": written}

    assert NOW == connector.called(calls(fields, (("key", "k"),))["form"]).receipts[0].at


UNREADABLE = [
    {},
    {"messageId": "", "status": "delivered"},
    {"messageId": "a/b", "status": "delivered"},
    {"messageId": "x" * 65, "status": "delivered"},
    {"messageId": "1"},
    {"messageId": "1", "msisdn": "49"},
]


@pytest.mark.parametrize("fields", UNREADABLE)
async def test_what_is_neither_a_report_nor_a_text_cannot_be_read(account, fields):
    """It names nothing that the hub knows."""
    connector = await account(callback_secret="k")

    with pytest.raises(ValueError, match=r"without an id|neither"):
        connector.called(calls(fields, (("key", "k"),))["query"])


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b'"x"', b"[" * 100_000, b"\xff", b"{" + b'"a":1,' * 99])
async def test_json_that_is_no_object_cannot_be_read(account, body):
    """Also where it is deep, or no UTF-8."""
    connector = await account(callback_secret="k")

    with pytest.raises(ValueError):  # noqa: PT011 - the words are those of the parser
        connector.called(Callback("POST", "", query=(("key", "k"),), headers=JSON, body=body, at=NOW))


async def test_a_binary_text_is_kept_as_it_came(account):
    """In hexadecimal digits."""
    connector = await account(callback_secret="k")
    fields = {**{name: TEXT[name] for name in ("msisdn", "to", "messageId")}, "type": "binary", "data": "cafe"}

    assert "cafe" == connector.called(calls(fields, (("key", "k"),))["json"]).texts[0].text
