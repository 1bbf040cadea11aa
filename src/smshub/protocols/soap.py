"""
SOAP 1.1 (W3C Note of 2000) and 1.2 in rpc style: a request's bytes to a `Call`, an answer's members to bytes.

The parser is expat and not lxml, for three reasons: elements arrive one by one, so that a document is given up at the
limit it breaks; what a stranger sends leaves nothing behind, while libxml2 keeps every name it has ever seen for as
long as the thread lives; and it is as quick on a document of this size.
"""

import re
from collections.abc import Mapping
from enum import Enum
from typing import Any, Final, NamedTuple
from xml.parsers import expat  # document types, processing instructions and entities are refused below

from smshub.protocols.markup import Parameters, Shapes, Value

MAX_SIZE: Final = 256 * 1024
MAX_DEPTH: Final = 64
MAX_ATTRIBUTES: Final = 128
MAX_TAGS: Final = 32 * 1024  # beyond ten thousand items of a list, each with its end; bounds the work a body can make

# What XML 1.0 §2.2 cannot carry, and the characters that must be written as references. A carriage return would come
# back as a line feed (XML 1.0 §2.11).
_UNCARRIABLE = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_REFERENCES: Final = (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ('"', "&quot;"), ("\r", "&#13;"))
_PLAIN = re.compile("[\t\n\x20-\x21\x23-\x25\x27-\x3b\x3d\x3f-\x7e\xa0-\ud7ff\ue000-\ufffd]*")

# Encodings a document may be written in, by the names that declarations and content types give them. Not among them
# are UTF-7 and the EBCDIC pages, in which a document can say one thing to a filter and another to its reader.
_ENCODINGS: Final[Mapping[str, str]] = {
    "utf-8": "utf-8",
    "utf8": "utf-8",
    "us-ascii": "ascii",
    "ascii": "ascii",
    "iso-8859-1": "latin-1",
    "latin1": "latin-1",
    "iso-8859-15": "iso-8859-15",
    "windows-1252": "cp1252",
}
_WIDE: Final = frozenset({"utf-16", "utf-16le", "utf-16be"})
_CHARSET = re.compile(r"charset\s*=\s*[\"']?([^\s\"';,]+)", re.IGNORECASE)
_DECLARED = re.compile(rb"<\?xml\s[^>]*?encoding\s*=\s*[\"']([A-Za-z0-9._-]+)[\"']")


class Version(Enum):
    """A version of SOAP: the namespace of its envelope."""

    SOAP_11 = "http://schemas.xmlsoap.org/soap/envelope/"
    SOAP_12 = "http://www.w3.org/2003/05/soap-envelope"

    @property
    def content_type(self) -> str:
        """The content type of its answers."""
        return "text/xml; charset=utf-8" if self is Version.SOAP_11 else "application/soap+xml; charset=utf-8"


class Code(Enum):
    """Whose fault it is, as SOAP 1.1 §4.4.1 spells it; SOAP 1.2 has other words for the first two."""

    CLIENT = "Client"
    SERVER = "Server"
    VERSION_MISMATCH = "VersionMismatch"
    MUST_UNDERSTAND = "MustUnderstand"


_CODES_12: Final[Mapping[Code, str]] = {Code.CLIENT: "Sender", Code.SERVER: "Receiver"}


class SoapError(ValueError):
    """
    A body that is no acceptable SOAP request; the one exception of this module.

    `well_formed` is False where the document is merely broken XML, as a client makes it that does not escape its
    texts. `version` is that of the envelope where it was reached. The message repeats nothing of the body.
    """

    def __init__(
        self,
        why: str,
        *,
        code: Code = Code.CLIENT,
        version: Version = Version.SOAP_11,
        well_formed: bool = True,
    ) -> None:
        super().__init__(why)
        self.code = code
        self.version = version
        self.well_formed = well_formed


class Call(NamedTuple):
    """
    A request: the operation's local name and namespace ("" for none) and its parameters by local name.

    Each parameter has as many values as it was given. Attributes, xsi:type among them, mean nothing here.
    """

    operation: str
    namespace: str
    parameters: Parameters
    version: Version = Version.SOAP_11

    def __repr__(self) -> str:
        return f"Call({self.operation})"


_Head = tuple[str, str, Version]


def parse(body: bytes, content_type: str | None = None) -> Call:
    """
    Read a request of at most 256 KiB, 64 levels, 128 attributes an element and 32 768 tags.

    `content_type` is the header as received; only its charset is looked at, and a byte order mark outranks it. Raises
    `SoapError` and nothing else.
    """
    if len(body) > MAX_SIZE:
        raise SoapError(f"the body is larger than {MAX_SIZE} bytes")
    text = _decode(body, content_type)
    if text.count("<") > MAX_TAGS:
        raise SoapError(f"there are more than {MAX_TAGS} tags")
    (operation, namespace, version), parameters = _SHAPES.read(text)
    return Call(operation, namespace, parameters, version)


