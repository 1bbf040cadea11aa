"""
XML whose markup has been read before: the same tags in the same order, with other texts between them.

A client writes the same markup around every text it sends. Whether such a document is well-formed and what its
elements are depends on its tags alone, as long as its texts hold nothing that XML reads as anything but text. So what
the parser has accepted once is kept as a shape, by its tags to the last character, and the texts of later documents
are put in their places. Any document of which this is not certain is left to the parser.

Of what strangers send nothing else is kept: shapes hold no texts, are few, bounded in length, and are only made when
the same tags come a second time.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Final, Generic, TypeVar

# An element's content: its text, or its children by local name in the order they came.
Value = str | tuple[tuple[str, "Value"], ...]
Parameters = Mapping[str, Sequence[Value]]

# What the reader makes of all but the parameters.
Head = TypeVar("Head")

MOST_SHAPES: Final = 64
MOST_TAGS: Final = 128
LONGEST: Final = 8 * 1024  # characters of a document from which a shape is made
SEEN_ONCE: Final = 256

_TAG = re.compile("(<[^>]*>)")
# Plain text to XML: no reference, no character it forbids, no carriage return, which would be read as a line feed.
_PLAIN = re.compile("[\t\n\x20-\x25\x27-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]*")

# Where a part of a parameter comes from: the place of its text among the pieces, or the children; None: an empty one.
_Part = int | tuple[tuple[str, "_Part"], ...] | None


class Shape(Generic[Head]):
    """What a document of these tags asks for."""

    __slots__ = ("_between", "_plan", "head")

    def __init__(self, head: Head, parameters: Parameters, between: Sequence[int]) -> None:
        self.head = head
        self._plan = [(name, [_part(value) for value in values]) for name, values in parameters.items()]
        self._between = tuple(between)

    def fill(self, pieces: Sequence[str]) -> dict[str, list[Value]] | None:
        """Give the parameters with the texts of this document; None where text stands where only elements may."""
        for place in self._between:
            if pieces[place] and pieces[place].strip("\t\n "):
                return None
        return {name: [_filled(part, pieces) for part in parts] for name, parts in self._plan}


def _part(value: Value) -> _Part:
    if isinstance(value, str):
        return int(value) if value else None
    return tuple([(name, _part(child)) for name, child in value])


def _filled(part: _Part, pieces: Sequence[str]) -> Value:
    if isinstance(part, int):
        return pieces[part]
    if part is None:
        return ""
    return tuple([(name, _filled(child, pieces)) for name, child in part])


class Shapes(Generic[Head]):
    """The shapes that were made. `read` is the parser: a document to its head and parameters; what it raises passes."""

    def __init__(self, read: Callable[[str], tuple[Head, Parameters]]) -> None:
        self._read = read
        self._shapes: dict[tuple[str, ...], Shape[Head]] = {}
        self._once: set[int] = set()

    def read(self, text: str) -> tuple[Head, Parameters]:
        """Read a document."""
        if len(text) > LONGEST:
            return self._read(text)
        pieces = _TAG.split(text)
        tags = tuple(pieces[1::2])
        shape = self._shapes.get(tags)
        if shape is not None and text.count(">") == len(tags) and not pieces[0] and _is_plain(text):
            parameters = shape.fill(pieces)
            if parameters is not None:
                return shape.head, parameters
        found = self._read(text)
        if shape is None:
            self._learn(tags)
        return found

    def _learn(self, tags: tuple[str, ...]) -> None:
        """Make a shape of tags that the parser has accepted, by having it read them around the numbers of places."""
        if len(tags) > MOST_TAGS:
            return
        mark = hash(tags)
        if mark not in self._once:
            if len(self._once) >= SEEN_ONCE:
                self._once.clear()
            self._once.add(mark)
            return
        # A comment, a section or an instruction may hold anything, and an attribute a `>`.
        if any(tag.startswith("<!") or tag.count("<") > 1 for tag in tags):
            return
        leaves = {2 * place + 2 for place in range(len(tags) - 1) if _opens(tags[place]) and tags[place + 1][1] == "/"}
        written = "".join([f"{tag}{place}" if (place := 2 * at + 2) in leaves else tag for at, tag in enumerate(tags)])
        try:
            head, parameters = self._read(written)
        except ValueError:
            return  # text in an element that may not hold any; the parser sees to it each time
        while len(self._shapes) >= MOST_SHAPES:
            del self._shapes[next(iter(self._shapes))]
        self._shapes[tags] = Shape(head, parameters, [at for at in range(2, 2 * len(tags) + 1, 2) if at not in leaves])


def _opens(tag: str) -> bool:
    return tag[1] not in "/?!" and not tag.endswith("/>")


def _is_plain(text: str) -> bool:
    if text.isascii() and text.isprintable():
        return "&" not in text
    return _PLAIN.fullmatch(text) is not None
