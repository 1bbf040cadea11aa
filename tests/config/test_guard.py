"""The table [otp.guard], and those of groups and accounts over it."""

import pytest

from smshub.config import ConfigErrors, accounts_of, read
from smshub.domain.conversion import ConversionRules
from smshub.domain.guard import GuardMode, GuardPolicy


def policy(otp=None, web=None, shop=None):
    """Read tables with an account `shop` in the group `web`, and give the policy of the guard that it has."""
    groups = {"web": {"otp": {"guard": web}} if web is not None else {}}
    own = {"otp": {"guard": shop}} if shop is not None else {}
    accounts = {"shop": {"password": "shop-password", "group": "web", **own}}
    config = read({"otp": {"guard": otp or {}}, "groups": groups, "accounts": accounts})
    return accounts_of(config)["shop"].otp.guard


def test_without_a_table_it_records_the_default_limits():
    """Five codes to a receiver within ten minutes, ten within a day, and so on; nothing is refused."""
    assert GuardPolicy() == policy()
    assert (GuardMode.RECORD, 5, 10) == (policy().mode, policy().recipient_10_minutes, policy().recipient_day)


def test_an_account_comes_before_its_group_and_that_before_all():
    """Key by key; how a prefix is judged is the same for all."""
    found = policy(
        otp={"mode": "enforce", "countries": ["de", "AT"], "recipient_day": 20, "least": 30, "block_below": 0.1},
        web={"recipient_day": 30, "country_day": 500},
        shop={"countries": ["*"], "sequence": 0},
    )

    assert (
        GuardPolicy(
            mode=GuardMode.ENFORCE,
            countries=frozenset({"*"}),
            recipient_day=30,
            country_day=500,
            sequence=0,
            conversion=ConversionRules(least=30, block_below=0.1),
        )
        == found
    )
    assert frozenset({"DE", "AT"}) == policy(otp={"countries": ["de", "AT"]}).countries


@pytest.mark.parametrize(
    ("tables", "place"),
    [
        ({"otp": {"countries": ["Germany"]}}, "otp.guard.countries"),
        ({"otp": {"mode": "on"}}, "otp.guard.mode"),
        ({"otp": {"recipient_day": 101}}, "otp.guard.recipient_day"),
        ({"otp": {"prefix_10_minutes": -1}}, "otp.guard.prefix_10_minutes"),
        ({"otp": {"block_below": 1.5}}, "otp.guard.block_below"),
        ({"otp": {"recipient": 5}}, "otp.guard.recipient"),
        ({"shop": {"least": 20}}, "accounts.shop.otp.guard.least"),
    ],
)
def test_what_cannot_work_is_told(tables, place):
    """With its place; how a prefix is judged is not an account's own."""
    with pytest.raises(ConfigErrors) as caught:
        policy(**tables)

    assert place in str(caught.value.problems[0])
