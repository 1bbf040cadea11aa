"""Reads what a browser sent, with limits."""

from typing import Final

from starlette.requests import ClientDisconnect, Request

from smshub.console import guarding
from smshub.console.visiting import Form

BODY_LIMIT: Final = 256 * 1024


async def read_form(request: Request, limit: int = BODY_LIMIT) -> Form | str:
    """Read a form from a page of ours; otherwise tell what is wrong with it."""
    if not guarding.is_from_here(request.url.scheme, request.headers):
        return "The request does not come from a page of this console."
    if not guarding.is_form(request.headers.get("content-type", "")):
        return "The request is not a form."
    body = b""
    try:
        async for chunk in request.stream():
            body += chunk
            if len(body) > limit:
                return f"The form is larger than {limit} bytes."
        return Form(guarding.read_form(body))
    except (ValueError, ClientDisconnect):
        return "The form cannot be read."


def transport_of(request: Request) -> guarding.Transport:
    """Tell over what a browser speaks to us."""
    return guarding.transport_of(request.url.scheme, request.headers)


def source_of(request: Request) -> str:
    """Tell the address that somebody comes from."""
    return request.client.host if request.client else ""
