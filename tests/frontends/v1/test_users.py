"""The operations of /v1 on the users of the console: what each asks of the hub, and what never comes back."""

import json

import pytest

from smshub.domain.accounts import Role
from smshub.domain.commands import Done, Refusal, Refused
from smshub.domain.users import DeleteUser, ListUsers, PutUser, User, Users
from smshub.frontends.dialects import native_users

PASSWORD = "correct horse battery"
ADA = User("ada", Role.ADMINISTRATOR, totp=True, created_at=1_900_000_000.0)
BOB = User("bob@example.org", Role.ACCOUNT, "shop", disabled=True, created_at=1_900_000_000.5)
WRITTEN_ADA = {
    "name": "ada",
    "role": "administrator",
    "account": None,
    "totp": True,
    "disabled": False,
    "created_at": "2030-03-17T17:46:40.000Z",
}
WRITTEN_BOB = {
    "name": "bob@example.org",
    "role": "account",
    "account": "shop",
    "totp": False,
    "disabled": True,
    "created_at": "2030-03-17T17:46:40.500Z",
}
LAST = Refused(Refusal.CONFLICT, "LastAdministrator")


@pytest.mark.parametrize(
    ("path", "name", "document"),
    [
        ("/v1/users", "", {"users": [WRITTEN_ADA, WRITTEN_BOB]}),
        ("/v1/users/{name}", "ada", WRITTEN_ADA),
        ("/v1/users/{name}", "bob@example.org", WRITTEN_BOB),
    ],
)
async def test_users_are_listed_and_shown(api, hub, undocumented, path, name, document):
    """As documented, with their time of making, and by every name that the console allows."""
    hub.reply = Users((ADA, BOB))

    answer = await api.ask("GET", path.replace("{name}", name))

    assert [("shop", ListUsers())] == hub.asked
    assert (200, document) == (answer.status, answer.document)
    assert [] == undocumented("GET", path, answer)


@pytest.mark.parametrize(
    ("body", "members"),
    [
        ({}, {}),
        ({"role": "operator", "password": PASSWORD}, {"role": Role.OPERATOR, "password": PASSWORD}),
        ({"role": "account", "account": "shop"}, {"role": Role.ACCOUNT, "account": "shop"}),
        ({"account": ""}, {"account": ""}),
        ({"disabled": True}, {"disabled": True}),
        ({"disabled": False, "reset_totp": True}, {"disabled": False, "reset_totp": True}),
        ({"role": None, "password": None, "account": None, "disabled": None}, {}),
    ],
    ids=json.dumps,
)
async def test_a_user_is_made_or_changed_by_the_members_that_are_given(api, hub, undocumented, body, members):
    """What is missing or null stays as it is; an empty account takes it away."""
    hub.reply = Done("user neo is changed")

    answer = await api.ask("PUT", "/v1/users/neo", body)

    assert [("shop", PutUser("neo", **members))] == hub.asked
    assert (200, {"detail": "user neo is changed"}) == (answer.status, answer.document)
    assert [] == undocumented("PUT", "/v1/users/{name}", answer)


async def test_a_user_is_removed(api, hub, undocumented):
    """By name."""
    hub.reply = Done("user neo is removed")

    answer = await api.ask("DELETE", "/v1/users/neo")

    assert [("shop", DeleteUser("neo"))] == hub.asked
    assert (200, {"detail": "user neo is removed"}) == (answer.status, answer.document)
    assert [] == undocumented("DELETE", "/v1/users/{name}", answer)


@pytest.mark.parametrize(
    ("body", "error", "member"),
    [
        ({"pasword": PASSWORD}, "UnknownMember", "pasword"),
        ({"name": "neo"}, "UnknownMember", "name"),
        ({"password": [PASSWORD]}, "MalformedBody", "password"),
        ({"password": {PASSWORD: PASSWORD}}, "MalformedBody", "password"),
        ({"password": 123456789012}, "MalformedBody", "password"),
        ({"password": PASSWORD, "role": PASSWORD}, "MalformedBody", "role"),
        ({"password": PASSWORD, "role": "Operator"}, "MalformedBody", "role"),
        ({"password": PASSWORD, "role": ["operator"]}, "MalformedBody", "role"),
        ({"password": PASSWORD, "account": 1}, "MalformedBody", "account"),
        ({"password": PASSWORD, "account": "sh\0op"}, "NoSuchAccount", "account"),
        ({"password": PASSWORD, "account": "s" * 65}, "NoSuchAccount", "account"),
        ({"password": PASSWORD, "disabled": "yes"}, "MalformedBody", "disabled"),
        ({"password": PASSWORD, "disabled": 1}, "MalformedBody", "disabled"),
        ({"password": PASSWORD, "reset_totp": None}, "MalformedBody", "reset_totp"),
        (f'{{"password":"{PASSWORD}","password":"{PASSWORD}"}}'.encode(), "MalformedBody", "password"),
        (f'{{"password":"{PASSWORD}\\ud800"}}'.encode(), "MalformedBody", "password"),
        (f'{{"password":"{PASSWORD}}}'.encode(), "MalformedBody", None),
        (f'["{PASSWORD}"]'.encode(), "MalformedBody", None),
        (PASSWORD.encode(), "MalformedBody", None),
        (b"", "MalformedBody", None),
    ],
    ids=str,
)
async def test_a_bad_body_is_refused_by_its_member_and_repeats_no_password(api, hub, undocumented, body, error, member):
    """Unknown members, wrong types and what is no JSON never reach the hub."""
    headers = {"authorization": "Basic c2hvcDpwdw==", "content-type": "application/json"}

    answer = await api.ask("PUT", "/v1/users/neo", body, headers)

    assert (400, error, member) == (answer.status, answer.document["error"], answer.document.get("member"))
    assert [] == hub.asked
    assert "horse" not in answer.body.decode()
    assert [] == undocumented("PUT", "/v1/users/{name}", answer)


