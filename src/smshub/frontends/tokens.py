"""
The tokens of POST /api/Login: JSON Web Tokens (RFC 7519) that this hub makes and nobody else, by the rules of RFC 8725.

A token says nothing about how to check it: the algorithm is fixed, the header is one constant, and the key follows from
the server's key and the account's own pair, so that a changed pair ends its tokens.
"""

import binascii
import hashlib
import hmac
import json
import re
import secrets
import time
from base64 import urlsafe_b64decode
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

import msgspec

from smshub.domain.accounts import Account
from smshub.domain.commands import Refusal, Refused, TokenShown
from smshub.frontends.auth import REMEMBER, Gatekeeper, Login
from smshub.protocols.jsonrpc import JsonError, load

ALGORITHM: Final = "HS256"
HEADER: Final = {"alg": ALGORITHM, "typ": "JWT"}
ISSUER: Final = "smshub"
AUDIENCE: Final = "smshub/api"
CLAIMS: Final = ("unique_name", "nbf", "exp", "iat", "iss", "aud", "jti")
LONGEST_TOKEN: Final = 4_096
# How far the clocks of two nodes may be apart, in seconds.
LEEWAY: Final = 30

_PURPOSE: Final = b"smshub: tokens of /api/Login, 1"
_FORM: Final = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")
_JTI: Final = re.compile(r"[0-9a-f]{32}")


class BadToken(ValueError):
    """A token that is not to be honoured; its words say why and repeat nothing of it."""


class Claims(msgspec.Struct, frozen=True):
    """What a token says, all of it checked; times are whole seconds since 1970."""

    sid: str
    issued_at: int
    expires_at: int
    jti: str


def signing_key(server_key: bytes, login: Login) -> bytes:
    """Derive the key of an account's tokens. Another name, ProgramSID or ProgramKey gives another."""
    purpose = hmac.digest(server_key, _PURPOSE, hashlib.sha256)
    pair = json.dumps([login.account.name, login.program_sid, login.program_key])
    return hmac.digest(purpose, pair.encode(), hashlib.sha256)


def issue(login: Login, key: bytes, *, now: float, not_before: int = 0, jti: str | None = None) -> str:
    """
    Make a token. `not_before` is the second before which tokens of the account are ended.

    One that is made within that second counts as made after it.
    """
    import jwt  # noqa: PLC0415 - only a hub with programs needs it

    at = max(int(now), not_before)
    claims = {
        "unique_name": login.program_sid,
        "nbf": at,
        "exp": at + login.token_life,
        "iat": at,
        "iss": ISSUER,
        "aud": AUDIENCE,
        "jti": jti or secrets.token_hex(16),
    }
    return jwt.encode(claims, key, ALGORITHM, HEADER)


def peek(token: str) -> Mapping[str, Any]:
    """
    Read the claims of a token without believing them. Raises `BadToken` where it is not of the form of ours.

    The header must be ours to the letter: no other algorithm, no key of the token's own, nothing critical.
    """
    if len(token) > LONGEST_TOKEN:
        raise BadToken(f"it is longer than {LONGEST_TOKEN} characters")
    if not _FORM.fullmatch(token):
        raise BadToken("it is not three parts of base64url")
    header, payload, _ = token.split(".")
    if _document(header) != HEADER:
        raise BadToken(f"its header is not that of a token of ours ({ALGORITHM}, JWT)")
    return _document(payload)


