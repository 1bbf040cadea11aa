"""The table [otp], and those of groups and accounts over it."""

import pytest

from smshub.config import ConfigErrors, accounts_of, otp_keys, read
from smshub.config.otp import OtpSettings
from smshub.domain.otp import TEMPLATES, Alphabet, OtpPolicy, otp_key

LONG = "5a" * 32


def policy(**tables):
    """Read tables with an account `shop` in the group `web`, and give the policy it has."""
    accounts = {"shop": {"password": "shop-password", "group": "web", **tables.pop("shop", {})}}
    config = read({"groups": {"web": tables.pop("web", {})}, "accounts": accounts, **tables})
    return accounts_of(config)["shop"].otp


def problems(**tables):
    """Give what is wrong with tables."""
    with pytest.raises(ConfigErrors) as caught:
        policy(**tables)
    return [str(problem) for problem in caught.value.problems]


def test_without_a_table_the_policy_is_the_default():
    """Six digits for five minutes, five tries."""
    assert OtpPolicy() == policy()


def test_an_account_comes_before_its_group_and_that_before_all():
    """Key by key, texts language by language."""
    found = policy(
        otp={"length": 8, "tries": 3, "life": 60, "templates": {"de": "Alle %s", "tlh": "nuqneH {code}"}},
        defaults={"otp": {"tries": 4, "generic": True}},
        web={"otp": {"life": 90, "hosts": ["Login.Example"], "templates": {"de": "Gruppe %s"}}},
        shop={"otp": {"alphabet": "letters", "templates": {"en": "Shop %s"}}},
    )

    texts = {**dict(TEMPLATES), "de": "Gruppe %s", "en": "Shop %s", "tlh": "nuqneH {code}"}
    assert (
        OtpPolicy(
            length=8,
            tries=4,
            life=90.0,
            generic=True,
            alphabet=Alphabet.LETTERS,
            hosts=frozenset({"login.example"}),
            templates=tuple(sorted(texts.items())),
        )
        == found
    )


@pytest.mark.parametrize(
    ("table", "place"),
    [
        ({"length": 5}, "otp.length"),
        ({"length": 3, "unsafe": True}, "otp.length"),
        ({"length": 11}, "otp.length"),
        ({"life": 601}, "otp.life"),
        ({"longest_life": 3600}, "otp.longest_life"),
        ({"life": 300, "longest_life": 200}, "otp.life"),
        ({"tries": 0}, "otp.tries"),
        ({"lock_after": 101}, "otp.lock_after"),
        ({"templates": {"en": "no place"}}, "otp.templates.en"),
        ({"templates": {"en": "%n %s"}}, "otp.templates.en"),
        ({"templates": {"not a language": "%s"}}, "otp.templates"),
        ({"hosts": ["login.example:443"]}, "otp.hosts[0]"),
        ({"app_hashes": ["short"]}, "otp.app_hashes[0]"),
        ({"keys": ["short"]}, "otp.keys[0]"),
    ],
    ids=str,
)
def test_what_cannot_work_is_named(table, place):
    """A problem each, at its key."""
    (found,) = problems(otp=table)

    assert place in found


def test_an_accounts_own_key_is_checked_with_those_below_it():
    """Four digits where the group is not unsafe; where it is, they are its own affair."""
    assert ["accounts.shop.otp.length"] == [one.split(": ")[0] for one in problems(shop={"otp": {"length": 4}})]
    assert 4 == policy(web={"otp": {"unsafe": True}}, shop={"otp": {"length": 4}}).length


def test_keys_are_made_of_references_and_the_servers_own_is_the_last(monkeypatch):
    """The first signs; none is the raw secret."""
    monkeypatch.setenv("OTP_KEY", LONG)

    keys = otp_keys(OtpSettings(keys=["env:OTP_KEY"]), b"s" * 32)

    assert (otp_key(LONG.encode()), otp_key(b"s" * 32)) == keys
    assert LONG not in repr(keys)
    assert {LONG.encode(), b"s" * 32}.isdisjoint({key.key for key in keys})
    assert (otp_key(b"s" * 32),) == otp_keys(OtpSettings(), b"s" * 32)
