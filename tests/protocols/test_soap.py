"""The SOAP codec: what it reads, what it refuses and how soon, what it writes."""

import codecs
import contextlib
import sys
import time
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smshub.protocols.soap import Call, Code, SoapError, Version, answer, escape, fault, parse

SOAP_11 = "http://schemas.xmlsoap.org/soap/envelope/"
SOAP_12 = "http://www.w3.org/2003/05/soap-envelope"


def envelope(inside: str, *, namespace: str = SOAP_11, prolog: str = "", header: str = "") -> str:
    """An envelope around an operation's parameters."""
    return (
        f'{prolog}<e:Envelope xmlns:e="{namespace}" xmlns:u="urn:smshub">{header}'
        f"<e:Body><u:smshubSend>{inside}</u:smshubSend></e:Body></e:Envelope>"
    )


def given_in(document: str) -> dict:
    """The parameters of a document."""
    return {name: tuple(values) for name, values in parse(document.encode()).parameters.items()}


READ = {
    "a text": ("<text>hello</text>", {"text": ("hello",)}),
    "white space is part of a text": ("<text> a\n b </text>", {"text": (" a\n b ",)}),
    "items": ("<m><String>1</String><String>2</String></m>", {"m": ((("String", "1"), ("String", "2")),)}),
    "a repeated parameter": ("<m>1</m><m>2</m>", {"m": ("1", "2")}),
    "an empty one": ("<m></m><t/>", {"m": ("",), "t": ("",)}),
    "attributes and types": ('<t xmlns:x="y" x:type="xsd:string" id="1">a</t>', {"t": ("a",)}),
    "a parameter with a namespace": ("<u:t>a</u:t>", {"t": ("a",)}),
    "references": ("<t>&amp;&lt;&#228;&#x1F600;</t>", {"t": ("&<ä😀",)}),
    "a CDATA section, and one that is closed within": (
        "<t><![CDATA[a<b ]]]]><![CDATA[>]]></t>",
        {"t": ("a<b ]]>",)},
    ),
    "a document type within a text": ("<t><![CDATA[<!DOCTYPE html>]]></t>", {"t": ("<!DOCTYPE html>",)}),
    "comments": ("<t>a<!-- <!DOCTYPE x> -->b</t>", {"t": ("ab",)}),
    "XInclude as any other element": (
        '<t><i:include xmlns:i="http://www.w3.org/2001/XInclude" href="file:///etc/passwd"/></t>',
        {"t": ((("include", ""),),)},
    ),
}


@pytest.mark.parametrize("what", READ)
def test_parameters_are_read(what):
    """Each way to write a parameter becomes the value beside it."""
    inside, expected = READ[what]

    assert expected == given_in(envelope(inside))


@pytest.mark.parametrize(("namespace", "version"), [(SOAP_11, Version.SOAP_11), (SOAP_12, Version.SOAP_12)])
def test_both_versions_are_read(namespace, version):
    """An envelope of either version gives the operation, its namespace and the version."""
    body = envelope("", namespace=namespace, header="<e:Header><x a='1'/></e:Header>").encode()

    assert Call("smshubSend", "urn:smshub", {}, version) == parse(body)


def test_a_call_without_prefix_or_namespace_has_none():
    """An operation may be in a default namespace or in none."""
    inside = '<Envelope xmlns="%s"><Body><op xmlns="%s"/></Body></Envelope>'

    assert ["urn:x", ""] == [parse((inside % (SOAP_11, uri)).encode()).namespace for uri in ("urn:x", "")]


def test_a_call_keeps_its_parameters_out_of_its_repr():
    """A password cannot reach a log through the representation of a call."""
    assert "geheim" not in repr(parse(envelope("<password>geheim</password>").encode()))


TEXT = envelope("<t>Grüße</t>")
ENCODED = {
    "UTF-8": (TEXT.encode(), None),
    "UTF-8 with a mark": (codecs.BOM_UTF8 + TEXT.encode(), None),
    "UTF-8 with a mark and a declaration": (codecs.BOM_UTF8 + b"<?xml version='1.0'?>" + TEXT.encode(), None),
    "UTF-16 with a mark": (TEXT.encode("utf-16"), "text/xml"),
    "big-endian UTF-16 with a mark": (codecs.BOM_UTF16_BE + TEXT.encode("utf-16-be"), "text/xml; charset=utf-16"),
    "UTF-16 without a mark": (TEXT.encode("utf-16-le"), "application/xml"),
    "Latin-1 by declaration": ((f'<?xml version="1.0" encoding="ISO-8859-1"?>{TEXT}').encode("latin-1"), "text/xml"),
    "Latin-1 by charset": (TEXT.encode("latin-1"), 'text/xml; charset="ISO-8859-1"'),
    "UTF-8 by charset, against the declaration": (
        (f'<?xml version="1.0" encoding="ISO-8859-1"?>{TEXT}').encode(),
        "text/xml;charset=UTF-8",
    ),
    "UTF-8 by its mark, against the charset": (codecs.BOM_UTF8 + TEXT.encode(), "text/xml; charset=iso-8859-1"),
}


