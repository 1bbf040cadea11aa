"""The OpenAPI document and the pages made from it."""

import json
import re
from html.parser import HTMLParser
from typing import Any

import pytest

from smshub.domain.commands import CATALOGUE, Refusal, Refused
from smshub.frontends.carriers import v1
from smshub.frontends.carriers.v1 import EVERY
from smshub.frontends.carriers.v1_openapi import FILTERS as DOCUMENTED
from smshub.frontends.dialects import native
from smshub.frontends.dialects.native_query import FILTERS as READ
from smshub.frontends.dialects.statuses import STATUS_OF_ERROR, STATUSES


class Page(HTMLParser):
    """Reads a page: its elements, ids, links and texts; every element must be closed in order."""

    VOID = frozenset({"meta", "link"})

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.text = ""
        self.feed(html)
        assert [] == self.open

    def handle_starttag(self, tag, attrs):
        """Note an element."""
        self.elements.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        """Close it."""
        assert tag == self.open.pop()

    def handle_data(self, data):
        """Note a text."""
        self.text += data

    def all(self, attribute: str) -> list[str]:
        """Tell every value of an attribute."""
        return [value for _, attrs in self.elements if (value := attrs.get(attribute)) is not None]


async def test_the_openapi_document_names_every_operation(api):
    """It needs no credentials, and holds what is served under /v1 and no more."""
    answer = await api.ask("GET", "/openapi.json", headers={})

    document = answer.document
    assert (200, "application/json", "nosniff") == (
        answer.status,
        answer.headers["content-type"],
        answer.headers["x-content-type-options"],
    )
    assert re.fullmatch(r"3\.1\.\d+", document["openapi"])
    served = {(one.method.lower(), one.path) for one in EVERY}
    assert served == {(method, path) for path, item in document["paths"].items() for method in item}
    assert {"basic", "key"} == set(document["components"]["securitySchemes"])


async def test_every_reference_in_the_document_leads_somewhere(api):
    """No schema is named that is not there, and none is there that is not named."""
    document = api.app.openapi()
    named = set(re.findall(r'"#/components/schemas/(\w+)"', json.dumps(document)))

    assert set(document["components"]["schemas"]) == named


async def test_every_operation_is_documented_whole(api):
    """Each has words, a unique id, credentials, its path's parameters, and its answers with a schema."""
    ids = []
    for path, item in api.app.openapi()["paths"].items():
        for operation in item.values():
            ids.append(operation["operationId"])
            assert operation["summary"]
            assert operation["description"]
            assert [{"basic": []}, {"key": []}] == operation["security"]
            in_path = {one["name"] for one in operation.get("parameters", []) if one["in"] == "path"}
            assert set(re.findall(r"\{(\w+)\}", path)) == in_path
            assert {"401", "403", "429", "500", "503"} <= set(operation["responses"])
            for response in operation["responses"].values():
                assert response["description"]
                assert all(content["schema"] for content in response["content"].values())
    assert sorted(set(ids)) == sorted(ids)


def test_every_member_of_a_request_has_its_sentence(api):
    """What a caller may write is explained, member by member."""
    schemas = api.app.openapi()["components"]["schemas"]
    requests = [schemas[name] for name in ("SendRequest", "ExplainRequest", "TestRequest")]

    wordless = [name for schema in requests for name, of in schema["properties"].items() if "description" not in of]
    assert [] == wordless
    assert all(schema["additionalProperties"] is False for schema in requests)


def test_the_documented_filters_are_those_that_are_read():
    """The table of the document and that of the dialect have the same names in the same order."""
    assert list(READ) == list(DOCUMENTED)


def test_every_refusal_and_error_has_a_status_and_title():
    """Both tables of the dialect are complete, and name no error that is not in the catalogue."""
    assert set(Refusal) == set(STATUSES)
    assert set(STATUS_OF_ERROR) <= set(CATALOGUE)
    assert {*STATUSES.values(), *STATUS_OF_ERROR.values()} == set(native.TITLES)


def test_a_problem_speaks_in_the_operators_words():
    """A changed text of the catalogue is what a caller reads."""
    _, _, body = native.problem(Refused(Refusal.MALFORMED, "EmptyText"), {"EmptyText": "Kein Text."})

    assert "Kein Text." == json.loads(body)["detail"]