def _document(part: str) -> Mapping[str, Any]:
    """Read a part strictly: nothing named twice, no NaN, no depth."""
    try:
        found = load(urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    except (JsonError, binascii.Error, ValueError):
        raise BadToken("a part of it is not JSON") from None
    if not isinstance(found, dict):
        raise BadToken("a part of it is not a JSON object")
    return found


def verify(token: str, key: bytes, *, now: float) -> Claims:
    """Check a token of the form of ours, and give what it says. Raises `BadToken`."""
    import jwt  # noqa: PLC0415

    try:
        # Times are checked below: PyJWT reads a clock of its own and takes texts and fractions for times.
        claims = jwt.decode(
            token,
            key,
            algorithms=[ALGORITHM],
            audience=AUDIENCE,
            issuer=ISSUER,
            options={
                "require": list(CLAIMS),
                "strict_aud": True,
                "verify_exp": False,
                "verify_nbf": False,
                "verify_iat": False,
            },
        )
    except jwt.InvalidSignatureError:
        raise BadToken("its signature is wrong, or the ProgramKey has changed since") from None
    except jwt.PyJWTError as error:
        raise BadToken(f"it does not fit ({type(error).__name__})") from None
    sid, jti = claims["unique_name"], claims["jti"]
    times = [claims[name] for name in ("iat", "nbf", "exp")]
    if not isinstance(sid, str) or not isinstance(jti, str) or not _JTI.fullmatch(jti):
        raise BadToken("it names no program or has no id")
    if any(type(one) is not int for one in times):
        raise BadToken("a time in it is not a whole number of seconds")
    issued_at, not_before, expires_at = times
    if expires_at <= now:
        raise BadToken("it has expired")
    if max(issued_at, not_before) > now + LEEWAY:
        raise BadToken("it is not valid yet")
    return Claims(sid, issued_at, expires_at, jti)


class Tokens:
    """
    Gives tokens to programs, and tells the account behind one.

    `ended` looks up, for an account and a token's jti, the second before which all are ended and whether this one is by
    itself; what it says is remembered for a minute.
    """

    def __init__(
        self,
        gate: Gatekeeper,
        server_key: bytes,
        ended: Callable[[str, str], Awaitable[tuple[int, bool]]],
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._gate = gate
        self._server_key = server_key
        self._ended = ended
        self._clock = clock

    async def log_in(self, sid: str, key: str, *, source: str) -> tuple[Account, str]:
        """Give a token to a program. Raises `Refused` (UNAUTHENTICATED, LIMITED)."""
        login = await self._gate.authenticate_program(sid, key, source=source)
        not_before, _ = await self._ended(login.account.name, "")
        signing = signing_key(self._server_key, login)
        return login.account, issue(login, signing, now=self._clock(), not_before=not_before)

    async def account(self, token: str) -> Account:
        """Tell the account behind a token. Raises `Refused` (UNAUTHENTICATED)."""
        remembered = b"token\0" + token[: LONGEST_TOKEN + 1].encode("utf-8", "replace")
        known = self._gate.remembered(remembered)
        if known is not None:
            return known
        try:
            login, claims = await self._check(token)
        except BadToken:
            raise Refused(Refusal.UNAUTHENTICATED, "BadToken") from None
        self._gate.remember(remembered, login.account, min(REMEMBER, claims.expires_at - self._clock()))
        return login.account

    async def find(self, token: str) -> tuple[Login, Claims]:
        """Tell whose a valid token is and what it says. Raises `Refused` (MALFORMED)."""
        try:
            return await self._check(token)
        except BadToken as error:
            raise Refused(Refusal.MALFORMED, "TokenUnusable", member="token", why=error) from None

    async def show(self, token: str) -> TokenShown:
        """Tell what a token says, and whether it counts. Raises `Refused` where it cannot be read."""
        try:
            claims = peek(token)
        except BadToken as error:
            raise Refused(Refusal.MALFORMED, "TokenUnusable", member="token", why=error) from None
        try:
            login, _ = await self._check(token)
        except BadToken as error:
            return TokenShown(claims, valid=False, why=str(error), account=None)
        return TokenShown(claims, valid=True, why="", account=login.account.name)

    async def _check(self, token: str) -> tuple[Login, Claims]:
        sid = peek(token).get("unique_name")
        login = self._gate.program(sid) if isinstance(sid, str) else None
        if login is None:
            raise BadToken("no account has this program")
        claims = verify(token, signing_key(self._server_key, login), now=self._clock())
        not_before, ended = await self._ended(login.account.name, claims.jti)
        if ended or claims.issued_at < not_before:
            raise BadToken("it has been revoked")
        return login, claims
