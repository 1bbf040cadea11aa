"""The table [ldap]: a directory of users beside the accounts of the configuration."""

import re
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator

from smshub.settings import Secret, Settings, setting


def _listed(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


def ldap_url(value: str) -> str:
    """Check the URL of a directory."""
    try:
        parts = urlsplit(value)
        good = parts.scheme in {"ldap", "ldaps"} and bool(parts.hostname) and parts.port != 0
        good = good and not (parts.path.strip("/") or parts.query or parts.fragment or "@" in parts.netloc)
    except ValueError:
        good = False
    if not good:
        raise ValueError("must be a URL such as ldap://ldap.example or ldaps://ldap.example:636, without more")
    return value


def _word(value: str) -> str:
    """Check the name of an attribute or an object class (RFC 4512 §1.4): it stands in filters as it is."""
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9-]{0,127}", value):
        raise ValueError("must be a name such as uid: letters, digits and -")
    return value


Word = Annotated[str, AfterValidator(_word)]


class LdapBind(Settings):
    """Who the hub is when it looks for an entry; without it the search is anonymous."""

    dn: str = setting("Name of the hub's own entry.", min_length=1, examples=["cn=smshub,dc=example,dc=org"])
    password: Secret = setting("Its password.", examples=["file:ldap.secret"])


class Ldap(Settings):
    """A directory (LDAP) whose users may call with their own name and password."""

    url: Annotated[list[Annotated[str, AfterValidator(ldap_url)]], BeforeValidator(_listed)] = setting(
        "URL of the directory, or several of its replicas in the order in which they are tried.",
        min_length=1,
        max_length=8,
        examples=["ldaps://ldap.example"],
    )
    base: str = setting(
        "Entry below which users are looked for.", min_length=1, examples=["ou=people,dc=example,dc=org"]
    )
    object_class: Word = setting("Object class that an entry must have to be let in.", "webadmAccount")
    attribute: Word = setting("Attribute that holds the name with which a user signs in.", "uid")
    bind: LdapBind | None = setting("Who the hub is when it searches; without it the search is anonymous.", None)
    starttls: bool = setting(
        "Whether an ldap:// connection is encrypted before any password crosses it; never write false outside of a"
        " machine.",
        default=True,
    )
    ca: str | None = setting(
        "File with the authority (PEM) that signed the directory's certificate; without it those of the system.",
        None,
        examples=["ldap-ca.crt"],
    )
    timeout: float = setting("Seconds for each step: to connect, to search, to bind.", 5.0, ge=1, le=60)
    groups: dict[str, str] = setting(
        "Groups of the directory (their DN) and the group of this file whose settings their members share; the first"
        " that fits counts.",
        {},
        examples=[{"cn=hospital,ou=groups,dc=example,dc=org": "hospital"}],
    )
    group: str | None = setting(
        "Group of this file for users that are in none of `groups`; without it they have the defaults.", None
    )
    only_groups: bool = setting("Let in only members of `groups`.", default=False)
