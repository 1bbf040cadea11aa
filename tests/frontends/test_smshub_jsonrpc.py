"""The SMSHub JSON grammar: JSON-RPC 2.0 and flat objects."""

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from smshub.domain.commands import HubStatus, Refusal, Refused, SendTexts, Status, Submitted
from smshub.frontends.dialects import smshub
from smshub.frontends.dialects.smshub_jsonrpc import Asked, Call, decode, encode
from smshub.protocols.jsonrpc import Code, Error

SENT = Submitted(messages=())
STATUS = Status(True, "", "0.1.0", "hub-1", 1.0, 0, 1, 1, ("http://127.0.0.1:8080",), 2**20)
PARAMS = {"username": "u", "password": "p", "mobile": ["+49", "+43"], "text": "Grüße"}
COMMAND = SendTexts(to=("+49", "+43"), text="Grüße", client="192.0.2.1")
SUCCESS = {"code": 1, "error": "", "message": "SMS send success"}
BAD_REQUEST = {"code": 0, "error": "BadRequest", "message": "Invalid SMS request"}


def asked(document: object) -> Asked:
    """What a document asks for when a caller at 192.0.2.1 sends it."""
    return decode(json.dumps(document).encode(), peer="192.0.2.1")


def rpc(params: object, **members: object) -> dict[str, object]:
    """A request of JSON-RPC."""
    return {"jsonrpc": "2.0", "method": "smshubSend", "params": params, "id": 7, **members}


def answered(document: object, *outcomes: object) -> object:
    """What is answered when the calls of a document come to these outcomes."""
    answer = encode(asked(document), outcomes)
    assert (200, "application/json") == (answer.status, answer.content_type)
    return json.loads(answer.body)


def test_a_request_is_read():
    """A request of JSON-RPC gives credentials, a command and the id of its answer."""
    expected = Call("smshubSend", "u", "p", COMMAND, (), typed=False, id=7)

    assert Asked((expected,)) == asked(rpc(PARAMS))


def test_the_password_is_not_in_the_repr_of_a_call():
    """A password cannot reach a log through the representation of a call."""
    assert "geheim" not in repr(asked(rpc({**PARAMS, "password": "geheim"})))


@pytest.mark.parametrize(
    "document", [{"method": "smshubSend", **PARAMS}, {"smshubSend": PARAMS}], ids=["method beside", "method around"]
)
def test_a_flat_object_is_read_and_answered_by_the_bare_result(document):
    """Both flat forms are the same call, and nothing of JSON-RPC is around their answer."""
    assert Asked((Call("smshubSend", "u", "p", COMMAND, (), typed=False, flat=True),)) == asked(document)
    assert SUCCESS == answered(document, SENT)


def test_what_is_wrong_with_a_flat_object_is_a_bad_request():
    """A caller that knows no JSON-RPC is not told of its errors."""
    document = {"smshubSend": {**PARAMS, "text": 1}}
    [call] = asked(document).calls

    assert isinstance(call.command, Refused)
    assert BAD_REQUEST == answered(document, call.command)


MOBILES = [["+49", "+43"], "+49,+43", ["+49, +43"], ["", "+49", "+43"], [["+49"]], "", [], None, 49, [49, "43"], True]
TO = [("+49", "+43")] * 4 + ["params", "BadRequest", "BadRequest", "BadRequest", ("49",), ("49", "43"), "params"]


@pytest.mark.parametrize(("mobile", "expected"), list(zip(MOBILES, TO, strict=True)))
def test_mobile_is_an_array_a_text_or_a_number(mobile, expected):
    """Each form gives its numbers; none is a bad request, and another form is none of the operation's."""
    [item] = asked(rpc({**PARAMS, "mobile": mobile})).items

    if isinstance(item, Error):
        assert ("params", Code.INVALID_PARAMS, 7) == (expected, item.code, item.id)
    else:
        assert expected == (item.command.error if isinstance(item.command, Refused) else item.command.to)