@pytest.mark.parametrize("name", ["Neo", ".neo", "n eo", "n\0", "n" * 65, "..", "\u00f1eo", "neo\n"])
@pytest.mark.parametrize(
    ("method", "status", "error"),
    [("GET", 404, "NotFound"), ("DELETE", 404, "NotFound"), ("PUT", 400, "BadUserName")],
)
async def test_a_name_that_cannot_be_is_not_looked_up(api, hub, undocumented, name, method, status, error):
    """It is not there, or no name for a new user."""
    answer = await api.ask(method, f"/v1/users/{name}", {} if method == "PUT" else b"")

    assert (status, error) == (answer.status, answer.document["error"])
    assert [] == hub.asked
    assert [] == undocumented(method, "/v1/users/{name}", answer)


@pytest.mark.parametrize(
    ("method", "refused", "status"),
    [
        ("GET", Refused(Refusal.FORBIDDEN, "Forbidden"), 403),
        ("PUT", Refused(Refusal.FORBIDDEN, "Forbidden"), 403),
        ("PUT", Refused(Refusal.MALFORMED, "BadPassword", member="password", least=12, most=256), 400),
        ("PUT", Refused(Refusal.MALFORMED, "NoPassword", member="password"), 400),
        ("PUT", LAST, 409),
        ("DELETE", LAST, 409),
        ("DELETE", Refused(Refusal.NOT_FOUND, "NotFound", what="user"), 404),
    ],
    ids=str,
)
async def test_what_the_hub_refuses_is_told_as_documented(api, hub, undocumented, method, refused, status):
    """Each with its status, its words and its member."""
    hub.reply = refused

    answer = await api.ask(method, "/v1/users/neo", {"password": PASSWORD} if method == "PUT" else b"")

    assert (status, refused.error, refused.member, str(refused)) == (
        answer.status,
        answer.document["error"],
        answer.document.get("member"),
        answer.document["detail"],
    )
    assert [] == undocumented(method, "/v1/users/{name}", answer)


async def test_a_user_that_is_not_there_is_not_found(api, hub, undocumented):
    """The one asked for is picked from all."""
    hub.reply = Users((ADA,))

    answer = await api.ask("GET", "/v1/users/neo")

    assert (404, "There is no user with that id.") == (answer.status, answer.document["detail"])
    assert [] == undocumented("GET", "/v1/users/{name}", answer)


async def test_a_body_where_a_user_is_removed_is_refused(api, hub, undocumented):
    """A caller that says something is told that it is not heard."""
    answer = await api.ask("DELETE", "/v1/users/neo", {"password": PASSWORD})

    assert (400, "MalformedBody") == (answer.status, answer.document["error"])
    assert [] == hub.asked
    assert [] == undocumented("DELETE", "/v1/users/{name}", answer)


async def test_a_password_is_in_no_repr(api, hub):
    """Neither the document nor the command shows it, so that no log line and no traceback can."""
    hub.reply = Done("made")

    await api.ask("PUT", "/v1/users/neo", {"password": PASSWORD})

    assert "PutUser('neo')" == repr(hub.asked[0][1])
    assert "UserRequest()" == repr(native_users.UserRequest(password=PASSWORD))


async def test_what_may_be_written_of_a_user_is_documented(api):
    """Every member has its sentence, the roles are named, the password is marked as one that is never answered."""
    schemas = (await api.ask("GET", "/openapi.json", headers={})).document["components"]["schemas"]
    request = schemas["UserRequest"]
    written = {name: of["anyOf"][0] for name, of in request["properties"].items() if "anyOf" in of}

    assert {"role", "password", "account", "disabled", "reset_totp"} == set(request["properties"])
    assert [] == [name for name, of in request["properties"].items() if "description" not in of]
    assert request["additionalProperties"] is False
    assert [role.value for role in Role] == written["role"]["enum"]
    assert ("password", True, 12, 256) == tuple(
        written["password"][name] for name in ("format", "writeOnly", "minLength", "maxLength")
    )
    assert "password" not in schemas["UserDocument"]["properties"]