def _read(text: str) -> tuple[_Head, Parameters]:
    """Read a document with the parser. Raises `SoapError`."""
    if _has_doctype(text):
        raise SoapError("a document type is not allowed")
    reader = _Reader()
    parser = expat.ParserCreate(None, " ")
    parser.buffer_text = True
    parser.ordered_attributes = True
    parser.StartElementHandler = reader.start
    parser.EndElementHandler = reader.end
    parser.CharacterDataHandler = reader.data
    parser.StartNamespaceDeclHandler = reader.declare
    parser.ProcessingInstructionHandler = _refuse_instruction
    parser.StartDoctypeDeclHandler = _refuse_doctype
    try:
        parser.Parse(text, True)
    except expat.ExpatError as error:
        raise SoapError(f"the XML is broken: {error}", version=reader.version, well_formed=False) from None
    return _call(*reader.root)


class _Reader:
    """Builds an element's content from the parser's events; an open element is [name, children, texts]."""

    __slots__ = ("declared", "open", "root")

    def __init__(self) -> None:
        self.root: tuple[str, Any] = ("", "")
        self.open: list[tuple[str, list[tuple[str, Any]], list[str]]] = []
        self.declared = 0

    @property
    def version(self) -> Version:
        """The version of the envelope that is open, or 1.1."""
        is_12 = self.open and self.open[0][0].startswith(Version.SOAP_12.value)
        return Version.SOAP_12 if is_12 else Version.SOAP_11

    def declare(self, prefix: str | None, uri: str | None) -> None:
        """Count a namespace declaration, which expat does not tell among the attributes."""
        self.declared += 1

    def start(self, name: str, attributes: list[str]) -> None:
        """Open an element."""
        depth = len(self.open)
        if depth >= MAX_DEPTH:
            raise SoapError(f"the elements are nested more than {MAX_DEPTH} deep")
        if attributes or self.declared:
            if len(attributes) // 2 + self.declared > MAX_ATTRIBUTES:
                raise SoapError(f"an element has more than {MAX_ATTRIBUTES} attributes")
            self.declared = 0
            if depth == 2:
                self._look_at_header(attributes)
        self.open.append((name, [], []))

    def _look_at_header(self, attributes: list[str]) -> None:
        # SOAP 1.1 §4.2.3: a header that must be understood and is not forbids the call. None is understood here.
        for version in Version:
            if self.open[1][0] == f"{version.value} Header":
                marks = dict(zip(attributes[::2], attributes[1::2], strict=True))
                if marks.get(f"{version.value} mustUnderstand") in {"1", "true"}:
                    raise SoapError("no header is understood", code=Code.MUST_UNDERSTAND, version=version)

    def data(self, text: str) -> None:
        """Take text of the innermost element."""
        self.open[-1][2].append(text)

    def end(self, name: str) -> None:
        """Close an element and hand its content to the one around it."""
        _, children, texts = self.open.pop()
        text = "".join(texts)
        if children and text and not text.isspace():
            raise SoapError("an element holds both text and elements")
        content: Value = tuple(children) if children else text
        depth = len(self.open)
        if not depth:
            self.root = (name, content)
            return
        # Below the operation only local names matter.
        self.open[-1][1].append((name.rpartition(" ")[2] if depth > 2 else name, content))


_SHAPES: Final = Shapes(_read)


def _refuse_instruction(target: str, data: str) -> None:
    raise SoapError("a processing instruction is not allowed")


def _refuse_doctype(*_: object) -> None:
    raise SoapError("a document type is not allowed")


def _call(root: str, content: Value) -> tuple[_Head, Parameters]:
    """Find the one operation in the envelope's body, and its parameters."""
    namespace, _, name = root.rpartition(" ")
    try:
        version = Version(namespace)
    except ValueError:
        version = Version.SOAP_11
        if name == "Envelope":
            raise SoapError("the envelope is of no known SOAP version", code=Code.VERSION_MISMATCH) from None
    parts = [part for part in _children(content) if part[0] != f"{version.value} Header"]
    if name != "Envelope" or len(parts) != 1 or parts[0][0] != f"{version.value} Body":
        raise SoapError("the document is not one envelope with one body", version=version)
    calls = _children(parts[0][1])
    if len(calls) != 1:
        raise SoapError("the body does not hold one operation", version=version)
    qualified, given = calls[0]
    namespace, _, operation = qualified.rpartition(" ")
    if isinstance(given, str) and given and not given.isspace():
        raise SoapError("the operation holds text instead of parameters", version=version)
    parameters: dict[str, list[Value]] = {}
    for parameter, value in _children(given):
        parameters.setdefault(parameter, []).append(value)
    return (operation, namespace, version), parameters