def test_params_may_be_positional():
    """An array is read in the order of the WSDL, and may end early."""
    [call] = asked(rpc(["u", "p", ["+49", "+43"], "Grüße", "Flash", "ACME", "c", "::1", "SMSType=Normal"])).calls

    assert SendTexts(("+49", "+43"), "Grüße", "ACME", flash=True, client="c", source="::1") == call.command
    assert asked(rpc(PARAMS)) == asked(rpc(["u", "p", ["+49", "+43"], "Grüße"]))


def test_null_is_as_good_as_absent():
    """Clients that always write every member write null for what they leave out."""
    assert asked(rpc(PARAMS)) == asked(rpc({**PARAMS, "type": None, "sender": None, "context": None}))


def test_members_of_other_names_are_told():
    """What a later client may send besides is passed over, and listed for the log."""
    [call] = asked(rpc({**PARAMS, "context": {"a": [1]}, "timeout": 9})).calls

    assert (COMMAND, ("context", "timeout")) == (call.command, call.ignored)


ERRORS = [
    (rpc(PARAMS, method="smshubDrop"), -32601, 7),
    (rpc(PARAMS, method="rpc.discover", id="x"), -32601, "x"),
    (rpc({**PARAMS, "text": 123456}), -32602, 7),
    (rpc({**PARAMS, "username": {}}), -32602, 7),
    (rpc({**PARAMS, "type": True}), -32602, 7),
    (rpc([""] * 10), -32602, 7),
    (rpc(["u"], method="smshubStatus"), -32602, 7),
    (rpc("x"), -32600, 7),
    (rpc(PARAMS, id={}), -32600, None),
    (rpc(PARAMS, jsonrpc="1.0"), -32600, 7),
    ({"method": "smshubSend", "params": PARAMS}, -32600, None),
    ({"method": "other", **PARAMS}, -32600, None),
    ({"smshubSend": [1]}, -32600, None),
    ({"smshubSend": PARAMS, "smshubStatus": {}}, -32600, None),
    ([], -32600, None),
    ([1] * 101, -32600, None),
    (7, -32600, None),
]


@pytest.mark.parametrize(("document", "code", "identity"), ERRORS)
def test_what_is_wrong_with_the_call_is_an_error_of_json_rpc(document, code, identity):
    """Each mistake has its code (JSON-RPC 2.0 §5.1) and the id of its request where it could be read."""
    said = answered(document)

    assert ("2.0", code, identity) == (said["jsonrpc"], said["error"]["code"], said["id"])
    assert {"jsonrpc", "error", "id"} == said.keys()


BROKEN = [
    b"",
    b"{",
    b'{"a": NaN}',
    b'{"text": 1, "text": 2}',
    b'{"mobile": [' + b'"+49",' * 2_000_000 + b"1]}",
    b"[" * 99,
]


@pytest.mark.parametrize("body", BROKEN, ids=lambda body: body[:20].decode())
def test_what_is_no_strict_json_is_a_parse_error(body):
    """There is one answer, with the id null."""
    said = json.loads(encode(decode(body, peer=""), []).body)

    assert (-32700, None) == (said["error"]["code"], said["id"])


def test_success_is_written_byte_by_byte():
    """The code is a number, the error an empty text."""
    assert (
        b'{"jsonrpc":"2.0","result":{"code":1,"error":"","message":"SMS send success"},"id":7}'
        == encode(asked(rpc(PARAMS)), [SENT]).body
    )


REFUSALS = [
    (Refused(Refusal.UNAUTHENTICATED, "AuthFailed"), "AuthFailed", "Invalid username or password"),
    (Refused(Refusal.MALFORMED, "EmptyText"), "BadRequest", "Invalid SMS request"),
    (Refused(Refusal.MALFORMED, "ServerError", member="source"), "ServerError", "Server Error"),
    (Refused(Refusal.BLOCKED, "Blocked", value="+49"), "Blocked", "'+49' is on the blocklist."),
]


@pytest.mark.parametrize(("refused", "error", "message"), REFUSALS)
def test_a_refusal_is_a_result_with_code_0(refused, error, message):
    """A call that was understood is answered by its own result, as in SOAP."""
    assert {"code": 0, "error": error, "message": message} == answered(rpc(PARAMS), refused)["result"]


