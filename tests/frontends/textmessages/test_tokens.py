"""
Tokens under attack: nothing but what the hub made itself, for this account and this pair, counts.

The inputs are those of RFC 8725 and of known faults in libraries: each is refused, and each by the check meant for it.
"""

import base64
import hashlib
import hmac
import json
from types import SimpleNamespace

import bcrypt
import jwt
import pytest

from smshub.domain.accounts import Account
from smshub.domain.commands import Refusal, Refused, TokenShown
from smshub.frontends import tokens
from smshub.frontends.auth import Gatekeeper, Login
from smshub.frontends.tokens import BadToken, Tokens

SERVER_KEY = bytes(range(32))
NOW = 1_540_574_918.5
LIFE = 15_724_800
SHOP = Login(Account("shop"), program_sid="6ymXUTPfyNG6pBjd", program_key="vUfprLLcKJ6MFBFuCntvLCsHB53xusCp")
OTHER = Login(Account("other"), program_sid="other-sid", program_key="other-key")
KEY = tokens.signing_key(SERVER_KEY, SHOP)
JTI = "0123456789abcdef0123456789abcdef"
GOOD = {
    "unique_name": SHOP.program_sid,
    "nbf": int(NOW),
    "exp": int(NOW) + LIFE,
    "iat": int(NOW),
    "iss": "smshub",
    "aud": "smshub/api",
    "jti": JTI,
}


@pytest.fixture
def hub():
    """A gate with two programs, a clock to turn and a table of what is ended."""
    made = SimpleNamespace(now=NOW, ended={})

    async def ended(account, jti):
        return made.ended.get(account, (0, set()))[0], jti in made.ended.get(account, (0, set()))[1]

    async def no_sleep(_):
        return None

    gate = Gatekeeper([SHOP, OTHER], now=lambda: made.now, sleep=no_sleep)
    made.gate = gate
    made.tokens = Tokens(gate, SERVER_KEY, ended, clock=lambda: made.now)
    yield made
    gate.close()


def b64(part):
    """Write a part of a token."""
    raw = part if isinstance(part, bytes) else json.dumps(part).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def signed(claims=GOOD, header=tokens.HEADER, key=KEY, digest=hashlib.sha256):
    """Make a token of any header and claims, signed as HMAC does it."""
    body = f"{b64(header)}.{b64(claims)}"
    return f"{body}.{b64(hmac.digest(key, body.encode(), digest))}"


def without(name):
    """Give the good claims without one."""
    return {key: value for key, value in GOOD.items() if key != name}


def header(**more):
    """Give our header with something more in it."""
    return {**tokens.HEADER, **more}


async def test_what_the_hub_made_counts(hub):
    """The claims are those of the original, and the token is its account's."""
    account, token = await hub.tokens.log_in(SHOP.program_sid, SHOP.program_key, source="192.0.2.1")

    assert SHOP.account == account
    assert SHOP.account == await hub.tokens.account(token)
    claims = jwt.decode(token, options={"verify_signature": False})
    assert {**GOOD, "jti": claims["jti"]} == claims
    assert LIFE == claims["exp"] - claims["nbf"]
    assert {"alg": "HS256", "typ": "JWT"} == jwt.get_unverified_header(token)


async def test_the_helper_of_these_tests_signs_as_the_hub_does(hub):
    """Otherwise every forgery below would fail for the wrong reason."""
    assert SHOP.account == await hub.tokens.account(signed())


