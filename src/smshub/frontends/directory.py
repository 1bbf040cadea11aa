"""
A directory (LDAP, RFC 4511) whose users may call with their own name and password.

The entry is looked for by the hub, and the password is then proved by binding as that entry. No password crosses a
connection that is not encrypted and verified, unless the operator has switched StartTLS off. ldap3 blocks, so all of
it happens in a few threads; it is loaded when the first user calls.
"""

import asyncio
import secrets
import ssl
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from math import ceil
from typing import Any, Protocol
from urllib.parse import urlsplit

import structlog

from smshub.domain.accounts import Account
from smshub.domain.commands import Refusal, Refused
from smshub.settings import Secret

log = structlog.get_logger(__name__)

THREADS = 4
MOST_WAITING = 64
# A replica that did not answer is asked last for so many seconds.
REST = 30.0
LONGEST_NAME = 255

# What a server answers to a bind with a wrong name or password (RFC 4511 §4.1.9): inappropriateAuthentication,
# invalidCredentials, insufficientAccessRights, unwillingToPerform (a locked entry), constraintViolation, noSuchObject.
WRONG = frozenset({48, 49, 50, 53, 19, 32})
SUCCESS, SIZE_LIMIT_EXCEEDED, NO_SUCH_OBJECT = 0, 4, 32

AccountOf = Callable[[str, Sequence[str]], Account | None]


class Bind(Protocol):
    """Who the hub is when it searches."""

    @property
    def dn(self) -> str:
        """Its entry."""

    @property
    def password(self) -> Secret:
        """Its password."""


class DirectorySettings(Protocol):
    """The table [ldap]."""

    @property
    def url(self) -> Sequence[str]:
        """The replicas."""

    @property
    def base(self) -> str:
        """Where users are looked for."""

    @property
    def object_class(self) -> str:
        """What an entry must be."""

    @property
    def attribute(self) -> str:
        """What holds the name."""

    @property
    def bind(self) -> Bind | None:
        """Who the hub is."""

    @property
    def starttls(self) -> bool:
        """Whether ldap:// is encrypted first."""

    @property
    def ca(self) -> str | None:
        """The authority of the servers' certificates."""

    @property
    def timeout(self) -> float:
        """Seconds for each step."""

    @property
    def groups(self) -> Mapping[str, str]:
        """Groups of ours by the DN of theirs."""


class _Down(Exception):
    """A server that cannot be asked, or whose answer means nothing to us."""


class Directory:
    """Tells the accounts of a directory's users; `account_of` makes one of a name and the names of its groups."""

    def __init__(self, settings: DirectorySettings, account_of: AccountOf) -> None:
        self._settings = settings
        self._account_of = account_of
        self._threads = ThreadPoolExecutor(max_workers=THREADS, thread_name_prefix="smshub-ldap")
        self._waiting = 0
        self._resting: dict[str, float] = {}

    def close(self) -> None:
        """Take no more; what is being asked is still answered."""
        self._threads.shutdown(wait=False)

    async def account(self, username: str, password: str) -> Account | None:
        """
        Tell the account of a user; None where the name or password is wrong or the user may not call.

        Raises `Refused` (UNAVAILABLE) where no server of the directory can be asked.
        """
        # A bind with an empty password is no proof: it succeeds as nobody (RFC 4513 §5.1.2).
        if not username.strip() or not password.strip() or len(username) > LONGEST_NAME or not username.isprintable():
            return None
        try:
            password.encode()
        except UnicodeEncodeError:
            return None
        if self._waiting >= MOST_WAITING:
            raise _unavailable()
        self._waiting += 1
        try:
            found = await asyncio.get_running_loop().run_in_executor(self._threads, self._ask, username, password)
        finally:
            self._waiting -= 1
        return None if found is None else self._account_of(*found)

    def _ask(self, username: str, password: str) -> tuple[str, list[str]] | None:
        """Ask one replica after the other, those that rest last."""
        from ldap3.core import exceptions  # type: ignore[import-untyped]  # noqa: PLC0415 - an extra, and slow to load

        # What no server would ever be asked: letters that a password cannot have (RFC 4013), a filter that is none.
        senseless = (exceptions.LDAPSASLPrepError, exceptions.LDAPInvalidFilterError)
        now = time.monotonic()
        for url in sorted(self._settings.url, key=lambda url: self._resting.get(url, 0.0) > now):
            try:
                return _Server(self._settings, url).verify(username, password)
            except senseless:
                return None
            except (exceptions.LDAPException, OSError, _Down) as error:
                # The sentence may quote what was sent; its kind and the server's own words are enough.
                log.warning("ldap.down", url=url, kind=type(error).__name__, why=_why(error))
                self._resting[url] = time.monotonic() + REST
        raise _unavailable()