def test_a_fault_of_the_hub_is_an_internal_error():
    """JSON-RPC has a code for it; the flat form has the vendor's."""
    assert {"code": -32603, "message": "Internal error"} == answered(rpc(PARAMS), None)["error"]
    assert {"code": 0, "error": "ServerError", "message": "Server Error"} == answered({"smshubSend": PARAMS}, None)


@pytest.mark.parametrize("method", ["smshubStatus", "smssendStatus"])
def test_a_status_is_a_number_and_the_vendors_lines(method):
    """Both spellings are asked without params, in either form."""
    expected = {"status": 1, "message": smshub.status_text(STATUS)}
    document = {"jsonrpc": "2.0", "method": method, "id": 0}

    assert HubStatus() == asked(document).calls[0].command
    assert {"jsonrpc": "2.0", "result": expected, "id": 0} == answered(document, STATUS)
    assert expected == answered({"method": method}, STATUS)


def test_a_batch_is_answered_in_order_without_its_notifications():
    """Calls, errors and notifications of a batch are told apart, and each outcome goes to its own call."""
    batch = [
        rpc(PARAMS, id="a"),
        1,
        {"jsonrpc": "2.0", "method": "smshubSend", "params": PARAMS},
        {"jsonrpc": "2.0", "method": "nobody"},
        {"jsonrpc": "2.0", "method": "smshubSend", "params": [""] * 10},
        rpc({**PARAMS, "type": "x"}, id="b"),
    ]
    calls = asked(batch).calls

    said = answered(batch, SENT, SENT, calls[2].command)

    assert [False, True, False] == [call.notification for call in calls]
    assert [("a", 1), (None, None), ("b", 0)] == [(item["id"], item.get("result", {}).get("code")) for item in said]


@pytest.mark.parametrize("batch", [True, False])
def test_notifications_get_no_answer(batch):
    """Nothing is written, with the status that says so; not even an error is told."""
    sent = {"jsonrpc": "2.0", "method": "smshubSend", "params": PARAMS}
    wrong = {"jsonrpc": "2.0", "method": "nobody"}
    documents = [[sent, wrong]] if batch else [sent, wrong]

    for document in documents:
        calls = asked(document).calls
        assert smshub.Answer(204, "application/json", b"") == encode(asked(document), [SENT] * len(calls))


def test_a_flat_object_cannot_be_in_a_batch():
    """An array is JSON-RPC's own."""
    assert -32600 == answered([{"smshubSend": PARAMS}])[0]["error"]["code"]


GRAMMARS = [
    (b'{"a": 1}', "application/json", True),
    (b" \n[", None, True),
    (b"\xef\xbb\xbf{}", "text/plain", True),
    (b"hello", "application/json; charset=utf-8", True),
    (b"", "application/json", True),
    (b"<x/>", "application/json", False),
    (b"<x/>", "text/xml", False),
    (b"", None, False),
    (b"\xff\xfe<\0", "application/soap+xml", False),
]


@pytest.mark.parametrize(("body", "content_type", "expected"), GRAMMARS)
def test_json_is_told_from_soap_by_how_it_begins(body, content_type, expected):
    """The content type only decides where the first character does not."""
    assert expected == smshub.is_json(body, content_type)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=5) | st.sampled_from(["2.0", "smshubSend"]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["jsonrpc", "id", "method", "params", "smshubSend", "smshubStatus", *smshub.PARAMETERS]),
            inner,
        )
    ),
)


@given(json_values)
def test_any_document_can_be_answered(document):
    """Whatever JSON comes, it is carried out or refused, and the answer can be written."""
    what = decode(json.dumps(document).encode(), peer="192.0.2.1")
    outcomes = [
        call.command if isinstance(call.command, Refused) else STATUS if call.anonymous else SENT for call in what.calls
    ]

    answer = encode(what, outcomes)

    assert (204 if not answer.body else 200) == answer.status
    assert not answer.body or msgspec.json.decode(answer.body) is not None