def _children(content: Value) -> tuple[tuple[str, Value], ...]:
    return () if isinstance(content, str) else content


def _decode(body: bytes, content_type: str | None) -> str:
    """Decode by the byte order mark, else the content type's charset, else the document's declaration, else UTF-8."""
    if content_type and content_type[:10].lower() == "multipart/":
        raise SoapError("attachments are not taken")
    charset = _CHARSET.search(content_type) if content_type else None
    declared = _DECLARED.match(body[3:] if body.startswith(b"\xef\xbb\xbf") else body)
    names = [charset[1].lower()] if charset else []
    names += [declared[1].decode().lower()] if declared else []
    for name in names:
        if name not in _ENCODINGS and name not in _WIDE:
            raise SoapError("the document's encoding is not taken")
    if body.startswith(b"\xef\xbb\xbf"):
        encoding, body = "utf-8", body[3:]
    elif body.startswith((b"\xff\xfe", b"<\0")):
        encoding, body = "utf-16-le", body.removeprefix(b"\xff\xfe")
    elif body.startswith((b"\xfe\xff", b"\0<")):
        encoding, body = "utf-16-be", body.removeprefix(b"\xfe\xff")
    else:
        encoding = _ENCODINGS.get(names[0], "utf-8") if names else "utf-8"
    try:
        return body.decode(encoding)
    except UnicodeDecodeError:
        raise SoapError("the document is not in the encoding it claims", well_formed=False) from None


def _has_doctype(text: str) -> bool:
    """
    Tell whether a document type stands before the first element.

    This is looked for first, because expat reads on to the end of the document after an exception of a handler, and
    would expand the entities that the document type declares.
    """
    position = 0 if "<!DOCTYPE" in text else -1
    while position >= 0:
        position = text.find("<", position)
        if text.startswith("<!DOCTYPE", position):
            return True
        if text.startswith("<?", position):
            position = text.find("?>", position + 2)
        elif text.startswith("<!--", position):
            position = text.find("-->", position + 4)
        else:
            break
    return False


def escape(text: str) -> str:
    """Write text as XML 1.0 can carry it, in an element or an attribute; what it cannot becomes U+FFFD."""
    if _PLAIN.fullmatch(text):
        return text
    text = _UNCARRIABLE.sub("\ufffd", text)
    for character, reference in _REFERENCES:
        text = text.replace(character, reference)
    return text


_ANSWERS: Final[Mapping[Version, tuple[str, str]]] = {
    version: (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<SOAP-ENV:Envelope xmlns:SOAP-ENV="{version.value}"',
        "</SOAP-ENV:Body></SOAP-ENV:Envelope>\n",
    )
    for version in Version
}


def answer(name: str, namespace: str, members: Mapping[str, str], version: Version = Version.SOAP_11) -> bytes:
    """
    Write an answer: an element `ns1:NAME` in the namespace with unqualified members.

    The prefixes SOAP-ENV and ns1 are literal, since there are clients that look for them. An empty member is written
    `<member/>`.
    """
    head, tail = _ANSWERS[version]
    inner = "".join([f"<{key}>{escape(value)}</{key}>" if value else f"<{key}/>" for key, value in members.items()])
    return (f'{head} xmlns:ns1="{namespace}"><SOAP-ENV:Body><ns1:{name}>{inner}</ns1:{name}>{tail}').encode()


def fault(code: Code, string: str, version: Version = Version.SOAP_11) -> bytes:
    """Write a fault (SOAP 1.1 §4.4, SOAP 1.2 part 1 §5.4)."""
    head, tail = _ANSWERS[version]
    if version is Version.SOAP_11:
        inner = f"<faultcode>SOAP-ENV:{code.value}</faultcode><faultstring>{escape(string)}</faultstring>"
    else:
        value = _CODES_12.get(code, code.value)
        inner = (
            f"<SOAP-ENV:Code><SOAP-ENV:Value>SOAP-ENV:{value}</SOAP-ENV:Value></SOAP-ENV:Code>"
            f'<SOAP-ENV:Reason><SOAP-ENV:Text xml:lang="en">{escape(string)}</SOAP-ENV:Text></SOAP-ENV:Reason>'
        )
    return f"{head}><SOAP-ENV:Body><SOAP-ENV:Fault>{inner}</SOAP-ENV:Fault>{tail}".encode()