class _Server:
    """One server of the directory, for one question."""

    def __init__(self, settings: DirectorySettings, url: str) -> None:
        import ldap3  # type: ignore[import-untyped]  # noqa: PLC0415

        self._ldap3 = ldap3
        self._settings = settings
        parts = urlsplit(url)
        host = parts.hostname or ""
        self._tls = parts.scheme == "ldaps"
        self._seconds = ceil(settings.timeout)
        self._server = ldap3.Server(
            host,
            port=parts.port or (636 if self._tls else 389),
            use_ssl=self._tls,
            tls=_verified(ldap3, host, settings.ca),
            get_info=ldap3.NONE,
            connect_timeout=settings.timeout,
        )

    def verify(self, username: str, password: str) -> tuple[str, list[str]] | None:
        """Prove a name and password; gives the name as the directory writes it, and the names of its groups here."""
        from ldap3.protocol.sasl.sasl import sasl_prep  # type: ignore[import-untyped]  # noqa: PLC0415

        # Prepared here (RFC 4013) to look at what is left: some letters are mapped to nothing or to spaces.
        prepared = sasl_prep(password).encode()
        if not prepared.strip():
            return None
        bind = self._settings.bind
        who = (None, None) if bind is None else (bind.dn, bind.password.reveal())
        with self._connect(*who) as (connection, code):
            if code != SUCCESS:
                raise _Down("the hub's own entry may not search")
            entry = self._find(connection, username)
            # A name that there is not takes the same steps, so that the time taken does not tell which there are.
            dn, said = (f"{self._settings.attribute}=nobody,{self._settings.base}", secrets.token_hex(16).encode())
            if entry is not None:
                dn, said = entry[0], prepared
            with self._connect(dn, said) as (_, proved):
                pass
            if entry is None or proved in WRONG:
                return None
            if proved != SUCCESS:
                raise _Down(f"the server answers a bind with {proved}")
            return entry[1], self._groups(connection, *entry)

    @contextmanager
    def _connect(self, dn: str | None, password: str | bytes | None) -> Iterator[tuple[Any, int]]:
        """Connect, encrypt, bind; gives the connection and the result code of the bind."""
        ldap3 = self._ldap3
        connection = ldap3.Connection(
            self._server,
            user=dn,
            password=password,
            authentication=ldap3.ANONYMOUS if dn is None else ldap3.SIMPLE,
            auto_bind=ldap3.AUTO_BIND_NONE,
            auto_referrals=False,
            check_names=False,
            read_only=True,
            receive_timeout=self._seconds,
        )
        try:
            connection.open(read_server_info=False)
            if self._settings.starttls and not self._tls and not connection.start_tls(read_server_info=False):
                raise _Down("StartTLS was refused")
            connection.bind(read_server_info=False)
            yield connection, int(connection.result["result"])
        finally:
            opened = connection.socket
            with suppress(Exception):  # what is broken may well complain
                connection.unbind()
            if opened is not None:  # ldap3 leaves those open that did not come to be connected
                opened.close()

    def _find(self, connection: Any, username: str) -> tuple[str, str] | None:
        """Find the one entry of a name; gives its DN and the name as it is written there."""
        from ldap3.utils.conv import escape_filter_chars  # type: ignore[import-untyped]  # noqa: PLC0415

        settings = self._settings
        wanted = f"(&(objectClass={settings.object_class})({settings.attribute}={escape_filter_chars(username)}))"
        found = self._search(connection, settings.base, wanted, self._ldap3.SUBTREE, [settings.attribute])
        if len(found) > 1:
            log.warning("ldap.ambiguous", attribute=settings.attribute)
        if len(found) != 1:
            return None
        values = [
            value.decode("utf-8", "replace").strip()
            for name, raw in found[0]["raw_attributes"].items()
            if name.lower() == settings.attribute.lower()
            for value in raw
        ]
        fitting = [value for value in values if value.casefold() == username.strip().casefold()]
        name = (fitting or values or [""])[0]
        return (found[0]["dn"], name) if name and name.isprintable() and len(name) <= LONGEST_NAME else None

    def _groups(self, connection: Any, dn: str, name: str) -> list[str]:
        """Tell the groups of ours whose own are the user's, in the order of the file."""
        from ldap3.utils.conv import escape_filter_chars  # noqa: PLC0415

        member, uid = escape_filter_chars(dn), escape_filter_chars(name)
        wanted = f"(|(member={member})(uniqueMember={member})(memberUid={uid}))"
        return [
            ours
            for theirs, ours in self._settings.groups.items()
            if self._search(connection, theirs, wanted, self._ldap3.BASE, ["1.1"], missing=True)
        ]

    def _search(
        self, connection: Any, base: str, wanted: str, scope: Any, attributes: list[str], *, missing: bool = False
    ) -> list[Any]:
        """Search for at most two entries. `missing`: the base may well not be there."""
        connection.search(
            base,
            wanted,
            search_scope=scope,
            dereference_aliases=self._ldap3.DEREF_NEVER,
            attributes=attributes,
            size_limit=2,
            time_limit=self._seconds,
        )
        code = int(connection.result["result"])
        if code == NO_SUCH_OBJECT and missing:
            return []
        if code not in {SUCCESS, SIZE_LIMIT_EXCEEDED}:
            raise _Down(f"the server answers a search with {code}")
        return [found for found in connection.response or () if found["type"] == "searchResEntry"]


def _verified(ldap3: Any, host: str, ca: str | None) -> Any:
    """Make ldap3 verify the server's certificate and its name as Python does; its own default accepts any."""
    context = ssl.create_default_context(cafile=ca)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    tls = ldap3.Tls(validate=ssl.CERT_REQUIRED)

    def wrap_socket(connection: Any, do_handshake: bool = False) -> None:
        connection.socket = context.wrap_socket(connection.socket, server_hostname=host)

    tls.wrap_socket = wrap_socket
    return tls


def _why(error: Exception) -> str:
    if isinstance(error, _Down):
        return str(error)
    inner = error.__cause__ or error.__context__ or error
    return getattr(inner, "verify_message", None) or getattr(inner, "strerror", None) or type(inner).__name__


def _unavailable() -> Refused:
    return Refused(Refusal.UNAVAILABLE, "DirectoryDown", retry_after=5.0)