@pytest.mark.parametrize("what", ENCODED)
def test_encodings_are_read(what):
    """The mark outranks the charset, the charset the declaration, and UTF-8 is the rest."""
    assert ["Grüße"] == parse(*ENCODED[what]).parameters["t"]


DEEP = "<a>" * 200_000
LAUGHS = "<!DOCTYPE l [<!ENTITY a 'ha'>" + "".join(
    f"<!ENTITY {chr(98 + n)} '{f'&{chr(97 + n)};' * 10}'>" for n in range(9)
)
REFUSED = {
    "nothing": b"",
    "no XML": b"hello",
    "NUL bytes": bytes(1000),
    "an unescaped ampersand": envelope("<t>a & b</t>").encode(),
    "an unescaped bracket": envelope("<t>a < b</t>").encode(),
    "an end that never comes": envelope("<t>").encode()[:-30],
    "something after the end": TEXT.encode() + b"<x/>",
    "]]> in a text": envelope("<t>a ]]> b</t>").encode(),
    "a character that XML cannot carry": envelope("<t>&#7;</t>").encode(),
    "the same attribute twice": envelope("<t a='1' a='2'/>").encode(),
    "a prefix that nobody declared": envelope("<x:t/>").encode(),
    "an entity that nobody declared": envelope("<t>&nbsp;</t>").encode(),
    "text beside elements": envelope("<m>+49<String>+43</String></m>").encode(),
    "text for parameters": envelope("hello").encode(),
    "two bodies": f'<e:Envelope xmlns:e="{SOAP_11}"><e:Body><o/></e:Body><e:Body><o/></e:Body></e:Envelope>'.encode(),
    "two operations": f'<e:Envelope xmlns:e="{SOAP_11}"><e:Body><o/><o/></e:Body></e:Envelope>'.encode(),
    "no operation": f'<e:Envelope xmlns:e="{SOAP_11}"><e:Body> </e:Body></e:Envelope>'.encode(),
    "no body": f'<e:Envelope xmlns:e="{SOAP_11}"/>'.encode(),
    "a body of the other version": TEXT.replace("<e:Body", f"<e:Body xmlns:e='{SOAP_12}'").encode(),
    "no envelope": b"<smshubSend xmlns='urn:smshub'/>",
    "a processing instruction": envelope("", prolog="<?xml-stylesheet href='http://127.0.0.1/'?>").encode(),
    "a file by an entity": envelope(
        "<t>&x;</t>", prolog="<!DOCTYPE x [<!ENTITY x SYSTEM 'file:///etc/passwd'>]>"
    ).encode(),
    "an address by an entity": envelope(
        "<t>&x;</t>", prolog="<!DOCTYPE x [<!ENTITY x SYSTEM 'http://127.0.0.1:9/'>]>"
    ).encode(),
    "an address by a parameter entity": envelope(
        "", prolog="<!DOCTYPE x [<!ENTITY % x SYSTEM 'http://127.0.0.1:9/x.dtd'> %x;]>"
    ).encode(),
    "a document type elsewhere": envelope("", prolog="<!DOCTYPE x SYSTEM 'http://127.0.0.1:9/x.dtd'>").encode(),
    "a billion laughs": envelope("<t>&j;</t>", prolog=LAUGHS + "]>").encode(),
    "a billion laughs behind a comment that hides another": envelope(
        "<t>&j;</t>", prolog="<!-- <!DOCTYPE a> -->\n" + LAUGHS + "]>"
    ).encode(),
    "a billion laughs in UTF-16": envelope("<t>&j;</t>", prolog=LAUGHS + "]>").encode("utf-16"),
    "a quadratic blow-up": envelope(
        f"<t>{'&a;' * 20_000}</t>", prolog=f"<!DOCTYPE x [<!ENTITY a '{'a' * 20_000}'>]>"
    ).encode(),
    "a document type that does not end": b"<!DOCTYPE x [" + b"<!-- " * 50_000,
    "comments that do not end": b"<!--" * 60_000 + b"<!DOCTYPE",
    "65 levels": envelope("<a>" * 62 + "</a>" * 62).encode(),
    "200 000 levels": DEEP.encode(),
    "as many levels as fit": DEEP.encode()[:262_000],
    "129 attributes": envelope("<t " + " ".join(f"a{n}=''" for n in range(129)) + "/>").encode(),
    "129 namespaces": envelope("<t " + " ".join(f"xmlns:a{n}='u'" for n in range(129)) + "/>").encode(),
    "60 000 attributes": envelope("<t " + " ".join(f"{n:x}x=''" for n in range(30_000)) + "/>").encode(),
    "60 000 elements": envelope("<m>" + "<a/>" * 60_000 + "</m>").encode(),
    "10 MB of mobiles": envelope("<mobile>" + "<String>+491701234567</String>" * 350_000 + "</mobile>").encode(),
    "UTF-7": b"<?xml version='1.0' encoding='UTF-7'?>+ADwAIQ-DOCTYPE x+AD4" + TEXT.encode(),
    "EBCDIC": f"<?xml version='1.0' encoding='cp037'?>{TEXT}".encode("cp037"),
    "EBCDIC by declaration only": b"<?xml version='1.0' encoding='cp037'?>" + TEXT.encode(),
    "UTF-32": TEXT.encode("utf-32"),
    "a mark of UTF-8 before UTF-16": codecs.BOM_UTF8 + TEXT.encode("utf-16"),
    "a mark of UTF-16 before UTF-8": codecs.BOM_UTF16_LE + TEXT.encode(),
    "Latin-1 that says nothing": TEXT.encode("latin-1"),
    "half a surrogate pair": envelope("<t>&#xD800;</t>").encode(),
    "half a surrogate pair in UTF-8": envelope("<t>\ud800</t>").encode("utf-8", "surrogatepass"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_is_no_acceptable_request_is_refused_at_once(what):
    """Each document is refused by the module's own exception, within a tenth of a second of computing."""
    began = time.process_time()

    with pytest.raises(SoapError):
        parse(REFUSED[what])

    assert time.process_time() - began < (1.0 if sys.flags.dev_mode else 0.1)


@pytest.mark.parametrize("content_type", ["text/xml; charset=utf-7", "multipart/related; boundary=x", "x;charset=x"])
def test_content_types_that_change_the_meaning_are_refused(content_type):
    """UTF-7, an unknown charset and attachments are refused by the header."""
    with pytest.raises(SoapError):
        parse(TEXT.encode(), content_type)


def test_the_limits_themselves_are_allowed():
    """64 levels and 128 attributes are read."""
    names = " ".join(f"a{n}=''" for n in range(128))

    assert 1 == len(given_in(envelope("<a>" * 60 + f"<b {names}/>" + "</a>" * 60)))


MOST = {
    "in one list": "<m>" + "<a/>" * 32_000 + "</m>",
    "each by itself": "<a/>" * 32_000,
    "each of its own name": "".join(f"<a{n:x}/>" for n in range(30_000)),
}


@pytest.mark.parametrize("what", MOST)
def test_the_most_work_that_a_body_can_make_is_bounded(what):
    """As many elements as the limits allow are read within a tenth of a second, three on a busy machine."""
    body = envelope(MOST[what]).encode()
    began = time.process_time()

    assert parse(body).parameters
    # The interpreter's development mode checks every allocation, which takes several times as long.
    assert time.process_time() - began < (2.0 if sys.flags.dev_mode else 0.3)


FAULTS = [
    (envelope("", namespace="urn:x"), Code.VERSION_MISMATCH, Version.SOAP_11, True),
    (envelope("<t>&</t>"), Code.CLIENT, Version.SOAP_11, False),
    (envelope("<t>&</t>", namespace=SOAP_12), Code.CLIENT, Version.SOAP_12, False),
    ("<x/>", Code.CLIENT, Version.SOAP_11, True),
    (
        envelope("", header="<e:Header><w e:mustUnderstand='1'/></e:Header>"),
        Code.MUST_UNDERSTAND,
        Version.SOAP_11,
        True,
    ),
    (
        envelope("", header="<e:Header><w e:mustUnderstand='true'/></e:Header>", namespace=SOAP_12),
        Code.MUST_UNDERSTAND,
        Version.SOAP_12,
        True,
    ),
]


@pytest.mark.parametrize(("document", "code", "version", "well_formed"), FAULTS)
def test_a_refusal_says_whose_fault_it_is(document, code, version, well_formed):
    """The code, the version of the envelope and whether it was XML at all are told (SOAP 1.1 §4.4.1)."""
    with pytest.raises(SoapError) as caught:
        parse(document.encode())

    assert (code, version, well_formed) == (caught.value.code, caught.value.version, caught.value.well_formed)


def test_a_header_that_need_not_be_understood_is_passed_over():
    """Only mustUnderstand="1" in the envelope's own namespace counts (SOAP 1.1 §4.2.3)."""
    header = "<e:Header><w e:mustUnderstand='0' mustUnderstand='1'/></e:Header>"

    assert {} == given_in(envelope("", header=header))


def test_an_answer_is_written_byte_by_byte():
    """The prefixes are literal, the members unqualified and in order, an empty one is closed at once."""
    written = answer("opResponse", "urn:x", {"code": "1", "error": "", "message": 'a<b & "c"\r\n\x07ä😀\ud800'})

    assert (
        b'<?xml version="1.0" encoding="UTF-8"?>\n'
        b'<SOAP-ENV:Envelope xmlns:SOAP-ENV="http://schemas.xmlsoap.org/soap/envelope/" xmlns:ns1="urn:x">'
        b"<SOAP-ENV:Body><ns1:opResponse><code>1</code><error/>"
        b"<message>a&lt;b &amp; &quot;c&quot;&#13;\n\xef\xbf\xbd\xc3\xa4\xf0\x9f\x98\x80\xef\xbf\xbd</message>"
        b"</ns1:opResponse></SOAP-ENV:Body></SOAP-ENV:Envelope>\n"
    ) == written


def test_a_fault_of_1_1_is_written_byte_by_byte():
    """A fault has its code and string unqualified (SOAP 1.1 §4.4)."""
    assert (
        b'<?xml version="1.0" encoding="UTF-8"?>\n'
        b'<SOAP-ENV:Envelope xmlns:SOAP-ENV="http://schemas.xmlsoap.org/soap/envelope/"><SOAP-ENV:Body>'
        b"<SOAP-ENV:Fault><faultcode>SOAP-ENV:Client</faultcode><faultstring>no &lt;</faultstring></SOAP-ENV:Fault>"
        b"</SOAP-ENV:Body></SOAP-ENV:Envelope>\n"
    ) == fault(Code.CLIENT, "no <")


def test_a_fault_of_1_2_has_its_own_words():
    """The caller's fault is a Sender's in SOAP 1.2, and the reason has a language."""
    written = ET.fromstring(fault(Code.CLIENT, "no", Version.SOAP_12))

    assert ["SOAP-ENV:Sender", "no"] == [element.text for element in written.iter() if element.text]
    assert f"{{{SOAP_12}}}Envelope" == written.tag


@given(st.text())
def test_whatever_is_escaped_can_be_read_back(text):
    """Any text at all makes a well-formed document, and what XML can carry comes back as it was."""
    read = ET.fromstring(f'<a b="{escape(text)}">{escape(text)}</a>').text or ""

    assert len(text) == len(read)
    assert all(b in (a, "\ufffd") for a, b in zip(text, read, strict=True))


@given(st.one_of(st.binary(), st.text().map(lambda text: text.encode("utf-8", "surrogatepass"))), st.none() | st.text())
def test_garbage_raises_nothing_but_the_one_error(body, content_type):
    """Whatever comes, it is a call or a SoapError."""
    with contextlib.suppress(SoapError):
        parse(body, content_type)


PIECES = [
    f"<e:Envelope xmlns:e='{SOAP_11}'>",
    "<e:Header>",
    "</e:Header>",
    "<e:Body>",
    "<op xmlns='urn:smshub'>",
    "<a>",
    "</a>",
    "text",
    "&amp;",
    "&",
    "<![CDATA[",
    "]]>",
    "<!DOCTYPE a [<!ENTITY b 'c'>]>",
    "<?pi?>",
    "<!--",
    "-->",
    "</op>",
    "</e:Body>",
    "</e:Envelope>",
]


@given(st.lists(st.sampled_from(PIECES), max_size=20))
def test_pieces_of_requests_raise_nothing_but_the_one_error(pieces):
    """Whatever order the pieces of a document come in, it is a call or a SoapError."""
    with contextlib.suppress(SoapError):
        assert "op" == parse("".join(pieces).encode()).operation
