"""The operations of /v1 for the people who use the console."""

from typing import Final

from smshub.domain.commands import Refusal, Refused
from smshub.domain.users import USER_NAME, DeleteUser, ListUsers
from smshub.frontends.carriers.v1_operations import Asked, Operation, no_body
from smshub.frontends.dialects import native_schema, native_users

_PATH: Final = "/v1/users/{name}"


def _name(asked: Asked) -> str:
    name = asked.path["name"]
    if not USER_NAME.fullmatch(name):
        raise Refused(Refusal.NOT_FOUND, "NotFound", what="user")
    return name


def _show(asked: Asked) -> ListUsers:
    _name(asked)
    return ListUsers()


def _delete(asked: Asked) -> DeleteUser:
    no_body(asked)
    return DeleteUser(_name(asked))


USERS: Final[tuple[Operation, ...]] = (
    Operation(
        method="GET",
        path="/v1/users",
        name="listUsers",
        tag="users",
        summary="List the users of the console",
        description="By name. They sign in to the console; it is accounts that call here. Needs an administrator or an "
        "auditor.",
        command=lambda asked: ListUsers(),
        answers=native_users.UserList,
        answered=lambda reply, _: native_users.encode_users(reply),
    ),
    Operation(
        method="GET",
        path=_PATH,
        name="showUser",
        tag="users",
        summary="Show a user of the console",
        description="Neither the password nor its hash is told to anybody. Needs an administrator or an auditor.",
        command=_show,
        answers=native_users.UserDocument,
        answered=lambda reply, asked: native_users.encode_user(reply, _name(asked)),
    ),
    Operation(
        method="PUT",
        path=_PATH,
        name="putUser",
        tag="users",
        summary="Make or change a user of the console",
        description="A name has small letters, digits and `._@-`, 64 at most, the first a letter or digit. Every change"
        " ends the sessions of the user at once. 409 where it would leave no administrator who can sign in. Needs an "
        "administrator.",
        command=lambda asked: native_users.decode_user(asked.path["name"], asked.body),
        answers=native_schema.DoneDocument,
        takes=native_users.UserRequest,
        refused=(409,),
        example={"role": "operator", "password": "PASSWORD"},
    ),
    Operation(
        method="DELETE",
        path=_PATH,
        name="deleteUser",
        tag="users",
        summary="Remove a user of the console",
        description="With their sessions. 409 where it is the last administrator. Needs an administrator.",
        command=_delete,
        answers=native_schema.DoneDocument,
        refused=(400, 409, 413),
    ),
)
