"""Who may do what in the console: the whole table, spelled out a second time."""

import pytest

from smshub.console.roles import MATRIX, Action, may
from smshub.console.routing import PAGES
from smshub.domain.accounts import Role

A, O, U, C = Role.ADMINISTRATOR, Role.OPERATOR, Role.AUDITOR, Role.ACCOUNT  # noqa: E741 - columns of the table

EXPECTED = {
    Action.OVERVIEW: {A, O, U, C},
    Action.FIGURES: {A, O, U},
    Action.SEND: {A, O, C},
    Action.EXPLAIN: {A, O, U, C},
    Action.OTP: {A, O, C},
    Action.MESSAGES: {A, O, U, C},
    Action.CHANGE_MESSAGES: {A, O, C},
    Action.CONNECTORS: {A, O, U},
    Action.CHANGE_CONNECTORS: {A, O},
    Action.ROUTES: {A, O, U},
    Action.CHANGE_ROUTES: {A, O},
    Action.ACCOUNTS: {A, O, U},
    Action.CHANGE_ACCOUNTS: {A},
    Action.BLOCKLIST: {A, O, U},
    Action.CHANGE_BLOCKLIST: {A, O},
    Action.ERRORS: {A, O, U},
    Action.CHANGE_ERRORS: {A, O},
    Action.POLICIES: {A, O, U},
    Action.CHANGE_POLICIES: {A},
    Action.GUARD: {A, O, U},
    Action.CHANGE_GUARD: {A, O},
    Action.INBOX: {A, O, U},
    Action.CHANGE_INBOX: {A, O},
    Action.MODEMS: {A, O, U},
    Action.USSD: {A, O},
    Action.PARKED: {A, O, U},
    Action.CHANGE_PARKED: {A, O},
    Action.LOG: {A, O, U},
    Action.AUDIT: {A, U},
    Action.USERS: {A, U},
    Action.CHANGE_USERS: {A},
    Action.SETTINGS: {A, O, U},
    Action.RELOAD: {A},
    Action.BACKUP: {A},
    Action.PRIVACY: {A},
    Action.OWN: {A, O, U, C},
}


@pytest.mark.parametrize("action", Action)
@pytest.mark.parametrize("role", Role)
def test_each_role_may_do_what_is_its_own_and_nothing_more(role, action):
    """Every pair of a role and an action is decided, and as it is written here."""
    assert (role in EXPECTED[action]) == may(role, action)


def test_the_table_is_whole():
    """No action is left out, so that none is open or closed by accident."""
    assert set(Action) == MATRIX.keys() == EXPECTED.keys()


def test_an_administrator_may_do_everything_and_an_auditor_change_nothing():
    """What changes something is closed to whoever only looks."""
    changing = [one for one in Action if one.name.startswith("CHANGE_")]

    assert all(may(A, action) for action in Action)
    assert not any(may(U, action) for action in [*changing, Action.SEND, Action.OTP, Action.USSD, Action.BACKUP])


def test_a_page_that_changes_something_asks_for_more_than_looking():
    """A form's target is never open to an auditor, but for what is their own and what changes nothing."""
    free = {Action.OWN, Action.EXPLAIN}
    # A token is read by way of a form, so that it stands in no address.
    reading = {"/accounts/token"}

    open_to_auditors = [page.path for page in PAGES if page.method == "POST" and may(U, page.action)]

    allowed = [page for page in PAGES if page.action in free or page.path in reading]
    assert [page.path for page in allowed if page.method == "POST"] == open_to_auditors


def test_no_two_pages_share_a_path():
    """Each method and path is answered by one page."""
    paths = [(page.method, page.path) for page in PAGES]

    assert sorted(set(paths)) == sorted(paths)
