"""The console's cookies: who is signed in, and which form was shown to whom before that."""

import secrets
from collections.abc import Mapping

from starlette.responses import Response

from smshub.console.guarding import FORM_SUFFIX, PLAIN, SECURE, Transport


def session_token(cookies: Mapping[str, str], transport: Transport) -> str:
    """Give the token of the session; empty where there is none."""
    return _read(cookies, transport, "")


def form_token(cookies: Mapping[str, str], transport: Transport) -> str:
    """Give the token that the forms carry of those who are not signed in; empty where there is none."""
    return _read(cookies, transport, FORM_SUFFIX)


def give_form_token(answer: Response, transport: Transport) -> str:
    """Draw the token of the forms of somebody who is not signed in."""
    token = secrets.token_urlsafe(32)
    _set(answer, SECURE + FORM_SUFFIX, token, secure=True)
    if transport is Transport.LOOPBACK:
        _set(answer, PLAIN + FORM_SUFFIX, token, secure=False)
    return token


def open_session(answer: Response, cookies: Mapping[str, str], transport: Transport, token: str) -> None:
    """
    Give the cookie of a session.

    A browser that brought the form's Secure cookie takes another one. Over plain http on this machine some do not:
    they get one that is not Secure, under another name.
    """
    secure = transport is Transport.HTTPS or SECURE + FORM_SUFFIX in cookies or SECURE in cookies
    _set(answer, SECURE if secure else PLAIN, token, secure=secure)
    for name in (SECURE + FORM_SUFFIX, PLAIN + FORM_SUFFIX):
        if name in cookies:
            _drop(answer, name)


def close_session(answer: Response, cookies: Mapping[str, str]) -> None:
    """Take the cookies away."""
    for name in (SECURE, PLAIN, SECURE + FORM_SUFFIX, PLAIN + FORM_SUFFIX):
        if name in cookies:
            _drop(answer, name)


def _read(cookies: Mapping[str, str], transport: Transport, suffix: str) -> str:
    names = {Transport.HTTPS: (SECURE,), Transport.LOOPBACK: (SECURE, PLAIN), Transport.PLAIN: ()}[transport]
    return next((cookies[name + suffix] for name in names if name + suffix in cookies), "")


def _set(answer: Response, name: str, value: str, *, secure: bool) -> None:
    answer.set_cookie(name, value, path="/", secure=secure, httponly=True, samesite="strict")


def _drop(answer: Response, name: str) -> None:
    answer.delete_cookie(name, path="/", secure=name.startswith(SECURE), httponly=True, samesite="strict")
