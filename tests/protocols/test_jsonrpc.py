"""The JSON-RPC codec: strict JSON, requests, batches and notifications."""

import contextlib
import functools
import json
import sys
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smshub.protocols.jsonrpc import (
    Code,
    Document,
    Error,
    JsonError,
    Request,
    error,
    load,
    parse,
    result,
    write,
)

LOADED = {
    b'{"a": [1, -2, 1.5, true, null, "x"]}': {"a": [1, -2, 1.5, True, None, "x"]},
    b"\xef\xbb\xbf[]": [],
    '"Grüße \\ud83d\\ude00"'.encode(): "Grüße 😀",
    b'"\\\\ud800"': "\\ud800",
    b'"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[["': "[" * 40,
    b'{"a":' * 31 + b"[1]" + b"}" * 31: functools.reduce(lambda inner, _: {"a": inner}, range(31), [1]),
    b"9223372036854775807": 2**63 - 1,
    b'"%s%s%n %1$999999999s {0.__class__}"': "%s%s%n %1$999999999s {0.__class__}",
    b'{"__class__": 1}': {"__class__": 1},
}


@pytest.mark.parametrize("body", LOADED)
def test_json_is_read(body):
    """Each document becomes the value beside it; what a text looks like means nothing."""
    assert LOADED[body] == load(body)


