"""`smshub account claims` and `revoke-tokens`: a token is read from the standard input, never from the command line."""

import io
import sys

import pytest


@pytest.fixture
def given(monkeypatch):
    """Put a text on the standard input."""
    return lambda text: monkeypatch.setattr(sys, "stdin", io.StringIO(text))


def test_claims_are_shown_with_their_times(hub, ask, given):
    """Each claim is a line, times in words beside the seconds; a token that counts ends with 0."""
    given('"aaa.bbb.ccc"\n')
    claims = {"unique_name": "6ymX", "exp": 1_556_299_718}
    hub.answer(200, {"claims": claims, "valid": True, "why": "", "account": "shop"})

    ran = ask("account", "claims")

    lines = [
        "unique_name  6ymX",
        "exp          1556299718  (2019-04-26 17:28:38 UTC)",
        "valid        yes, for shop",
    ]
    assert (0, lines) == (ran.status, ran.out.splitlines())
    assert ("/v1/tokens/show", {"token": "aaa.bbb.ccc"}) == (hub.asked[0].path, hub.asked[0].body)


def test_a_token_that_does_not_count_ends_with_1(hub, ask, given):
    """The reason is told, and a script can tell by the status."""
    given("aaa.bbb.ccc")
    hub.answer(200, {"claims": {}, "valid": False, "why": "it has expired", "account": None})

    ran = ask("account", "claims")

    assert (1, "valid        no: it has expired\n") == (ran.status, ran.out)


@pytest.mark.parametrize(("words", "body"), [((), {}), (("--one",), {"token": "aaa.bbb.ccc"})])
def test_tokens_are_revoked(hub, ask, given, words, body):
    """All of an account, or the one on the standard input."""
    given("aaa.bbb.ccc\n")
    hub.answer(200, {"detail": "every token of shop is ended"})

    ran = ask("account", "revoke-tokens", "shop", *words)

    assert (0, "every token of shop is ended\n") == (ran.status, ran.out)
    assert ("/v1/accounts/shop/revoke-tokens", body) == (hub.asked[0].path, hub.asked[0].body)
