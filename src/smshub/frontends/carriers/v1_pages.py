"""The page at /docs, made on the server from the OpenAPI document: no script, and nothing from elsewhere."""

import json
import re
import shlex
from collections.abc import Iterator, Mapping
from html import escape
from importlib.resources import files
from itertools import chain
from typing import Any, Final

from smshub.domain.commands import Refusal
from smshub.frontends.dialects.statuses import STATUS_OF_ERROR, STATUSES

STYLE: Final = "".join(
    files(__package__).joinpath(name).read_text(encoding="utf-8") for name in ("pages.css", "v1_pages.css")
)

Schema = Mapping[str, Any]
_CODE: Final = re.compile(r"`([^`]+)`")
_PLACEHOLDER: Final = re.compile(r"\{(\w+)\}")


def page(document: Mapping[str, Any], catalogue: Mapping[str, str], base: str, mount: str) -> str:
    """
    Write the page.

    `catalogue` holds the error texts, `base` is the caller's own URL of the hub, put into the examples, `mount` the
    prefix of its paths.
    """
    operations = list(_operations(document))
    parts = chain(
        _head(document, mount),
        _contents(operations),
        ["<main>"],
        _first_steps(base),
        *(_operation(operation, path, method, document, base) for path, method, operation in operations),
        _schemas(document),
        _errors(catalogue),
        ["</main>", "</body>", "</html>", ""],
    )
    return "\n".join(parts)


def _operations(document: Mapping[str, Any]) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    for path, item in document["paths"].items():
        for method, operation in item.items():
            yield path, method.upper(), operation


def _head(document: Mapping[str, Any], mount: str) -> Iterator[str]:
    info = document["info"]
    yield '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">'
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">'
    yield f"<title>{escape(info['title'])} API</title>"
    yield f'<link rel="stylesheet" href="{escape(mount)}/docs/style.css">\n</head>\n<body>'
    yield f"<header><h1>{escape(info['title'])} API <small>{escape(info['version'])}</small></h1>"
    yield f"<p>{_prose(info['description'])}</p>"
    yield f'<p><a href="{escape(mount)}/openapi.json">OpenAPI 3.1 document</a></p></header>'


def _contents(operations: list[tuple[str, str, Mapping[str, Any]]]) -> Iterator[str]:
    yield '<nav aria-label="Contents"><ul>'
    for path, method, operation in operations:
        yield (
            f'<li><a href="#{escape(operation["operationId"])}"><b>{method}</b> <code>{escape(path)}</code></a> '
            f"{escape(operation['summary'])}</li>"
        )
    yield '<li><a href="#documents">Documents</a></li><li><a href="#errors">Errors</a></li></ul></nav>'


def _first_steps(base: str) -> Iterator[str]:
    yield '<section id="first"><h2>First steps</h2>'
    yield "<p>Send a text with an account of yours, then ask what became of it by the id in the answer:</p>"
    body = {"to": "+491701234567", "text": "Your code is 123456"}
    yield _curl("POST", f"{base}/v1/messages", body)
    yield _curl("GET", f"{base}/v1/messages/ID")
    yield "<p>Instead of <code>-u</code>, an API key does: <code>-H 'X-API-Key: KEY'</code>.</p></section>"


def _operation(
    operation: Mapping[str, Any], path: str, method: str, document: Mapping[str, Any], base: str
) -> Iterator[str]:
    yield f'<section id="{escape(operation["operationId"])}">'
    yield f"<h2>{escape(operation['summary'])}</h2>"
    yield f"<p class=path><b>{method}</b> <code>{escape(path)}</code></p>"
    yield f"<p>{_prose(operation['description'])}</p>"
    parameters = operation.get("parameters", [])
    if parameters:
        yield "<h3>Parameters</h3>"
        yield from _table(
            (one["name"], one["schema"], one["required"], f"{one['description']} ({one['in']})") for one in parameters
        )
    body = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
    if body:
        yield f"<h3>Body</h3><p>{_kind(body['schema'])}</p>"
    yield "<h3>Answers</h3><ul class=answers>"
    for status, response in sorted(operation["responses"].items()):
        kinds = "".join(f" {_kind(content['schema'])}" for content in response.get("content", {}).values())
        yield f"<li><b>{escape(str(status))}</b>{kinds} {_prose(response['description'])}</li>"
    yield "</ul><h3>Example</h3>"
    example = _example(body, document) if body else None
    yield _curl(method, base + _PLACEHOLDER.sub(lambda found: found[1].upper(), path), example)
    yield "</section>"


