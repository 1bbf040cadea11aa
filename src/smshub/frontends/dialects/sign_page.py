"""The small page behind the link of smshubSign: the text, and two buttons that work without any script."""

import base64
import hashlib
from collections.abc import Mapping
from html import escape
from typing import Final
from urllib.parse import parse_qsl

from smshub.domain.commands import CATALOGUE, Refused, text_of
from smshub.domain.signing import Answer, Page

FORM: Final = "application/x-www-form-urlencoded"

_STYLE: Final = """
:root { color-scheme: light dark; }
body { font: 1.125rem/1.5 system-ui, sans-serif; margin: 0 auto; max-width: 32rem; padding: 1.5rem; }
h1 { font-size: 1.375rem; }
.text { border-left: .25rem solid #8884; margin: 1.5rem 0; overflow-wrap: anywhere; padding-left: 1rem;
  white-space: pre-wrap; }
form { display: grid; gap: 1rem; }
button { border: .125rem solid; border-radius: .5rem; cursor: pointer; font: inherit; min-height: 3.25rem; }
button:first-child { background: #0b5d2e; border-color: #0b5d2e; color: #fff; }
button:focus-visible { outline: .1875rem solid #06c; outline-offset: .1875rem; }
"""
_STYLE_DIGEST: Final = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()

HEADERS: Final = (
    (b"content-type", b"text/html; charset=utf-8"),
    (b"cache-control", b"no-store"),
    (
        b"content-security-policy",
        f"default-src 'none'; style-src 'sha256-{_STYLE_DIGEST}'; form-action 'self'; base-uri 'none';"
        " frame-ancestors 'none'".encode(),
    ),
    (b"referrer-policy", b"no-referrer"),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"x-robots-tag", b"noindex, nofollow, noarchive, nosnippet"),
)

# What the page says once there is nothing left to answer, and with which HTTP status.
_OVER: Final[Mapping[Answer, tuple[int, str]]] = {
    Answer.ACCEPTED: (200, "SignAccepted"),
    Answer.REFUSED: (200, "SignDeclined"),
    Answer.EXPIRED: (410, "SignOver"),
}


def read_answer(body: bytes, content_type: str) -> bool | None:
    """Read the form: whether the text is accepted; None where the form says nothing, or two things."""
    if content_type.partition(";")[0].strip().lower() != FORM:
        return None
    try:
        pairs = parse_qsl(body.decode("ascii"), keep_blank_values=True, strict_parsing=True, max_num_fields=4)
    except ValueError:
        return None
    return {"accept": True, "refuse": False}.get(pairs[0][1]) if [name for name, _ in pairs] == ["answer"] else None


def write(page: Page | None, catalogue: Mapping[str, str] = CATALOGUE, *, misread: bool = False) -> tuple[int, bytes]:
    """Write the page and its HTTP status; `misread`: a form came that said nothing."""
    if page is None:
        return 404, _html(_word("SignUnknown", catalogue), "", catalogue)
    if page.answer is not Answer.OPEN:
        status, name = _OVER[page.answer]
        return status, _html(_word(name, catalogue), "", catalogue)
    form = (
        f'<p class="text" dir="auto">{escape(page.text)}</p>'
        '<form method="post">'
        f'<button name="answer" value="accept">{escape(_word("SignAccept", catalogue))}</button>'
        f'<button name="answer" value="refuse">{escape(_word("SignRefuse", catalogue))}</button>'
        "</form>"
    )
    return 400 if misread else 200, _html(_word("SignTitle", catalogue), form, catalogue)


def write_refused(refused: Refused, catalogue: Mapping[str, str] = CATALOGUE) -> bytes:
    """Write the page for a hub that cannot look or write just now (503)."""
    return _html(text_of(refused, catalogue), "", catalogue)


def _html(heading: str, inside: str, catalogue: Mapping[str, str]) -> bytes:
    return (
        '<!doctype html><html><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(_word('SignTitle', catalogue))}</title><style>{_STYLE}</style></head>"
        f'<body><main><h1 dir="auto">{escape(heading)}</h1>{inside}</main></body></html>\n'
    ).encode()


def _word(name: str, catalogue: Mapping[str, str]) -> str:
    return catalogue.get(name) or CATALOGUE[name]
