"""
The page at the hub's own root: what this hub offers, with samples that run as they stand there.

It is made on the server: no script, nothing from elsewhere, and the caller's own address in every sample.
"""

import re
from collections.abc import Collection, Iterator
from html import escape
from importlib.resources import files
from typing import Final

from smshub.frontends.carriers.http import Endpoint, Headers, Receive, Scope, Send, answer

ROOT: Final = "/"
STYLE_PATH: Final = "/welcome.css"
STYLE: Final = b"".join(files(__package__).joinpath(name).read_bytes() for name in ("pages.css", "welcome.css"))
POLICY: Final = b"default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
PLACEHOLDER: Final = "@BASE@"

Route = tuple[str, str]

_HOST: Final = re.compile(r"[A-Za-z0-9._:\[\]-]{1,255}")

# The doors: what must be served for one to be told of, its name, its link and a sentence.
_DOORS: Final[tuple[tuple[Route, str, str, str], ...]] = (
    (
        ("POST", "/api/Login"),
        "/api/Login, /api/TextMessages",
        "#samples",
        "Log in for a token, then send with it: the samples below.",
    ),
    (
        ("POST", "/v1/messages"),
        "/v1",
        "/docs",
        "The hub's own API: send, follow, cancel, explain, administer. With pages to read and an OpenAPI document.",
    ),
    (("POST", "/smshub/"), "/smshub/", "/smshub/?wsdl", "SOAP and JSON-RPC, as RCDevs SMSHub has them, with a WSDL."),
    (("POST", "/api/sms"), "/api/sms and others", "", "The requests of OTP-Pi's clients, in JSON."),
    (("GET", "/console/"), "/console/", "/console/", "The console for the people who run the hub."),
)

_IN_BROWSERS: Final = (
    "For a page of an origin that the account lists in <code>cors_origins</code>, or for Node.js. Whoever can read a "
    "page can read its ProgramKey: in a browser, only for pages that nobody else sees. With jQuery it is "
    "<code>xhr.setRequestHeader('Authorization', 'Bearer ' + token)</code>: without <code>'Bearer '</code>, the "
    "<code>+</code> before the token makes it <code>NaN</code>."
)

_SAMPLES: Final[tuple[tuple[str, str, str], ...]] = (
    ("curl", "curl", "For a shell."),
    ("python", "Python", "With nothing but the standard library."),
    ("php", "PHP", "PHP 8 with its curl extension. In WordPress, <code>wp_remote_post</code> does as well."),
    ("csharp", "C#", ".NET 6 or newer: the whole <code>Program.cs</code>."),
    (
        "javascript",
        "JavaScript",
        _IN_BROWSERS,
    ),
)

_ANSWERS: Final[tuple[tuple[str, str], ...]] = (
    ("200", "Every text is on disk. The body has an <code>id</code> and a <code>status</code> for each number."),
    ("400", "Something is missing or is no number; the text says what. Nothing was taken, of several numbers none."),
    ("401", "The pair is wrong, or the token is wrong, expired or revoked: log in again."),
    ("403", "This account may not do that."),
    ("429", "Too fast; <code>Retry-After</code> says when to try again."),
    ("503", "Not just now; nothing was taken, send it again."),
)


def sample(name: str, base: str) -> str:
    """Give a sample with the address of the hub in it."""
    return files(__package__).joinpath("samples", f"{name}.txt").read_text(encoding="utf-8").replace(PLACEHOLDER, base)


def page(base: str, mount: str, served: Collection[Route]) -> str:
    """
    Write the page.

    `base` is the caller's own URL of the hub, `mount` the prefix of its paths, `served` what it serves.
    """
    told = (*_head(mount), *_doors(mount, served), *_samples(base), *_native(base, mount), *_codes(base, served))
    return "\n".join([*told, *_foot()])


def base_of(scope: Scope, mount: str) -> str:
    """
    Tell the URL under which the caller reached us, as far as it says so.

    A proxy that ends TLS says `X-Forwarded-Proto`. It is believed for this page alone, where it changes what is shown
    to the caller that said it.
    """
    given = dict(scope["headers"])
    host = given.get(b"host", b"").decode("latin-1")
    if not _HOST.fullmatch(host):
        host = "127.0.0.1:8080"
    forwarded = given.get(b"x-forwarded-proto", b"").decode("latin-1").lower()
    scheme = forwarded if forwarded in {"http", "https"} else scope.get("scheme", "http")
    return f"{scheme}://{host}{mount}"


