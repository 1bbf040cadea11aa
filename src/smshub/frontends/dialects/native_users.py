"""The documents of the native door for the people who use the console. A password goes in and never comes out."""

from typing import Annotated, Final

import msgspec
from msgspec import Meta, Struct

from smshub.domain.accounts import Role
from smshub.domain.commands import Refusal, Refused, Reply
from smshub.domain.users import LONGEST_PASSWORD, SHORTEST_PASSWORD, USER_NAME, PutUser, User, Users
from smshub.frontends.dialects.native_json import malformed, read
from smshub.frontends.dialects.native_schema import Time
from smshub.frontends.dialects.native_views import rfc3339

_LONGEST_ACCOUNT: Final = 64
_ROLES: Final = tuple(role.value for role in Role)

# Documented here and checked by us: msgspec would not say in our words what is wrong with a role or a password.
_ROLE: Final = Meta(extra_json_schema={"enum": list(_ROLES)})
_PASSWORD: Final = Meta(
    extra_json_schema={
        "format": "password",
        "writeOnly": True,
        "minLength": SHORTEST_PASSWORD,
        "maxLength": LONGEST_PASSWORD,
    }
)


class UserRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A user to be made, or what is to change about one. A member that is null or missing stays as it is."""

    role: Annotated[
        Annotated[str, _ROLE] | None,
        Meta(description="What the user may do; `account` for a new one that names none."),
    ] = None
    password: Annotated[
        Annotated[str, _PASSWORD] | None,
        Meta(description="The new password; a new user needs one. It is kept as an argon2id hash and never answered."),
    ] = None
    account: Annotated[
        str | None, Meta(description="Whose messages the user sees, where the role is `account`; empty for none.")
    ] = None
    disabled: Annotated[bool | None, Meta(description="Whether the user is kept from signing in.")] = None
    reset_totp: Annotated[bool, Meta(description="Forget the user's authenticator.")] = False

    def __repr__(self) -> str:
        return "UserRequest()"


class UserDocument(Struct, frozen=True):
    """A person who may sign in to the console."""

    name: str
    role: Role
    account: Annotated[str | None, Meta(description="Whose messages the user sees, where the role is `account`.")]
    totp: Annotated[bool, Meta(description="Whether a code of an authenticator is asked for besides the password.")]
    disabled: Annotated[bool, Meta(description="Whether the user is kept from signing in.")]
    created_at: Time


class UserList(Struct, frozen=True):
    """Everybody who may sign in to the console, by name."""

    users: tuple[UserDocument, ...]


_REQUEST: Final = msgspec.json.Decoder(UserRequest)
_encode: Final = msgspec.json.Encoder().encode


def decode_user(name: str, body: bytes) -> PutUser:
    """Read the name and the body of PUT /v1/users/{name}. Raises `Refused`, naming the member at fault."""
    if not USER_NAME.fullmatch(name):
        raise Refused(Refusal.MALFORMED, "BadUserName", member="name")
    asked = read(_REQUEST, body)
    if asked.role is not None and asked.role not in _ROLES:
        raise malformed(f"the role is none of {', '.join(_ROLES)}", "role")
    if asked.account and (len(asked.account) > _LONGEST_ACCOUNT or not asked.account.isprintable()):
        raise Refused(Refusal.MALFORMED, "NoSuchAccount", member="account")
    return PutUser(
        name,
        None if asked.role is None else Role(asked.role),
        asked.password,
        asked.account,
        asked.disabled,
        asked.reset_totp,
    )


def encode_users(reply: Reply) -> bytes:
    """Write everybody."""
    assert isinstance(reply, Users)
    return _encode(UserList(tuple(_document(user) for user in reply.users)))


def encode_user(reply: Reply, name: str) -> bytes:
    """Write the one user of this name. Raises `Refused` (NOT_FOUND)."""
    assert isinstance(reply, Users)
    for user in reply.users:
        if user.name == name:
            return _encode(_document(user))
    raise Refused(Refusal.NOT_FOUND, "NotFound", what="user")


def _document(user: User) -> UserDocument:
    return UserDocument(user.name, user.role, user.account, user.totp, user.disabled, rfc3339(user.created_at))
