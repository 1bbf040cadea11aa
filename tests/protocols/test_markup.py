"""Markup that was read before gives what the parser gives, and what the parser would refuse is still refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smshub.protocols import soap
from smshub.protocols.markup import MOST_SHAPES, Shapes

ENVELOPE = "http://schemas.xmlsoap.org/soap/envelope/"
FORMS = {
    "rpc": '<E:Envelope xmlns:E="{ns}"><E:Body><u:send xmlns:u="urn:smshub"><to>{0}</to><text>{1}</text></u:send>'
    "</E:Body></E:Envelope>",
    "a list": '<Envelope xmlns="{ns}"><Body><send><mobile><String>{0}</String><String>{1}</String><String/></mobile>'
    "<text/></send></Body></Envelope>",
    "with a header": '<E:Envelope xmlns:E="{ns}"><E:Header><token>{0}</token></E:Header><E:Body><send><text>{1}</text>'
    "</send></E:Body></E:Envelope>",
    "indented": '<?xml version="1.0" encoding="UTF-8"?>\n<E:Envelope xmlns:E="{ns}">\n <E:Body>\n  <send>\n'
    "   <to>{0}</to>\n   <text>{1}</text>\n  </send>\n </E:Body>\n</E:Envelope>\n",
    "repeated": '<E:Envelope xmlns:E="{ns}"><E:Body><send><to>{0}</to><to>{1}</to><deep><a><b>{1}</b></a></deep></send>'
    "</E:Body></E:Envelope>",
    "greater than in an attribute": '<E:Envelope xmlns:E="{ns}"><E:Body><send a="1>2"><to>{0}</to><text b=">">{1}'
    "</text></send></E:Body></E:Envelope>",
    "comment and section": '<E:Envelope xmlns:E="{ns}"><E:Body><send><to><!-- 2 -->{0}</to><text><![CDATA[2]]>{1}'
    "</text></send></E:Body></E:Envelope>",
    "an operation without parameters": '<E:Envelope xmlns:E="{ns}"><E:Body><send></send></E:Body></E:Envelope>',
}
# What a client may put between tags, rightly or by mistake.
TEXTS = st.one_of(
    st.sampled_from(
        ["", " ", "\n", "\r\n", "a\rb", "&amp;", "&", "&#65;", "&lol;", ">", "]]>", "\x00", "\x0b", "\ufffe"]
    ),
    st.sampled_from(
        ["<b>1</b>", "<!-- -->", "<![CDATA[<]]>", "<?pi?>", "</text>", "<", "<a", "2", "Grüße", "\u00a0", "😀"]
    ),
    st.text(max_size=20),
)


def parsed(document: str) -> object:
    """Read a document by the parser alone, or tell why not."""
    return told(document, soap._read)


def told(document: str, read: object) -> object:
    """Tell what a reader makes of a document; the parser's own words for broken XML are not compared."""
    try:
        return read(document)
    except soap.SoapError as error:
        return (error.code, error.version, error.well_formed)


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
@given(texts=st.tuples(TEXTS, TEXTS))
def test_every_document_is_read_as_the_parser_reads_it(form, texts):
    """After markup was learnt, whatever stands between the tags is read, or refused, as by the parser."""
    shapes = Shapes(soap._read)
    learnt = form.format("1", "2", ns=ENVELOPE)
    assert [parsed(learnt)] * 3 == [told(learnt, shapes.read) for _ in range(3)]

    document = form.format(*texts, ns=ENVELOPE)

    assert parsed(document) == told(document, shapes.read)


@given(
    place=st.integers(0, 400), put=st.sampled_from(["x", " ", "<b/>", "&", ">", "\n", "\x01", "<!DOCTYPE a>", "\ufeff"])
)
def test_no_change_to_a_learnt_document_gets_past_the_parser(place, put):
    """Something put into any place of a document is read, or refused, as by the parser."""
    shapes = Shapes(soap._read)
    learnt = FORMS["indented"].format("491701234567", "Hello", ns=ENVELOPE)
    for _ in range(3):
        shapes.read(learnt)

    document = learnt[:place] + put + learnt[place:]

    assert parsed(document) == told(document, shapes.read)


def test_markup_is_learnt_when_it_comes_again_and_the_parser_is_left_alone():
    """The parser reads a document twice, and its shape once; all further ones with these tags need none."""
    read: list[str] = []

    def reader(text: str) -> object:
        read.append(text)
        return soap._read(text)

    shapes = Shapes(reader)
    for number in range(5):
        _, parameters = shapes.read(FORMS["rpc"].format(number, f"text {number}", ns=ENVELOPE))
        assert {"to": [str(number)], "text": [f"text {number}"]} == parameters
    assert 3 == len(read)


def test_what_strangers_send_leaves_a_bounded_number_of_shapes():
    """However many different documents come, no more shapes are kept than the limit, and none of their texts."""
    shapes = Shapes(soap._read)
    for number in range(MOST_SHAPES + 40):
        document = FORMS["rpc"].replace("<to>", f'<to n="{number}">').format("secret", "x", ns=ENVELOPE)
        for _ in range(3):
            shapes.read(document)

    assert MOST_SHAPES == len(shapes._shapes)
    assert not any("secret" in tag for tags in shapes._shapes for tag in tags)
