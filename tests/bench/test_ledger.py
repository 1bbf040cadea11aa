"""The crash ledger in short: the whole hub, killed and stopped under load. `make ledger` is the long form."""

import pytest
from bench.ledger import Plan, run_ledger


@pytest.mark.parametrize("message_class", ["otp", "bulk"])
def test_a_hub_killed_under_load_loses_nothing_and_explains_every_copy(message_class):
    """After SIGKILLs client, SMSC and database agree; codes may come twice and say why, bulk texts never do."""
    verdict, course = run_ledger(Plan(kills=2, message_class=message_class, seed=11, longest=0.6))

    assert {} == verdict.wrong(), f"{course}\n{verdict.table()}"
    assert verdict.uncertain_attempts > 0, "the kills hit nothing in flight, so nothing was shown"


def test_a_hub_stopped_under_load_loses_nothing_and_repeats_nothing():
    """SIGTERM ends the hub with code 0 within 15 s, every answer awaited; no attempt is left uncertain."""
    verdict, course = run_ledger(Plan(kills=2, stops=True, seed=12, longest=0.6))

    assert {} == verdict.wrong(), f"{course}\n{verdict.table()}"
    assert verdict.acked > 0
    assert course.slowest_stop < 15