def endpoints(mount: str, served: Collection[Route]) -> dict[Route, Endpoint]:
    """Give what serves the page and its style, by method and path."""

    async def welcome(scope: Scope, _: Receive, send: Send) -> None:
        headers: Headers = [
            (b"content-type", b"text/html; charset=utf-8"),
            (b"content-security-policy", POLICY),
            (b"referrer-policy", b"no-referrer"),
            (b"x-content-type-options", b"nosniff"),
            (b"cache-control", b"no-store"),
        ]
        await answer(send, 200, headers, page(base_of(scope, mount), mount, served).encode())

    async def style(_: Scope, __: Receive, send: Send) -> None:
        headers: Headers = [
            (b"content-type", b"text/css; charset=utf-8"),
            (b"x-content-type-options", b"nosniff"),
            (b"cache-control", b"max-age=3600"),
        ]
        await answer(send, 200, headers, STYLE)

    return {
        (method, path): serve for method in ("GET", "HEAD") for path, serve in ((ROOT, welcome), (STYLE_PATH, style))
    }


def _head(mount: str) -> Iterator[str]:
    yield '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">'
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">'
    yield "<title>smshub</title>"
    yield f'<link rel="stylesheet" href="{escape(mount)}{STYLE_PATH}">\n</head>\n<body>'
    yield "<header><h1>smshub</h1><p>Hand a text to this hub and it reaches a phone.</p></header>\n<main>"


def _doors(mount: str, served: Collection[Route]) -> Iterator[str]:
    yield '<section id="doors"><h2>What is here</h2><dl>'
    for needed, name, link, sentence in _DOORS:
        if needed not in served:
            continue
        target = link if link.startswith("#") else f"{mount}{link}"
        shown = f"<code>{escape(name)}</code>"
        yield f'<dt><a href="{escape(target)}">{shown}</a></dt>' if link else f"<dt>{shown}</dt>"
        yield f"<dd>{escape(sentence)}</dd>"
    yield "</dl></section>"


def _samples(base: str) -> Iterator[str]:
    yield '<section id="samples"><h2>Send a text</h2>'
    yield "<p>Whoever runs this hub gives your program a <b>ProgramSID</b> and a <b>ProgramKey</b>. Put them into a "
    yield "sample and run it: it logs in for a token and sends with it. Keep the token until a text is answered with "
    yield "401, and log in again then.</p>"
    yield '<nav aria-label="Samples"><ul>'
    yield "".join(f'<li><a href="#{name}">{escape(title)}</a></li>' for name, title, _ in _SAMPLES)
    yield "</ul></nav>"
    for name, title, words in _SAMPLES:
        yield f'<h3 id="{name}">{escape(title)}</h3><p>{words}</p>'
        yield f'<pre tabindex="0"><code id="sample-{name}">{escape(sample(name, base))}</code></pre>'
    yield '<h3 id="answers">Answers</h3><div class="table"><table><tbody>'
    for status, words in _ANSWERS:
        yield f"<tr><th>{status}</th><td>{words}</td></tr>"
    yield "</tbody></table></div></section>"


def _native(base: str, mount: str) -> Iterator[str]:
    yield '<section id="native"><h2>The API of the hub itself</h2>'
    yield "<p>With a username and a password, or an API key as <code>X-API-Key</code>, and no token:</p>"
    yield f'<pre tabindex="0"><code id="sample-native">{escape(sample("native", base))}</code></pre>'
    yield f'<p>Everything else it does is on <a href="{escape(mount)}/docs">its pages</a> and in its '
    yield f'<a href="{escape(mount)}/openapi.json">OpenAPI document</a>.</p></section>'


def _codes(base: str, served: Collection[Route]) -> Iterator[str]:
    if ("POST", "/v1/otp") not in served:
        return
    yield '<section id="codes"><h2>One-time passwords</h2>'
    yield "<p>The hub makes a code, sends it, and tells once whether what a person has typed is right; your program "
    yield "keeps none. A code by text shows that somebody could read a text sent to that number, not who.</p>"
    for name, title in (("codes", "curl"), ("codes-python", "Python")):
        yield f'<h3>{title}</h3><pre tabindex="0"><code id="sample-{name}">{escape(sample(name, base))}</code></pre>'
    yield "</section>"


def _foot() -> Iterator[str]:
    yield "</main>\n</body>\n</html>\n"
