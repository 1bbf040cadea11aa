"""Who may do what in the console: one table, which the pages obey and the navigation shows."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from smshub.domain.accounts import Role


class Action(StrEnum):
    """What a page shows, or a button does."""

    OVERVIEW = "see the overview"
    FIGURES = "see the hub's figures"
    SEND = "send a text"
    EXPLAIN = "explain a route"
    OTP = "ask for codes and check them"
    MESSAGES = "see messages"
    CHANGE_MESSAGES = "cancel and release messages"
    CONNECTORS = "see connectors"
    CHANGE_CONNECTORS = "change and test connectors"
    ROUTES = "see routes"
    CHANGE_ROUTES = "change routes"
    ACCOUNTS = "see accounts"
    CHANGE_ACCOUNTS = "change accounts"
    BLOCKLIST = "see the blocklist"
    CHANGE_BLOCKLIST = "block and unblock"
    ERRORS = "see error texts"
    CHANGE_ERRORS = "change error texts"
    POLICIES = "see the policies of codes"
    CHANGE_POLICIES = "change the policy of codes"
    GUARD = "see what the guard decided"
    CHANGE_GUARD = "open what the guard has closed"
    INBOX = "see texts that came in"
    CHANGE_INBOX = "throw away texts that came in"
    MODEMS = "see modems"
    USSD = "send USSD codes"
    PARKED = "see parked documents"
    CHANGE_PARKED = "throw parked documents away"
    LOG = "see the log and what providers were told"
    AUDIT = "see the audit log"
    USERS = "see users"
    CHANGE_USERS = "change users"
    SETTINGS = "see the hub's settings"
    RELOAD = "take the configuration file over"
    BACKUP = "make a backup"
    PRIVACY = "tell and erase what is kept of somebody"
    OWN = "change one's own password and authenticator"


_ALL: Final = frozenset(Role)
_SEERS: Final = frozenset({Role.ADMINISTRATOR, Role.OPERATOR, Role.AUDITOR})
_OPERATORS: Final = frozenset({Role.ADMINISTRATOR, Role.OPERATOR})
_SENDERS: Final = frozenset({Role.ADMINISTRATOR, Role.OPERATOR, Role.ACCOUNT})
_AUDITORS: Final = frozenset({Role.ADMINISTRATOR, Role.AUDITOR})
_ADMINISTRATORS: Final = frozenset({Role.ADMINISTRATOR})

# An account's people see and change what is theirs only: the hub itself looks to that.
MATRIX: Final[Mapping[Action, frozenset[Role]]] = {
    Action.OVERVIEW: _ALL,
    Action.FIGURES: _SEERS,
    Action.SEND: _SENDERS,
    Action.EXPLAIN: _ALL,
    Action.OTP: _SENDERS,
    Action.MESSAGES: _ALL,
    Action.CHANGE_MESSAGES: _SENDERS,
    Action.CONNECTORS: _SEERS,
    Action.CHANGE_CONNECTORS: _OPERATORS,
    Action.ROUTES: _SEERS,
    Action.CHANGE_ROUTES: _OPERATORS,
    Action.ACCOUNTS: _SEERS,
    Action.CHANGE_ACCOUNTS: _ADMINISTRATORS,
    Action.BLOCKLIST: _SEERS,
    Action.CHANGE_BLOCKLIST: _OPERATORS,
    Action.ERRORS: _SEERS,
    Action.CHANGE_ERRORS: _OPERATORS,
    Action.POLICIES: _SEERS,
    Action.CHANGE_POLICIES: _ADMINISTRATORS,
    Action.GUARD: _SEERS,
    Action.CHANGE_GUARD: _OPERATORS,
    Action.INBOX: _SEERS,
    Action.CHANGE_INBOX: _OPERATORS,
    Action.MODEMS: _SEERS,
    Action.USSD: _OPERATORS,
    Action.PARKED: _SEERS,
    Action.CHANGE_PARKED: _OPERATORS,
    Action.LOG: _SEERS,
    Action.AUDIT: _AUDITORS,
    Action.USERS: _AUDITORS,
    Action.CHANGE_USERS: _ADMINISTRATORS,
    Action.SETTINGS: _SEERS,
    Action.RELOAD: _ADMINISTRATORS,
    Action.BACKUP: _ADMINISTRATORS,
    Action.PRIVACY: _ADMINISTRATORS,
    Action.OWN: _ALL,
}


def may(role: Role, action: Action) -> bool:
    """Tell whether somebody of this role may do this."""
    return role in MATRIX[action]