RSA_PEM = b"-----BEGIN PUBLIC KEY-----\nMIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA\n-----END PUBLIC KEY-----\n"
FORGERIES = {
    "nothing": "",
    "the jQuery sample": "NaN",
    "its other form": "undefinedeyJhbGciOiJIUzI1NiJ9.e30.c2ln",
    "the token of the document": "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJ1bmlxdWVfbmFtZSI6IjZ5bVhVVFBmeU5HNnBCamQiLCJu"
    "YmYiOjE1NDA1NzQ5MTgsImV4cCI6MTU1NjI5OTcxOCwiaWF0IjoxNTQwNTc0OTE4LCJpc3MiOiJodHRwOi8vbG9jYWxob3N0OjUwMTkxIiwiYXVkIjo"
    "iaHR0cDovL2xvY2FsaG9zdDo1MDE5MSJ9.PRpEJKAsAUeyqp8l5rqgxWPmnKT2x098eNjxu2X2Xtw",
    **{f"alg {alg}": signed(header=header(alg=alg)) for alg in ("none", "None", "nOnE", "NONE", "", "HS512", "RS256")},
    "alg none, no signature": f"{b64(header(alg='none'))}.{b64(GOOD)}.",
    "alg none, two parts": f"{b64(header(alg='none'))}.{b64(GOOD)}",
    "no alg": signed(header={"typ": "JWT"}),
    "alg null": signed(header=header(alg=None)),
    "alg a list": signed(header=header(alg=["HS256"])),
    "alg HS384 with our key": signed(header=header(alg="HS384"), digest=hashlib.sha384),
    "no typ": signed(header={"alg": "HS256"}),
    "another typ": signed(header=header(typ="at+jwt")),
    "an empty signature": f"{b64(tokens.HEADER)}.{b64(GOOD)}.",
    "half a signature": signed()[:-22],
    "one letter of the signature": signed()[:-5] + ("A" if signed()[-5] != "A" else "B") + signed()[-4:],
    "other claims under our signature": f"{signed({**GOOD, 'exp': 2**40}).rpartition('.')[0]}.{signed().split('.')[2]}",
    "an empty key": signed(key=b""),
    "a key of zeros": signed(key=bytes(32)),
    "the server's own key": signed(key=SERVER_KEY),
    "the ProgramKey": signed(key=SHOP.program_key.encode()),
    "a public key": signed(key=RSA_PEM),
    "a public key in DER": signed(key=base64.b64decode(b"".join(RSA_PEM.splitlines()[1:-1]))),
    "a JWK": signed(key=json.dumps({"kty": "oct", "k": b64(KEY)}).encode()),
    "another account's key": signed(key=tokens.signing_key(SERVER_KEY, OTHER)),
    "another server's key": signed(key=tokens.signing_key(bytes(32), SHOP)),
    "kid a path": signed(header=header(kid="../../dev/null"), key=b""),
    "kid of SQL": signed(header=header(kid="'; --")),
    "kid unknown": signed(header=header(kid="1")),
    "jku": signed(header=header(jku="http://127.0.0.1:1/keys")),
    "x5u": signed(header=header(x5u="http://127.0.0.1:1/keys")),
    "jwk": signed(header=header(jwk={"kty": "oct", "k": b64(b"mine")}), key=b"mine"),
    "crit unknown": signed(header=header(crit=["exp"])),
    "crit and b64": signed(header=header(crit=["b64"], b64=False)),
    "b64 alone": signed(header=header(b64=False)),
    "zip": signed(header=header(zip="DEF")),
    "the header twice": signed(header=b'{"alg":"none","typ":"JWT","alg":"HS256"}'),
    "a header that is a list": signed(header=b'["HS256"]'),
    "a header that is no JSON": signed(header=b"{'alg':'HS256'}"),
    "a header of NaN": signed(header=b'{"alg":NaN}'),
    "claims that are a list": signed(claims=b"[]"),
    "claims that are no JSON": signed(claims=b"\xff\xfe"),
    "claims twice": signed(claims=json.dumps(GOOD).encode()[:-1] + b', "exp": 99999999999}'),
    "claims nested deep": signed(claims=b'{"a":' + b"[" * 500 + b"]" * 500 + b"}"),
    "five parts": signed() + ".x.y",
    "a JWE": f"{b64({'alg': 'dir', 'enc': 'A256GCM'})}..{b64(b'iv')}.{b64(b'text')}.{b64(b'tag')}",
    "two parts": signed().rpartition(".")[0],
    "an empty part": f"{b64(tokens.HEADER)}..{signed().split('.')[2]}",
    "padding": signed() + "=",
    "the other base64": signed() + "+/",
    "a line end": signed() + "\n",
    "a blank within": signed()[:40] + " " + signed()[40:],
    "ES256 with a signature of zeros": f"{b64(header(alg='ES256'))}.{b64(GOOD)}.{b64(bytes(64))}",
    "a megabyte": signed({**GOOD, "more": "x" * 1_000_000}),
    "a megabyte of dots": "." * 1_000_000,
    "letters of another alphabet": "\uff45\uff59\uff2a.\u00e9.\u263a",
    **{f"no {name}": signed(without(name)) for name in GOOD},
    **{
        f"exp {exp!r}": signed(json.dumps({**GOOD, "exp": "@"}).replace('"@"', exp).encode())
        for exp in (
            "null",
            '"9e99"',
            "9e99",
            "NaN",
            "Infinity",
            "-1",
            "0",
            "1540574918",
            "true",
            "[2e9]",
            '"2000000000"',
        )
    },
    "exp a fraction": signed({**GOOD, "exp": NOW + 1000.5}),
    "exp of 400 digits": signed(json.dumps({**GOOD, "exp": 10**400}).encode()),
    "nbf in the future": signed({**GOOD, "nbf": int(NOW) + 32}),
    "iat in the future": signed({**GOOD, "iat": int(NOW) + 32}),
    "nbf a text": signed({**GOOD, "nbf": "0"}),
    "iat true": signed({**GOOD, "iat": True}),
    "aud another": signed({**GOOD, "aud": "smshub"}),
    "aud a list with ours": signed({**GOOD, "aud": ["evil", "smshub/api"]}),
    "aud null": signed({**GOOD, "aud": None}),
    "iss another": signed({**GOOD, "iss": "http://localhost:50191"}),
    "iss a list": signed({**GOOD, "iss": ["smshub"]}),
    "no such program": signed({**GOOD, "unique_name": "nobody"}),
    "another program": signed({**GOOD, "unique_name": OTHER.program_sid}),
    "a program that is a number": signed({**GOOD, "unique_name": 7}),
    "a program that is a list": signed({**GOOD, "unique_name": [SHOP.program_sid]}),
    "an empty jti": signed({**GOOD, "jti": ""}),
    "a jti that is a number": signed({**GOOD, "jti": 7}),
}


