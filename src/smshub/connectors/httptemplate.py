"""
How the options of a generic HTTP gateway become a request: two grammars, both pure.

The safe one reads the structure of an option first and puts values into its texts afterwards, so nothing in a text or
a number can change the structure or be taken for a tag. The exact one does what privacyIDEA's HTTP provider does,
quirks included: replace in the raw text, then read the whole as JSON, then encode as the `requests` library would.
"""

import json
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlencode

_TAG = re.compile(r"\{(otp|text|phone|to|from|id)\}")
_ESCAPE = re.compile("%([0-9A-Fa-f]{2})")

# RFC 3986 §2.3 and §3.3: what needs no escape at all, and what may stand unescaped.
_UNRESERVED = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
_LEGAL = "!$&'()*+,/:;=?@~"


class Verbatim(str):
    """A text in a structure that goes out as it is: a secret, in which nothing is a tag."""

    __slots__ = ()


def structure(option: Any, *, as_json: bool) -> Any:
    """
    Read an option of the safe grammar.

    A text that is a JSON array or object is read as one. For a JSON body so are `true`, `12`, `null` and `"quoted"`;
    elsewhere a text stays as written, because `1e5` is a password sooner than a number.
    """
    if not isinstance(option, str) or isinstance(option, Verbatim):
        return option
    if not as_json and not option.lstrip().startswith(("[", "{")):
        return option
    try:
        return json.loads(option)
    except (ValueError, RecursionError):
        return option


def fill(template: Any, values: Mapping[str, str]) -> Any:
    """Put values into the texts of a structure, each tag once; names of members and other types stay as they are."""
    match template:
        case Verbatim():
            return template
        case str():
            if "{" not in template:
                return template
            if template[0] == "{" and template[-1] == "}" and template[1:-1] in values:
                return values[template[1:-1]]  # nothing but a tag, as most options are
            return _TAG.sub(lambda tag: values[tag[1]], template)
        case list() | tuple():
            return [fill(item, values) for item in template]
        case dict():
            return {name: fill(item, values) for name, item in template.items()}
        case _:
            return template


def safe_form(parameters: Mapping[str, Any]) -> str:
    """Encode a query or a form: a list repeats its name, a table goes as JSON, null is left out."""
    return urlencode(
        [
            (name, item if isinstance(item, str) else json.dumps(item, ensure_ascii=False))
            for name, value in parameters.items()
            for item in (value if isinstance(value, list) else [value])
            if item is not None
        ]
    )


def safe_json(parameters: Mapping[str, Any]) -> bytes:
    """Encode a JSON body in UTF-8. Raises ValueError for NaN and infinity, which JSON does not have."""
    return json.dumps(parameters, ensure_ascii=False, allow_nan=False).encode()


def exact_value(option: Any, phone: str, text: str) -> Any:
    """
    Give an option as privacyIDEA sends it.

    The text goes in before the number, so `{phone}` within the text is replaced too; what then reads as JSON is JSON:
    `123456` a number, `012345` a text, `null` nothing.
    """
    raw = option if isinstance(option, str) else json.dumps(option)
    filled = raw.replace("{otp}", text).replace("{phone}", phone)
    try:
        return json.loads(filled)
    except (ValueError, RecursionError):
        return filled


def exact_form(parameters: Mapping[str, Any]) -> str:
    """Encode as `requests` does: null is dropped, a list repeats its name, `True` and `100000.0` are Python's words."""
    pairs = [
        (name, item)
        for name, value in parameters.items()
        for item in (value if isinstance(value, list | dict) else [value])
        if item is not None
    ]
    return urlencode(pairs, doseq=True)


def exact_json(parameters: Mapping[str, Any]) -> bytes:
    """Encode a JSON body as `requests` does. Raises ValueError for NaN and infinity, which JSON does not have."""
    return json.dumps(parameters, allow_nan=False).encode()


def quoted(path: str) -> str:
    """Quote what may not stand in a path or query and leave alone what may, as `requests` does."""
    if path.count("%") != len(_ESCAPE.findall(path)):
        return quote(path, safe=_LEGAL)
    plain = _ESCAPE.sub(lambda one: char if (char := chr(int(one[1], 16))) in _UNRESERVED else one[0].upper(), path)
    return quote(plain, safe=_LEGAL + "%")
