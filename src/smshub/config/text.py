"""What the settings classes tell about themselves: the commented example file and the page of every table."""

import json
import textwrap
from collections.abc import Iterator, Mapping
from enum import Enum
from inspect import get_annotations
from typing import Any, Literal, get_args, get_origin

from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from smshub.config.broker import BrokerSettings, BrokerTls
from smshub.config.guard import GuardPolicySettings, GuardSettings
from smshub.config.ldap import Ldap, LdapBind
from smshub.config.otp import OtpPolicySettings, OtpSettings
from smshub.config.problems import bare_type, table_of
from smshub.config.reading import connector_types
from smshub.config.retention import Retention
from smshub.config.tables import (
    AccountSettings,
    BulkClass,
    ClassSettings,
    GroupSettings,
    Limits,
    OtpClass,
    RouteConnector,
    RouteSettings,
    Server,
    Tls,
)
from smshub.connectors.base import connector_class
from smshub.connectors.mail import SmtpServer
from smshub.domain.commands import CATALOGUE
from smshub.frontends.carriers.frontend_settings import SAMPLE_URLS, FrontendTls
from smshub.frontends.carriers.frontend_settings import SETTINGS as FRONTENDS
from smshub.settings import Secret, Settings

_HEAD = """
Configuration of smshub. Every key is here: a sentence, then the key with its default or an example.
Lines that begin with # and a key are switched off. Check an edited file with: smshub config check

Secrets are references: "env:NAME" is an environment variable, "file:PATH" the first line of a file that only its
owner may read (chmod 600). A literal works too and is never shown again. Relative paths count from the folder in
which the hub is started.
"""

Values = Mapping[str, Any]


def example(password: str | None = None) -> str:
    """Write a commented file that a hub can start with; `password` is that of its one account."""
    account = {"username": "shop", "password": password or "env:SHOP_PASSWORD", "originator": "ACME"}
    parts = [
        "\n".join(f"# {line}".rstrip() for line in _HEAD.strip().splitlines()),
        _table("[server]", Server, {"listen": "127.0.0.1:8080", "database": "sqlite:///smshub.db"}),
        _table("[server.limits]", Limits, {}),
        _table("[server.tls]", Tls),
        _table("[classes.otp]", OtpClass, {}),
        _table("[classes.transactional]", ClassSettings, {}),
        _table("[classes.bulk]", BulkClass, {}),
        _table("[otp]", OtpSettings),
        _table("[otp.guard]", GuardSettings),
        _table("[retention]", Retention, {}),
        _table("[defaults]", GroupSettings),
        _table("[groups.hospital]", GroupSettings),
        _table("[accounts.shop]", AccountSettings, account),
        _table("[accounts.shop.otp]", OtpPolicySettings),
        _table("[accounts.shop.otp.guard]", GuardPolicySettings),
        *_connectors(),
        _table("[ldap]", Ldap),
        _table("[ldap.bind]", LdapBind),
        _table("[smtp.office]", SmtpServer),
        _table("[[routes]]", RouteSettings, {"prefixes": [""], "connectors": [FIRST_CONNECTOR]}),
        *(
            _table("[[frontends]]", table, shown={"dialect": "otppi", "carrier": carrier, "url": SAMPLE_URLS[carrier]})
            for carrier, table in FRONTENDS.items()
        ),
        _table("[frontends.tls]", FrontendTls),
        _table("[broker]", BrokerSettings),
        _table("[broker.tls]", BrokerTls),
        _errors(),
    ]
    return "\n\n".join(parts) + "\n"


# The connector of the example: it writes each message to the log, so that a hub runs before there is a provider.
FIRST_CONNECTOR = "log"


def _connectors() -> Iterator[str]:
    for kind in sorted(connector_types(), key=lambda kind: (kind != FIRST_CONNECTOR, kind)):
        found: type[Settings] = connector_class(kind).settings_class
        active = {"type": kind} if kind == FIRST_CONNECTOR else None
        name = kind if active else f"my-{kind.replace('_', '-')}"
        yield _table(f"[connectors.{name}]", found, active, {"type": kind})


def _errors() -> str:
    lines = ["# Your own words for the hub's answers; {braces} are filled in.", "#[errors]"]
    return "\n".join([*lines, *(f"#{name} = {toml(text)}" for name, text in CATALOGUE.items())])


def _table(header: str, table: type[Settings], active: Values | None = None, shown: Values | None = None) -> str:
    """Write a table; `active` are the keys that are switched on, None for none and the header off too."""
    lines = _comment((table.__doc__ or "").strip().splitlines()[0])
    lines.append(header if active is not None else f"#{header}")
    for name, field in in_order(table):
        if table_of(field.annotation) is not None:
            continue  # a table of its own
        key = field.alias or name
        lines += _comment(field.description or "")
        if active is not None and key in active:
            lines.append(f"{key} = {toml(active[key])}")
        else:
            lines.append(f"#{key} = {toml((shown or {}).get(key, _sample(field)))}")
    return "\n".join(lines)


def in_order(table: type[Settings]) -> list[tuple[str, FieldInfo]]:
    """Give the keys of a table: its type, what is its own, and then what it shares with others."""
    own = get_annotations(table)
    return sorted(table.model_fields.items(), key=lambda item: (item[0] != "type", item[0] not in own))


