"""The database stolen, whole: nothing in it tells a code, though every code there is gets tried."""

import base64
import hashlib

import pytest
from bench.theft import control, keys_that_fit, loot_of, search_all, store, targets_of, values_of

from smshub.domain.otp import otp_key

SECRET = "6b" * 32
TABLES = """\
[accounts.shop]
password = "shop-password"
[accounts.shop.otp]
custom_code = true
[connectors.log]
type = "log"
[[routes]]
prefixes = [""]
connectors = ["log"]
"""
AUTHORIZATION = f"Basic {base64.b64encode(b'shop:shop-password').decode()}"
STORES = ["sqlite", pytest.param("postgresql", marks=pytest.mark.needs("postgresql"))]


@pytest.fixture(scope="module", params=STORES)
def stolen(request, make_shared_hub):
    """Let a hub on each store keep ten codes and take its database; gives the loot and the codes."""
    database = "" if request.param == "sqlite" else request.getfixturevalue("postgres_module_url")
    hub = make_shared_hub(TABLES, server=f'secret = "{SECRET}"', database=database)
    codes = store(hub.port, AUTHORIZATION, 10)
    return loot_of(hub.database), codes


def test_no_code_is_found_by_trying_all(stolen):
    """Of ten rows none, by the search that finds all of the control below."""
    loot, _ = stolen

    assert 10 == len(loot["challenges"])
    assert [None] * 10 == search_all(targets_of(loot))


def test_of_a_plain_digest_every_code_is_found():
    """The control: codes as salted SHA-512 with the salt beside them."""
    codes = {f"control-{number}": f"{(number * 618_033 + 999_983) % 10**6:06d}" for number in range(10)}

    assert list(codes.values()) == search_all(control(codes))


def test_the_key_is_nowhere_in_the_database(stolen):
    """No value in it, nor what can be made of one, is the key; were the secret there, the same look would find it."""
    loot, codes = stolen

    assert [] == keys_that_fit(loot, codes)
    assert [] != keys_that_fit(loot, codes, [SECRET.encode()])
    server = hashlib.sha256(SECRET.encode()).digest()
    secrets = {SECRET.encode(), bytes.fromhex(SECRET), server, otp_key(server).key}
    secrets |= {form(secret) for secret in secrets for form in (base64.b64encode, lambda raw: raw.hex().encode())}
    held = b"\0".join(values_of(loot))
    assert [] == [secret for secret in secrets if secret in held]


def test_no_code_stands_beside_its_challenge(stolen):
    """The tables of codes hold none of them, in whatever column."""
    loot, codes = stolen

    kept = {"challenges": loot["challenges"], "otp_failures": loot["otp_failures"]}
    assert [] == [code for code in codes.values() if code.encode() in values_of(kept)]