def _schemas(document: Mapping[str, Any]) -> Iterator[str]:
    yield '<section id="documents"><h2>Documents</h2>'
    for name, schema in document["components"]["schemas"].items():
        yield f'<h3 id="document-{escape(name)}">{escape(name)}</h3><p>{_prose(schema.get("description", ""))}</p>'
        if "properties" in schema:
            required = schema.get("required", [])
            yield from _table(
                (member, of, member in required, of.get("description", ""))
                for member, of in schema["properties"].items()
            )
        elif "enum" in schema:
            yield "<p>" + ", ".join(f"<code>{escape(str(value))}</code>" for value in schema["enum"]) + "</p>"
    yield "</section>"


def _table(rows: Iterator[tuple[str, Schema, bool, str]]) -> Iterator[str]:
    yield "<div class=table><table><thead><tr><th>Name</th><th>Holds</th><th>Meaning</th></tr></thead><tbody>"
    for name, schema, required, words in rows:
        mark = "" if required else " <small>optional</small>"
        yield f"<tr><td><code>{escape(name)}</code>{mark}</td><td>{_kind(schema)}</td><td>{_prose(words)}</td></tr>"
    yield "</tbody></table></div>"


def _errors(catalogue: Mapping[str, str]) -> Iterator[str]:
    yield '<section id="errors"><h2>Errors</h2>'
    yield "<p>Every error is answered as <code>application/problem+json</code>, with its name in <code>error</code>. "
    yield "Words in braces are filled in. The HTTP status tells the kind of refusal:</p><ul class=answers>"
    for refusal in Refusal:
        yield f"<li><b>{STATUSES[refusal]}</b> {escape(refusal.value)}</li>"
    yield "</ul><dl>"
    for name, text in sorted(catalogue.items()):
        status = f" <small>{STATUS_OF_ERROR[name]}</small>" if name in STATUS_OF_ERROR else ""
        yield f'<dt id="error-{escape(name)}"><code>{escape(name)}</code>{status}</dt><dd>{escape(text)}</dd>'
    yield "</dl></section>"


def _prose(text: str) -> str:
    """Escape a text; what stands between backticks is code."""
    return _CODE.sub(r"<code>\1</code>", escape(" ".join(text.split())))


def _kind(schema: Schema) -> str:
    """Tell what a schema describes, with a link to a document."""
    if "$ref" in schema:
        name = escape(schema["$ref"].rpartition("/")[2])
        return f'<a href="#document-{name}">{name}</a>'
    if "anyOf" in schema:
        return " or ".join(_kind(one) for one in schema["anyOf"])
    if schema.get("type") == "array":
        return f"array of {_kind(schema.get('items', {}))}"
    kind = escape(str(schema.get("format") or schema.get("type") or "anything"))
    if "enum" in schema:
        kind += ": " + ", ".join(f"<code>{escape(str(value))}</code>" for value in schema["enum"])
    if "maximum" in schema:
        kind += f" {schema['minimum']}-{schema['maximum']}"
    return kind


def _example(content: Mapping[str, Any], document: Mapping[str, Any]) -> Any:
    """Make a body from the examples of its required members."""
    if "example" in content:
        return content["example"]
    schema = document["components"]["schemas"][content["schema"]["$ref"].rpartition("/")[2]]
    return {member: _first(schema["properties"][member]) for member in schema["required"]}


def _first(schema: Schema) -> Any:
    while "anyOf" in schema:
        schema = schema["anyOf"][0]
    return schema.get("examples", ["..."])[0]


def _curl(method: str, url: str, body: Any = None) -> str:
    words = ["curl -u USERNAME:PASSWORD"]
    if method not in {"GET", "POST"} or (method == "POST" and body is None):
        words.append(f"-X {method}")
    words.append(shlex.quote(url))
    if body is not None:
        words.append(f"\\\n  -H 'Content-Type: application/json' -d {shlex.quote(json.dumps(body))}")
    return f"<pre><code>{escape(' '.join(words))}</code></pre>"
