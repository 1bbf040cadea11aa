"""The documented API: /v1, its OpenAPI document, the pages made from it, and /livez."""

import re
from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus
from typing import Any, Final, cast

import msgspec
import structlog
from fastapi import FastAPI
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match

from smshub import __version__
from smshub.domain.accounts import Account
from smshub.domain.commands import Refusal, Refused
from smshub.domain.contracts import Hub
from smshub.frontends.carriers.http import BODY_LIMIT, Disconnected, Endpoint, Scope, read_body
from smshub.frontends.carriers.v1_audit import AUDIT
from smshub.frontends.carriers.v1_config import CONFIG
from smshub.frontends.carriers.v1_errors import ERRORS
from smshub.frontends.carriers.v1_figures import FIGURES
from smshub.frontends.carriers.v1_guard import GUARD
from smshub.frontends.carriers.v1_modems import MODEMS
from smshub.frontends.carriers.v1_openapi import components, extra_of, responses_of
from smshub.frontends.carriers.v1_operations import OPERATIONS, SEND, Asked, Operation
from smshub.frontends.carriers.v1_otp import OTP
from smshub.frontends.carriers.v1_pages import STYLE, page
from smshub.frontends.carriers.v1_recipients import RECIPIENTS
from smshub.frontends.carriers.v1_upkeep import UPKEEP
from smshub.frontends.carriers.v1_users import USERS
from smshub.frontends.dialects import native

log = structlog.get_logger(__name__)

Authenticate = Callable[[Scope], Awaitable[Account]]
Catalogue = Callable[[], Mapping[str, str]]
Serve = Callable[[Request], Awaitable[Response]]

DESCRIPTION: Final = (
    "Hand in texts and learn what became of them. A message that was answered with 202 is on disk. Times are "
    "RFC 3339 in UTC, texts are UTF-8; a body is at most 256 KiB, 32 levels deep, names no member twice and none that "
    "is not documented. Every error is a problem document (RFC 9457) whose `error` is a name for programs."
)

# Every operation, those of other nouns after the messages' own.
EVERY: Final = (*OPERATIONS, *FIGURES, *UPKEEP, *AUDIT, *MODEMS, *OTP, *GUARD, *ERRORS, *CONFIG, *RECIPIENTS, *USERS)

_HOST: Final = re.compile(r"[A-Za-z0-9._:\[\]-]{1,255}")

# The pages carry no script and load nothing but their own style.
PAGE_POLICY: Final = "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"


def build(
    hub: Hub,
    authenticate: Authenticate,
    catalogue: Catalogue,
    hot_send: Endpoint,
    *,
    mount: str = "",
    body_limit: int = BODY_LIMIT,
) -> FastAPI:
    """
    Make the application.

    `authenticate` tells the account behind a request, `catalogue` the error texts of the moment, `hot_send` serves
    POST /v1/messages, `mount` is the prefix under which the hub is published.
    """
    app = FastAPI(
        title="smshub",
        version=__version__,
        description=DESCRIPTION,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        servers=[{"url": mount}] if mount else None,
    )
    problems = Problems(app, catalogue, f"{mount}/docs")
    for operation in EVERY:
        _add(app, operation, _serve(operation, hub, authenticate, problems, body_limit))
        if operation is SEND:
            cast("APIRoute", app.router.routes[-1]).app = hot_send
    app.openapi = _documented(app)  # type: ignore[method-assign]
    _add_pages(app, catalogue, mount)
    app.add_exception_handler(HTTPException, problems.http)
    app.add_exception_handler(Exception, problems.fault)
    return app


class Problems:
    """Answers whatever went wrong with a problem document."""

    def __init__(self, app: FastAPI, catalogue: Catalogue, docs: str) -> None:
        self._app = app
        self._catalogue = catalogue
        self._docs = docs

    def refused(self, refused: Refused) -> Response:
        """Answer a refusal."""
        return _response(*native.problem(refused, self._catalogue(), docs=self._docs))

    async def http(self, request: Request, error: Exception) -> Response:
        """Answer an unknown path or a method that it does not have."""
        assert isinstance(error, HTTPException)
        if error.status_code != HTTPStatus.METHOD_NOT_ALLOWED:
            return self.refused(Refused(Refusal.NOT_FOUND, "UnknownPath", path=request.scope["path"][:80]))
        allowed = ", ".join(self._methods(request))
        refused = Refused(Refusal.MALFORMED, "MethodNotAllowed", method=request.method[:20], allowed=allowed)
        response = self.refused(refused)
        response.headers["allow"] = allowed
        return response

    async def fault(self, request: Request, error: Exception) -> Response:
        """Answer a fault of ours; nothing of it is told but to the log."""
        return self.refused(Refused(Refusal.UNAVAILABLE, "ServerError"))

    def _methods(self, request: Request) -> list[str]:
        found: set[str] = set()
        for route in self._app.router.routes:
            if route.matches(request.scope)[0] is not Match.NONE:
                found |= getattr(route, "methods", None) or set()
        return sorted(found)