def _comment(sentence: str) -> list[str]:
    return textwrap.wrap(sentence, 110, initial_indent="# ", subsequent_indent="# ", break_on_hyphens=False)


def default_of(field: FieldInfo) -> Any:
    """Give the default of a setting, None where it has none or must be written."""
    default = field.get_default(call_default_factory=True) if not field.is_required() else None
    return None if default is PydanticUndefined else default


def _sample(field: FieldInfo) -> Any:
    """Give what the example shows: the default, where that says something, or else an example."""
    default = default_of(field)
    if default not in (None, "", []):
        return default
    return field.examples[0] if field.examples else default if default is not None else _placeholder(field.annotation)


def _placeholder(annotation: Any) -> Any:
    bare = bare_type(annotation)
    if get_origin(bare) is Literal:
        return get_args(bare)[0]
    if get_origin(bare) in {list, tuple, set, frozenset}:
        return []
    if get_origin(bare) is dict:
        return {}
    if isinstance(bare, type) and issubclass(bare, Enum):
        return next(iter(bare)).value
    return {bool: True, int: 1, float: 1.0, Secret: "env:NAME"}.get(bare, "...")


def toml(value: Any) -> str:
    """Write a value as TOML."""
    if isinstance(value, Secret):
        return toml(value.shown)
    if isinstance(value, Enum):
        return toml(value.value)
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{json.dumps(str(key))} = {toml(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, list | tuple | set | frozenset):
        return "[" + ", ".join(toml(inner) for inner in value) + "]"
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


_INTRODUCTION = """
One TOML file. `smshub config example` writes it with every key, `smshub config check` reads it and tells every problem
with its line, `smshub config plan` shows what an edited file would change.

Unknown keys are errors. Secrets are references (`env:NAME`, `file:PATH`) or hashes, and mask themselves. Relative paths
count from the folder in which the hub is started.
""".strip()


def tables_page() -> str:
    """Write the page of every table and key, in Markdown."""
    parts = [
        "# Configuration",
        _INTRODUCTION,
        *_tables(),
        "## `[errors]`",
        "Your own words for the hub's answers, by the names on the page [Errors](errors.md).",
    ]
    return "\n\n".join(parts) + "\n"


def _tables() -> Iterator[str]:
    tables: tuple[tuple[str, type[Settings]], ...] = (
        ("[server]", Server),
        ("[server.limits]", Limits),
        ("[server.tls]", Tls),
        ("[classes.otp]", OtpClass),
        ("[classes.transactional]", ClassSettings),
        ("[classes.bulk]", BulkClass),
        ("[otp]", OtpSettings),
        ("[otp.guard]", GuardSettings),
        ("[retention]", Retention),
        ("[defaults]", GroupSettings),
        ("[groups.NAME]", GroupSettings),
        ("[accounts.NAME]", AccountSettings),
        ("[accounts.NAME.otp], [groups.NAME.otp], [defaults.otp]", OtpPolicySettings),
        ("[accounts.NAME.otp.guard], [groups.NAME.otp.guard], [defaults.otp.guard]", GuardPolicySettings),
        ("[[routes]]", RouteSettings),
        ("[[routes]] connectors", RouteConnector),
        ("[ldap]", Ldap),
        ("[ldap.bind]", LdapBind),
        ("[smtp.NAME]", SmtpServer),
        *((f'[[frontends]] carrier = "{carrier}"', found) for carrier, found in FRONTENDS.items()),
        ("[frontends.tls]", FrontendTls),
        ("[broker]", BrokerSettings),
        ("[broker.tls]", BrokerTls),
    )
    for header, table in tables:
        yield _page_table(header, table)
    for kind in connector_types():
        yield _page_table(f'[connectors.NAME] type = "{kind}"', connector_class(kind).settings_class)


def _page_table(header: str, table: type[Settings]) -> str:
    doc = " ".join((table.__doc__ or "").split())
    lines = [f"## `{header}`", "", doc, "", "| key | takes | default | |", "|---|---|---|---|"]
    for name, field in in_order(table):
        default = "**required**" if field.is_required() else _cell(default_of(field))
        said = " ".join((field.description or "").split()).replace("|", "\\|")
        lines.append(f"| `{field.alias or name}` | {kind_of(field.annotation)} | {default} | {said} |")
    return "\n".join(lines)


def _cell(default: Any) -> str:
    if default is None or isinstance(default, Settings):
        return ""
    return f"`{toml(default)}`".replace("|", "\\|")


def kind_of(annotation: Any) -> str:
    """Tell in a word or two what a setting takes."""
    bare = bare_type(annotation)
    if get_origin(bare) is Literal:
        return " or ".join(f"`{choice}`" for choice in get_args(bare))
    if get_origin(bare) in {list, tuple, set, frozenset}:
        return f"list of {kind_of(get_args(bare)[0])}"
    if get_origin(bare) is dict or table_of(bare) is not None:
        return "table"
    if isinstance(bare, type) and issubclass(bare, Enum):
        return " or ".join(f"`{choice.value}`" for choice in bare)
    return {bool: "`true` or `false`", int: "whole number", float: "number", Secret: "secret"}.get(bare, "text")