@pytest.mark.parametrize("token", FORGERIES.values(), ids=FORGERIES.keys())
async def test_a_forgery_is_refused(hub, token):
    """Always the same refusal, so that a forger learns nothing from it."""
    with pytest.raises(Refused) as caught:
        await hub.tokens.account(token)

    assert (Refusal.UNAUTHENTICATED, "BadToken", {}) == (caught.value.refusal, caught.value.error, caught.value.values)


def test_a_header_of_the_tokens_own_is_never_followed(monkeypatch):
    """Anything but our header is refused before a library sees the token."""
    monkeypatch.setattr(jwt, "decode", lambda *_, **__: pytest.fail("the library was asked"))

    for name in ("alg none", "jku", "jwk", "kid a path", "crit unknown", "ES256 with a signature of zeros"):
        with pytest.raises(BadToken, match="its header is not that of a token of ours"):
            tokens.peek(FORGERIES[name])


async def test_a_token_ends_when_its_time_is_over(hub):
    """In the very second of its `exp`, also where it was verified a moment before."""
    token = signed()
    hub.now = GOOD["exp"] - 1.0
    assert SHOP.account == await hub.tokens.account(token)

    hub.now = float(GOOD["exp"])

    with pytest.raises(Refused):
        await hub.tokens.account(token)


async def test_clocks_of_nodes_may_differ_by_half_a_minute(hub):
    """A token that another node made a moment ahead of us counts."""
    ahead = int(NOW) + tokens.LEEWAY

    assert SHOP.account == await hub.tokens.account(signed({**GOOD, "nbf": ahead, "iat": ahead}))


