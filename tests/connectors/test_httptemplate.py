"""How options become a request: the safe grammar, and privacyIDEA's beside the library that it sends with."""

import json

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st

from smshub.connectors.httptemplate import (
    Verbatim,
    exact_form,
    exact_json,
    exact_value,
    fill,
    quoted,
    safe_form,
    safe_json,
    structure,
)

VALUES = {"otp": "{phone} {otp}", "text": "T", "phone": "49170", "to": "49170", "from": "ACME", "id": "m1"}


@pytest.mark.parametrize(
    ("option", "as_json", "expected"),
    [
        ("{otp}", True, "{otp}"),
        ("Code {otp}", True, "Code {otp}"),
        ('["{phone}"]', True, ["{phone}"]),
        ('["{phone}"]', False, ["{phone}"]),
        ('{"a": {"b": "{otp}"}}', True, {"a": {"b": "{otp}"}}),
        ("123", True, 123),
        ("123", False, "123"),
        ("1e5", False, "1e5"),
        ("true", True, True),
        ("null", True, None),
        ('"{otp}"', True, "{otp}"),
        ('["{otp}"', True, '["{otp}"'),
        ("[" * 60_000, True, "[" * 60_000),
        ({"a": ["{otp}"]}, True, {"a": ["{otp}"]}),
        (7, True, 7),
        (Verbatim("123"), True, "123"),
    ],
)
def test_the_structure_of_an_option_is_read_before_any_value_is_known(option, as_json, expected):
    """Types come from the template alone; in a form a text stays the text that was written."""
    assert expected == structure(option, as_json=as_json)


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("{otp}", "{phone} {otp}"),
        ("{phone}: {otp}", "49170: {phone} {otp}"),
        ("{text} {to} {from} {id} {other}", "T 49170 ACME m1 {other}"),
        (["{phone}", 1, None], ["49170", 1, None]),
        ({"{otp}": {"b": "{phone}"}}, {"{otp}": {"b": "49170"}}),
        (Verbatim("{otp}"), "{otp}"),
    ],
)
def test_values_go_into_texts_once(template, expected):
    """A tag within a value stays; so do names of members, other types and secrets."""
    assert expected == fill(template, VALUES)


@given(st.text(max_size=40), st.text(max_size=40))
def test_no_text_changes_the_structure_of_a_safe_request(text, phone):
    """Whatever it holds, it arrives as one text in its place."""
    option = structure('{"to": ["{phone}"], "content": "Code {otp}!", "unicode": true}', as_json=True)

    sent = json.loads(safe_json({"message": fill(option, {**VALUES, "otp": text, "phone": phone})}))

    assert {"message": {"to": [phone], "content": f"Code {text}!", "unicode": True}} == sent


def test_a_safe_form_is_encoded():
    """A list repeats its name, a table goes as JSON, null is left out, numbers and truth are JSON's words."""
    parameters = {"a": "1 2&", "b": ["x", "y"], "c": {"d": "ü"}, "e": None, "f": True, "g": 1.5, "h": 7}

    assert "a=1+2%26&b=x&b=y&c=%7B%22d%22%3A+%22%C3%BC%22%7D&f=true&g=1.5&h=7" == safe_form(parameters)


def test_nan_is_no_json():
    """Both grammars refuse what JSON does not have."""
    for encode in (safe_json, exact_json):
        with pytest.raises(ValueError, match="not JSON compliant"):
            encode({"a": float("nan")})


QUIRKS = [
    ("{otp}", "123456", "x", 123456),
    ("{otp}", "012345", "x", "012345"),
    ("{phone}", "x", "+4917", "+4917"),
    ("{phone}", "x", "4917", 4917),
    ("{otp}", "true", "x", True),
    ("{otp}", "null", "x", None),
    ("{otp}", "1e5", "x", 100000.0),
    ('["{phone}"]', "x", "4917", ["4917"]),
    ('{"a": "{otp}"}', 'say "hi"', "x", '{"a": "say "hi""}'),
    ('{"a": "{otp}"}', "two\nlines", "x", '{"a": "two\nlines"}'),
    ("{otp}", "call {phone}", "4917", "call 4917"),
    ("{phone}", "x", "{otp}", "{otp}"),
    ("Code {otp}", "1", "x", "Code 1"),
    (7, "x", "x", 7),
    ({"a": "{otp}"}, "1", "x", {"a": "1"}),
    ("{otp}", "9" * 5000, "x", "9" * 5000),
    ("{otp}", "[" * 60_000, "x", "[" * 60_000),
]


@pytest.mark.parametrize(("option", "text", "phone", "expected"), QUIRKS)
def test_the_exact_grammar_has_every_quirk(option, text, phone, expected):
    """The text goes in first, then the number, and what reads as JSON then is JSON."""
    value = exact_value(option, phone, text)

    assert (type(expected), expected) == (type(value), value)


scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
json_values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3)
)
fields = st.dictionaries(st.text(min_size=1, max_size=6), json_values, max_size=4)


@given(fields)
def test_an_exact_form_is_what_the_library_sends(parameters):
    """The body of the prepared POST, byte for byte: lists, null, True, floats, tables and all."""
    prepared = requests.Request("POST", "http://host/", data=parameters).prepare()

    assert (prepared.body or "") == exact_form(parameters)


@given(fields)
def test_an_exact_query_is_what_the_library_sends(parameters):
    """The path of the prepared GET, byte for byte."""
    prepared = requests.Request("GET", "http://host/p", params=parameters).prepare()
    query = exact_form(parameters)

    assert prepared.path_url == ("/p?" + query if query else "/p")


@given(fields)
def test_an_exact_json_body_is_what_the_library_sends(parameters):
    """The body of the prepared POST, or its refusal of NaN and infinity."""
    try:
        body = requests.Request("POST", "http://host/", json=parameters).prepare().body
    except requests.exceptions.InvalidJSONError:
        with pytest.raises(ValueError, match="not JSON compliant"):
            exact_json(parameters)
        return

    assert body == exact_json(parameters)


@pytest.mark.parametrize(
    "path", ["/p", "/a b", "/ü", "/%41%2f", "/a%zz", "/a%", "/p?x=1&y={z}", "/p?x=%20+", "/p?x=[1]~", "/p?q=a%20b|c"]
)
def test_an_address_is_quoted_as_the_library_does(path):
    """Escapes that need not be are undone, what must be is escaped, the rest stays."""
    assert requests.Request("GET", f"http://host{path}").prepare().path_url == quoted(path)