REFUSED = {
    "nothing": b"",
    "no JSON": b"hello",
    "two documents": b"{} {}",
    "a member twice": b'{"to": 1, "to": 2}',
    "a member twice, within": b'[{"a": {"to": 1, "\\u0074o": 2}}]',
    "NaN": b"[NaN]",
    "Infinity": b"-Infinity",
    "a number beyond all": b"1e999",
    "a number beyond 64 bits": b"9223372036854775808",
    "a number of 5000 digits": b"9" * 5000,
    "a number of 200 000 digits": b"-" + b"9" * 200_000,
    "half a surrogate pair": b'{"a": ["\\ud800"]}',
    "half a pair as a name": b'{"\\uDFFF": 1}',
    "a pair the wrong way round": b'"\\ude00\\ud83d"',
    "UTF-16": '{"a": 1}'.encode("utf-16"),
    "Latin-1": '"ü"'.encode("latin-1"),
    "a control character": b'"\x01"',
    "33 levels": b"[" * 33 + b"]" * 33,
    "33 levels of objects": b'{"a":' * 33 + b"1" + b"}" * 33,
    "100 000 levels": b"[" * 100_000,
    "levels behind a text full of quotes": b'["' + b'\\"' * 1000 + b'",' + b"[" * 1000,
    "brackets and a text that does not end": b"[" * 30 + b'"' + b'[\\"' * 60_000,
    "brackets and many texts": b'"[" ' * 60_000,
    "10 MB of mobiles": b'{"mobile": [' + b'"+491701234567",' * 650_000 + b'"1"]}',
    "a comment": b"{} // x",
    "a comma too many": b"[1,]",
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_is_no_strict_json_is_refused_at_once(what):
    """Each document is refused by the module's own exception, within a tenth of a second."""
    began = time.process_time()

    with pytest.raises(JsonError):
        load(REFUSED[what])

    assert time.process_time() - began < (1.0 if sys.flags.dev_mode else 0.1)


def invalid(why: str, identity: object = None) -> Error:
    """The refusal of a request."""
    return Error(Code.INVALID_REQUEST, why, identity)


NO_OBJECT = invalid("a request is an object")
NO_VERSION = 'the member jsonrpc is not "2.0"'
NO_ID = invalid("the id is neither a string nor a number nor null")
REQUESTS = {
    b'{"jsonrpc":"2.0","method":"m","params":{"a":1},"id":1}': Request("m", {"a": 1}, 1),
    b'{"jsonrpc":"2.0","method":"m","params":[1],"id":"x"}': Request("m", [1], "x"),
    b'{"jsonrpc":"2.0","method":"m","id":null}': Request("m", {}, None),
    b'{"jsonrpc":"2.0","method":"m","id":1.5}': Request("m", {}, 1.5),
    b'{"jsonrpc":"2.0","method":"m"}': Request("m", {}, None, notification=True),
    b'{"jsonrpc":"2.0","method":"m","id":{}}': NO_ID,
    b'{"jsonrpc":"2.0","method":"m","id":[1]}': NO_ID,
    b'{"jsonrpc":"2.0","method":"m","id":true}': NO_ID,
    b'{"jsonrpc":"2.0","method":1,"params":"bar","id":3}': invalid("the method is not a string", 3),
    b'{"jsonrpc":"2.0","method":"m","params":"x","id":3}': invalid("the params are neither an object nor an array", 3),
    b'{"jsonrpc":"2.0","method":"m","params":null}': invalid("the params are neither an object nor an array"),
    b'{"jsonrpc":"1.0","method":"m","id":3}': invalid(NO_VERSION, 3),
    b'{"jsonrpc":2.0,"method":"m","id":3}': invalid(NO_VERSION, 3),
    b'{"foo":"boo"}': invalid(NO_VERSION),
    b"1": NO_OBJECT,
    b"null": NO_OBJECT,
    b"[]": invalid("the batch is empty"),
    b"[" + b",".join([b"1"] * 101) + b"]": invalid("the batch holds more than 100 requests"),
}


@pytest.mark.parametrize("body", REQUESTS)
def test_a_document_is_a_request_or_an_error(body):
    """Each body becomes what JSON-RPC 2.0 §4 and §7 say of it."""
    assert Document((REQUESTS[body],)) == parse(body)


def test_a_batch_keeps_its_order_and_its_errors():
    """What is wrong with one request of a batch does no harm to the others (JSON-RPC 2.0 §6)."""
    body = b'[1, {"jsonrpc":"2.0","method":"m","id":1}, {"foo": 1}, {"jsonrpc":"2.0","method":"n"}]'

    assert Document(
        (NO_OBJECT, Request("m", {}, 1), invalid(NO_VERSION), Request("n", {}, None, notification=True)),
        batch=True,
    ) == parse(body)


def test_a_batch_of_one_is_a_batch():
    """An array of one request is answered by an array of one answer."""
    assert parse(b"[1]").batch
    assert b'[{"jsonrpc":"2.0","result":1,"id":2}]' == write([result(1, 2)], batch=True)


def test_a_batch_of_a_hundred_is_read():
    """The largest batch there may be is read whole."""
    assert 100 == len(parse(b"[" + b",".join([b"1"] * 100) + b"]").items)


def test_what_cannot_be_read_is_a_parse_error():
    """A body that is no JSON is answered with -32700 and the id null."""
    assert (
        b'{"jsonrpc":"2.0","error":{"code":-32700,"message":"Parse error","data":"Expecting value at character 0"},'
        b'"id":null}'
    ) == write([error(item) for item in parse(b"x").items], batch=False)


def test_nothing_is_written_where_no_answer_is_due():
    """A batch of notifications is not answered by an empty array (JSON-RPC 2.0 §6)."""
    assert b"" == write([], batch=True)


def test_a_request_keeps_its_params_out_of_its_repr():
    """A password cannot reach a log through the representation of a request."""
    assert "geheim" not in repr(parse(b'{"jsonrpc":"2.0","method":"m","params":["geheim"],"id":1}'))


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["jsonrpc", "id", "method", "params"]), inner),
)


@given(st.binary() | st.text(alphabet='{}[]",:\\ud8019.eE-tf').map(str.encode))
def test_garbage_raises_nothing_but_the_one_error(body):
    """Whatever comes, it is a value or a JsonError, and always a document."""
    with contextlib.suppress(JsonError):
        load(body)
    assert parse(body).items


@given(values)
def test_any_value_is_a_document_that_can_be_answered(value):
    """Whatever JSON comes, its ids can be written back."""
    document = parse(json.dumps(value).encode())

    answers = [error(item) if isinstance(item, Error) else result({}, item.id) for item in document.items]

    assert write(answers, batch=document.batch)