async def test_tokens_of_before_an_instant_are_ended(hub):
    """Once it is read again: the next one, made within the same second, counts at once."""
    old = signed()
    assert SHOP.account == await hub.tokens.account(old)

    hub.ended["shop"] = (int(NOW) + 1, set())
    hub.gate.forget()

    with pytest.raises(Refused):
        await hub.tokens.account(old)
    _, new = await hub.tokens.log_in(SHOP.program_sid, SHOP.program_key, source="192.0.2.1")
    assert SHOP.account == await hub.tokens.account(new)


async def test_one_token_is_ended_by_itself(hub):
    """Its neighbour goes on."""
    hub.ended["shop"] = (0, {JTI})

    with pytest.raises(Refused):
        await hub.tokens.account(signed())
    assert SHOP.account == await hub.tokens.account(signed({**GOOD, "jti": JTI[::-1]}))


async def test_what_is_ended_elsewhere_ends_here_within_a_minute(hub):
    """A node that did not end it itself has forgotten it by then."""
    token = signed()
    await hub.tokens.account(token)
    hub.ended["shop"] = (0, {JTI})

    hub.now += 61

    with pytest.raises(Refused):
        await hub.tokens.account(token)


@pytest.mark.parametrize(
    "changed",
    [
        Login(Account("shop"), program_sid=SHOP.program_sid, program_key="another key"),
        Login(Account("shop"), program_sid="another sid", program_key=SHOP.program_key),
        Login(Account("renamed"), program_sid=SHOP.program_sid, program_key=SHOP.program_key),
    ],
    ids=["key", "sid", "name"],
)
async def test_a_changed_pair_ends_its_tokens(hub, changed):
    """Nothing has to be written down for it: the key of the tokens has become another one."""
    token = signed()
    assert SHOP.account == await hub.tokens.account(token)

    hub.gate.load([changed])

    with pytest.raises(Refused):
        await hub.tokens.account(token)


async def test_a_token_is_shown_with_whether_it_counts(hub):
    """The claims, and in words why not; what cannot be read is refused."""
    assert TokenShown(GOOD, valid=True, why="", account="shop") == await hub.tokens.show(signed())
    old = {**GOOD, "exp": int(NOW) - 1}
    assert TokenShown(old, valid=False, why="it has expired", account=None) == await hub.tokens.show(signed(old))
    shown = await hub.tokens.show(signed(key=b"x"))
    assert "its signature is wrong, or the ProgramKey has changed since" == shown.why
    with pytest.raises(Refused, match="it is not three parts of base64url"):
        await hub.tokens.show("NaN")


@pytest.mark.parametrize(
    ("sid", "key"), [(SHOP.program_sid, "no"), ("nobody", SHOP.program_key), ("", ""), ("\0", "\0")]
)
async def test_a_wrong_pair_gets_no_token(hub, sid, key):
    """Which half was wrong is not told."""
    with pytest.raises(Refused) as caught:
        await hub.tokens.log_in(sid, key, source="192.0.2.1")

    assert (Refusal.UNAUTHENTICATED, "BadProgram") == (caught.value.refusal, caught.value.error)


async def test_wrong_pairs_are_slowed():
    """Twice as long each time, for that program from that address."""
    slept = []

    async def sleep(seconds):
        slept.append(seconds)

    gate = Gatekeeper([SHOP], now=lambda: NOW, sleep=sleep)
    for _ in range(4):
        with pytest.raises(Refused):
            await gate.authenticate_program(SHOP.program_sid, "wrong", source="192.0.2.1")
    with pytest.raises(Refused):
        await gate.authenticate_program(SHOP.program_sid, "wrong", source="192.0.2.2")
    gate.close()

    assert [0.25, 0.5, 1.0] == slept


async def test_a_hashed_key_logs_in():
    """The configuration may hold a bcrypt hash of the ProgramKey."""
    hashed = bcrypt.hashpw(b"the key", bcrypt.gensalt(4)).decode()
    login = Login(Account("shop"), program_sid="sid", program_key=hashed)
    gate = Gatekeeper([login], now=lambda: NOW)

    assert login == await gate.authenticate_program("sid", "the key", source="192.0.2.1")
    gate.close()


def test_a_login_shows_no_secret():
    """Its representation is its account's name."""
    assert "Login(shop)" == repr(SHOP)