async def test_the_page_loads_nothing_from_elsewhere(api):
    """It has no script, and its policy allows only its own style."""
    answer = await api.ask("GET", "/docs", headers={"host": "hub.example:8443"})
    page = Page(answer.body.decode())

    assert (200, "text/html; charset=utf-8") == (answer.status, answer.headers["content-type"])
    assert "default-src 'none'; style-src 'self';" in answer.headers["content-security-policy"]
    assert set() == {tag for tag, _ in page.elements} & {"script", "style", "img", "iframe", "form", "object"}
    assert {"/docs/style.css", "/openapi.json"} == {link for link in page.all("href") if not link.startswith("#")}
    assert [] == [name for _, attrs in page.elements for name in attrs if name.startswith("on") or name == "style"]
    style = await api.ask("GET", "/docs/style.css", headers={})
    assert "text/css; charset=utf-8" == style.headers["content-type"]
    assert b"url(" not in style.body
    assert b"@import" not in style.body


async def test_every_link_within_the_page_leads_somewhere(api):
    """Contents, documents and errors have their places, each once."""
    page = Page((await api.ask("GET", "/docs", headers={})).body.decode())
    places = page.all("id")

    assert sorted(set(places)) == sorted(places)
    assert {link[1:] for link in page.all("href") if link.startswith("#")} <= set(places)
    assert {f"error-{name}" for name in CATALOGUE} <= set(places)
    assert {one.name for one in EVERY} <= set(places)


async def test_the_examples_carry_the_callers_own_address(api):
    """They can be copied as they are but for the credentials."""
    answer = await api.ask("GET", "/docs", headers={"host": "hub.example:8443"}, scheme="https")
    text = Page(answer.body.decode()).text

    sending = (
        "curl -u USERNAME:PASSWORD https://hub.example:8443/v1/messages \\\n"
        "  -H 'Content-Type: application/json' -d "
        """'{"to": "+491701234567", "text": "Your code is 123456"}'"""
    )
    assert sending in text
    assert "-X DELETE https://hub.example:8443/v1/routes/NAME" in text


@pytest.mark.parametrize("host", ["", '"><script>alert(1)</script>', "a b", "x" * 300, "a/../b", "$(id)", "h\u00f6st"])
async def test_a_strange_host_is_not_repeated(api, host):
    """An address that is none is replaced by the usual one."""
    answer = await api.ask("GET", "/docs", headers={"host": host})
    text = Page(answer.body.decode()).text

    assert "http://127.0.0.1:8080/v1/messages" in text
    assert b"<script" not in answer.body


async def test_an_error_text_is_only_a_text(hub, api):
    """An operator's words are escaped like all others."""
    app = v1.build(hub, _nobody, lambda: {"EmptyText": "<b onclick=x>& empty"}, _nowhere)
    answer = await type(api)(app, hub).ask("GET", "/docs", headers={})

    assert b"&lt;b onclick=x&gt;&amp; empty" in answer.body


async def test_a_mounted_hub_links_below_its_prefix(hub, api):
    """Links, examples, servers and the type of a problem carry the prefix under which the hub is published."""
    app = v1.build(hub, _nobody, lambda: CATALOGUE, _nowhere, mount="/sms")
    mounted = type(api)(app, hub)

    page = Page((await mounted.ask("GET", "/docs", headers={"host": "h"})).body.decode())
    assert {"/sms/docs/style.css", "/sms/openapi.json"} == {one for one in page.all("href") if one[0] != "#"}
    assert "http://h/sms/v1/messages" in page.text
    assert [{"url": "/sms"}] == (await mounted.ask("GET", "/openapi.json", headers={})).document["servers"]
    assert "/sms/docs#error-AuthFailed" == (await mounted.ask("GET", "/v1/status")).document["type"]


async def test_a_sign_of_life_needs_no_credentials(api):
    """A supervisor asks only whether the process answers."""
    answer = await api.ask("GET", "/livez", headers={})

    assert (200, b"ok\n", "no-store") == (answer.status, answer.body, answer.headers["cache-control"])


async def _nobody(scope: Any) -> Any:
    raise Refused(Refusal.UNAUTHENTICATED, "AuthFailed")


async def _nowhere(scope: Any, receive: Any, send: Any) -> None:
    raise AssertionError