def _serve(
    operation: Operation, hub: Hub, authenticate: Authenticate, problems: Problems, body_limit: int
) -> Callable[[Request], Awaitable[Response]]:
    """Make the endpoint of an operation: authenticate, read the command, have it done, write the answer."""

    async def handle(request: Request) -> bytes:
        account = await authenticate(request.scope)
        body = b""
        if operation.method != "GET":
            if operation.takes is not None and not operation.may_be_empty:
                native.check_content_type(request.headers.get("content-type"))
            body = await read_body(request.scope, request.receive, body_limit)
            if operation.may_be_empty and body:
                native.check_content_type(request.headers.get("content-type"))
        asked = Asked(request.path_params, request.scope["query_string"], body)
        return operation.answered(await hub.handle(account, operation.command(asked)), asked)

    async def serve(request: Request) -> Response:
        try:
            return _response(operation.status, native.JSON_HEADERS, await handle(request))
        except Refused as refused:
            return problems.refused(refused)
        except Disconnected:
            return Response(status_code=HTTPStatus.BAD_REQUEST)
        except Exception as error:
            log.exception("v1.failed", operation=operation.name)
            return await problems.fault(request, error)

    return serve


def _response(status: int, headers: list[tuple[bytes, bytes]], body: bytes) -> Response:
    return Response(body, status, {name.decode(): value.decode() for name, value in headers})


def _add(app: FastAPI, operation: Operation, serve: Serve) -> None:
    app.add_api_route(
        operation.path,
        serve,
        methods=[operation.method],
        operation_id=operation.name,
        summary=operation.summary,
        description=operation.description,
        tags=[operation.tag],
        status_code=operation.status,
        response_class=Response,
        response_model=None,
        responses=responses_of(operation),
        openapi_extra=extra_of(operation),
    )
    if operation.method == "GET":
        # RFC 9110 §9.3.2; the server leaves the body out.
        app.add_api_route(operation.path, serve, methods=["HEAD"], include_in_schema=False, response_model=None)


def _documented(app: FastAPI) -> Callable[[], dict[str, Any]]:
    """Complete what FastAPI knows of the routes with the schemas of the documents, once."""
    made_by_fastapi = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            document = made_by_fastapi()
            document["components"] = components(EVERY)
        return cast("dict[str, Any]", app.openapi_schema)

    return openapi


def _add_pages(app: FastAPI, catalogue: Catalogue, mount: str) -> None:
    """Serve what needs no credentials: the OpenAPI document, the pages and the sign of life."""
    safe = {"x-content-type-options": "nosniff"}

    async def openapi(request: Request) -> Response:
        return Response(msgspec.json.encode(app.openapi()), headers={**safe, "content-type": "application/json"})

    async def docs(request: Request) -> Response:
        html = page(app.openapi(), catalogue(), f"{_origin(request)}{mount}", mount)
        headers = {
            "content-security-policy": PAGE_POLICY,
            "referrer-policy": "no-referrer",
            "cache-control": "no-store",
        }
        return Response(html, headers={**safe, **headers}, media_type="text/html")

    async def style(request: Request) -> Response:
        return Response(STYLE, headers={**safe, "cache-control": "max-age=3600"}, media_type="text/css")

    async def livez(request: Request) -> Response:
        return Response("ok\n", headers={**safe, "cache-control": "no-store"}, media_type="text/plain")

    for path, serve in (("/openapi.json", openapi), ("/docs", docs), ("/docs/style.css", style), ("/livez", livez)):
        app.add_api_route(path, serve, methods=["GET", "HEAD"], include_in_schema=False, response_model=None)


def _origin(request: Request) -> str:
    """Tell the address by which the caller reached us, as far as it says so."""
    host = request.headers.get("host", "")
    if not _HOST.fullmatch(host):
        host = "127.0.0.1:8080"
    return f"{request.scope['scheme']}://{host}"
