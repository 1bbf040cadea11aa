"""What the console can do, /v1 and the command line can do: every command of the hub has its place in each."""

from typing import get_args

import pytest
import typer

from smshub.cli.main import app
from smshub.console.routing import PAGES
from smshub.domain import commands
from smshub.frontends.carriers.v1 import EVERY

# The operation of /v1, the words of the command line, and the page of the console (none: it needs none).
PLACES = {
    "SendTexts": ("sendMessages", "send", "/try/send"),
    "ShowMessage": ("showMessage", "message show", "/messages/{id}"),
    "ListMessages": ("listMessages", "message list", "/messages"),
    "CancelMessage": ("cancelMessage", "message cancel", "/messages/{id}/cancel"),
    "ReleaseMessage": ("releaseMessage", "message release", "/messages/{id}/release"),
    "Explain": ("explain", "explain", "/try/explain"),
    "ListConnectors": ("listConnectors", "connector list", "/connectors"),
    "TestConnector": ("testConnector", "connector test", "/connectors/test"),
    "RevokeTokens": ("revokeTokens", "account revoke-tokens", "/accounts/revoke"),
    "ShowToken": ("showToken", "account claims", "/accounts/token"),
    "Block": ("block", "block", "/blocklist/block"),
    "Unblock": ("unblock", "unblock", "/blocklist/unblock"),
    "ListBlocked": ("listBlocked", "blocklist", "/blocklist"),
    "ListFrontends": ("listFrontends", "frontend list", "/frontends"),
    "ListParked": ("listParked", "parked list", "/parked"),
    "ShowParked": ("showParked", "parked show", "/parked/{id}"),
    "DropParked": ("dropParked", "parked drop", "/parked/{id}/drop"),
    "HubStatus": ("status", "status", "/settings"),
    "ShowFigures": ("figures", "status", "/overview/figures"),
    "ShowExchanges": ("exchanges", "message show", "/messages/{id}"),
    "ListLog": ("listLog", "log", "/log"),
    "ListAudit": ("listAudit", "audit list", "/audit"),
    "VerifyAudit": ("verifyAudit", "audit verify", "/audit/verify"),
    "ListUsers": ("listUsers", "user list", "/users"),
    "PutUser": ("putUser", "user add", "/users/{name}"),
    "DeleteUser": ("deleteUser", "user remove", "/users/{name}/remove"),
    "ShowPlan": ("planConfig", "config plan", "/settings/plan"),
    "ReloadFile": ("reloadConfig", "config reload", "/settings/reload"),
    "MakeBackup": ("backup", "backup", "/settings/backup"),
    "ExportRecipient": ("exportRecipient", "export", "/privacy/export"),
    "EraseRecipient": ("eraseRecipient", "erase", "/privacy/erase"),
    "RequestOtp": ("requestOtp", "otp request", "/try/code"),
    "VerifyOtp": ("verifyOtp", "otp verify", "/try/check"),
    "ResendOtp": ("resendOtp", "otp resend", None),
    "UnlockOtp": ("unlockOtp", "otp unlock", "/codes/unlock"),
    "ListDecisions": ("listDecisions", "guard list", "/guard"),
    "ListPrefixes": ("listPrefixes", "guard prefixes", "/guard"),
    "OpenPrefix": ("openPrefix", "guard open", "/guard/open"),
    "ListIncoming": ("listIncoming", "inbox list", "/inbox"),
    "DropIncoming": ("dropIncoming", "inbox drop", "/inbox/drop"),
    "ListModems": ("listModems", "modem list", "/modems"),
    "RequestUssd": ("requestUssd", "modem ussd", "/modems/ussd"),
}
# Of each kind of configured object: the place of listing, of making or changing, and of removing it.
OBJECTS = {
    "connectors": (
        ("listConnectors", "putConnector", "deleteConnector"),
        ("connector list", "connector add", "connector remove"),
        ("/connectors", "/connectors/change", "/connectors/remove"),
    ),
    "routes": (
        ("listRoutes", "putRoute", "deleteRoute"),
        ("route list", "route add", "route remove"),
        ("/routes", "/routes/change", "/routes/remove"),
    ),
    "accounts": (
        ("listAccounts", "putAccount", "deleteAccount"),
        ("account list", "account add", "account remove"),
        ("/accounts", "/accounts/change", "/accounts/remove"),
    ),
    "errors": (
        ("listErrors", "putError", "resetError"),
        ("errors list", "errors set", "errors reset"),
        ("/errors", "/errors/{name}", "/errors/{name}/reset"),
    ),
    "policies": (
        ("listPolicies", "putPolicy", "deletePolicy"),
        ("otp policy list", "otp policy set", "otp policy reset"),
        ("/codes", "/codes/change", "/codes/remove"),
    ),
    "tables of the file": (("showConfig",), ("config show",), ("/settings",)),
}
OPERATIONS = {operation.name for operation in EVERY}
PATHS = {page.path for page in PAGES}


def verbs(command, words=()):
    """Give every command of the command line as its words."""
    inner = getattr(command, "commands", None)
    if inner is None:
        return {" ".join(words)}
    return {found for name, one in inner.items() for found in verbs(one, (*words, name))}


VERBS = verbs(typer.main.get_command(app))


def test_every_command_of_the_hub_has_its_place():
    """One that is new has to be given its place in /v1, on the command line and in the console."""
    known = {kind.__name__ for kind in get_args(commands.Command)}

    assert known == PLACES.keys() | {"ListObjects", "PutObject", "DeleteObject"}


@pytest.mark.parametrize("name", PLACES)
def test_a_command_is_at_hand_everywhere(name):
    """Its operation, its words and its page are there."""
    operation, words, path = PLACES[name]

    assert (True, True, True) == (operation in OPERATIONS, words in VERBS, path is None or path in PATHS)


@pytest.mark.parametrize("kind", OBJECTS)
def test_objects_are_changed_everywhere(kind):
    """What is listed, made, changed and removed in one place is so in all."""
    operations, words, paths = OBJECTS[kind]

    assert (set(), set(), set()) == (set(operations) - OPERATIONS, set(words) - VERBS, set(paths) - PATHS)


def test_nobody_changes_anything_by_the_console_alone():
    """Each page that changes something is one of those above, or concerns who is signed in."""
    named = {path for *_, path in PLACES.values() if path} | {path for *_, paths in OBJECTS.values() for path in paths}
    posts = {page.path for page in PAGES if page.method == "POST" and not page.path.startswith(("/own", "/sign-out"))}
    # Steps on the way: forms that are checked or filled in anew, and what is a change of an account or a user.
    steps = {
        *(f"/{kind}/{step}" for kind in ("connectors", "routes", "accounts") for step in ("new", "check")),
        *("/codes/check", "/accounts/key", "/accounts/password", "/accounts/disable", "/privacy/find"),
        *("/users", "/users/{name}/reset"),
    }

    assert set() == posts - named - steps
