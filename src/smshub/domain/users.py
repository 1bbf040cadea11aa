"""The people who use the console."""

import re
from typing import Protocol

import msgspec

from smshub.domain.accounts import Account, Role

# What the name of a user is like.
USER_NAME = re.compile(r"[a-z0-9][a-z0-9._@-]{0,63}")

SHORTEST_PASSWORD = 12
LONGEST_PASSWORD = 256

# Seconds after which a session that is not used, or that is used however much, is over.
IDLE = 30 * 60.0
LONGEST_SESSION = 12 * 3_600.0


class User(msgspec.Struct, frozen=True):
    """
    A person. `account` is whose messages they see, where the role is `account`.

    `totp`: a code of an authenticator is asked for besides the password.
    """

    name: str
    role: Role
    account: str | None = None
    totp: bool = False
    disabled: bool = False
    created_at: float = 0.0


class ListUsers(msgspec.Struct, frozen=True):
    """List the users of the console."""


class PutUser(msgspec.Struct, frozen=True):
    """Make a user, or change one: None leaves a member as it is. A change ends the sessions of that user."""

    name: str
    role: Role | None = None
    password: str | None = None
    account: str | None = None
    disabled: bool | None = None
    reset_totp: bool = False

    def __repr__(self) -> str:
        return f"PutUser({self.name!r})"


class DeleteUser(msgspec.Struct, frozen=True):
    """Remove a user, with their sessions."""

    name: str


class Users(msgspec.Struct, frozen=True):
    """The users of the console."""

    users: tuple[User, ...]


class Session(msgspec.Struct, frozen=True):
    """
    Somebody who is signed in.

    `account` is as whom the hub carries out what they ask, `csrf` the token that every form must carry.
    """

    user: User
    account: Account
    csrf: str


class People(Protocol):
    """Signs people in and out. `source` is the address that they come from."""

    async def needs_setup(self) -> bool:
        """Whether there is no user yet."""

    async def set_up(self, secret: str, name: str, password: str, source: str) -> str:
        """
        Make the first administrator, for whom knows the one-time secret; gives the token of a session.

        Raises `Refused`.
        """

    async def sign_in(self, name: str, password: str, code: str, source: str) -> str:
        """
        Give the token of a new session.

        Raises `Refused`: UNAUTHENTICATED (`SignInFailed`; `CodeNeeded` where the password is right and the code of the
        authenticator is missing), LIMITED where too many tries wait.
        """

    async def session(self, token: str, *, used: bool = True) -> Session | None:
        """
        Tell who has this token; None where its session is over.

        `used`: somebody asks. What a page asks of its own accord does not keep a session alive.
        """

    async def sign_out(self, token: str) -> None:
        """End a session."""

    async def change_password(self, session: Session, old: str, new: str, source: str) -> str:
        """Change one's own password; ends every session and gives the token of a new one. Raises `Refused`."""

    async def begin_totp(self, session: Session) -> tuple[str, str]:
        """Draw a secret for an authenticator, in base32 and as an otpauth address; it counts when it is confirmed."""

    async def confirm_totp(self, session: Session, secret: str, code: str, password: str, source: str) -> None:
        """
        Ask for codes of this secret from now on.

        Raises `Refused` where the code is not one of it, or the password is not theirs.
        """


UserCommand = ListUsers | PutUser | DeleteUser
