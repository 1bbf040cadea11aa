"""What somebody looks for: numbers as people write them, filters, and what is wrong with either."""

import pytest

from smshub.console.searching import search_of
from smshub.console.visiting import Form
from smshub.domain.commands import ListMessages
from smshub.domain.message import MessageClass, State

ID = "01a20141d5c6686b9be4b73214006450"


def search(countries=(), **fields):
    """Look for what these fields say."""
    return search_of(Form({name: (value,) for name, value in fields.items()}), countries)


@pytest.mark.parametrize(
    ("written", "countries", "to"),
    [
        ("+491701234567", (), "491701234567"),
        ("0049 (170) 123-4567", (), "491701234567"),
        ("491701234567", (), "491701234567"),
        ("0170 1234567", ("DE",), "491701234567"),
        ("0170 1234567", ("US", "DE"), "491701234567"),
        (" anna@Example.ORG ", (), "anna@example.org"),
    ],
)
def test_a_recipient_is_found_however_it_is_written(written, countries, to):
    """International numbers anywhere, national ones where a country is known, mail addresses."""
    assert ListMessages(to=to) == search(countries, find=written).wanted


def test_an_id_leads_to_its_message():
    """Whoever has an id from a log puts it into the same field."""
    assert [ID, ID] == [search(find=ID).id, search(find=ID.upper()).id]


def test_filters_become_members():
    """Each field narrows; times are in UTC."""
    found = search(
        state="SENT", **{"class": "otp"}, account="shop", connector="carrier", reference="order-1",
        since="1970-01-01T00:01", until="1970-01-01T01:00+00:30", cursor=ID,
    )  # fmt: skip

    assert {} == found.problems
    assert found.wanted == ListMessages(
        state=State.SENT, message_class=MessageClass.OTP, account="shop", connector="carrier", reference="order-1",
        since=60.0, until=1_800.0, cursor=ID,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("fields", "member"),
    [
        ({"find": "12"}, "find"),
        ({"find": "0170 1234567"}, "find"),
        ({"find": "a b@c"}, "find"),
        ({"find": "x" * 5_000}, "find"),
        ({"state": "sent"}, "state"),
        ({"class": "<script>"}, "class"),
        ({"account": "a\x00b"}, "account"),
        ({"reference": "r" * 256}, "reference"),
        ({"since": "yesterday"}, "since"),
        ({"since": "2030-01-02T00:00", "until": "2030-01-01T00:00"}, "until"),
    ],
)
def test_what_cannot_be_looked_for_is_told_at_its_field(fields, member):
    """In a sentence, and without looking for anything else instead."""
    problems = search(**fields).problems

    assert {member} == problems.keys()
    assert problems[member][0].isupper() or not problems[member][0].isalpha()


@pytest.mark.parametrize("cursor", ["", "x", "' OR 1=1", "0" * 31])
def test_a_cursor_that_is_none_of_ours_is_the_beginning(cursor):
    """An address that somebody has changed shows the first page."""
    assert None is search(cursor=cursor).wanted.cursor
