"""What is declared in the file, what is made through /v1, and what changes when one is edited."""

import hashlib
import hmac
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from enum import Enum
from typing import Any, Final, Literal

import msgspec
from pydantic import ValidationError

from smshub.config.checks import check, secrets_of
from smshub.config.lines import Loc
from smshub.config.otp import OtpSettings
from smshub.config.problems import ConfigError, ConfigErrors, explained
from smshub.config.reading import read_connector
from smshub.config.tables import AccountSettings, Config, ErrorText, RouteSettings
from smshub.connectors.base import ConnectorSettings
from smshub.connectors.mailsettings import with_servers
from smshub.settings import MASK, Secret, Settings, shown_url

Body = dict[str, Any]
Origin = Literal["file", "database"]

# Kinds that may be made while the hub runs.
KINDS: Final = ("connectors", "accounts", "routes", "errors", "policies")
_TABLES: Mapping[str, type[Settings]] = {
    "accounts": AccountSettings,
    "routes": RouteSettings,
    "errors": ErrorText,
    "policies": OtpSettings,
}

# Where a connector that is made while the hub runs may write: whoever may write anywhere may run anything.
_PLAIN: Final = re.compile(r"-|[A-Za-z0-9_-][A-Za-z0-9_.-]{0,59}\.log", re.ASCII)

# The one policy that may be made so: that of all accounts, the table [otp] of a file.
POLICY: Final = ("policies", "otp")


def body_of(settings: Settings) -> Body:
    """
    Give what a database must keep to make the same settings again; literal secrets are in it: never show it.

    What was left to its default is left out, so that defaults may become better ones later.
    """
    return {key: _stored(value) for key, value in _fields(settings, written=True)}


def shown(settings: Settings) -> Body:
    """Give what may be shown of settings: what was set, secrets masked."""
    return _masked_body(settings.model_dump(mode="json", by_alias=True, exclude_unset=True))


def references(settings: Settings | None) -> set[str]:
    """Tell the places (`env:NAME`, `file:PATH`) that the secrets of settings are read from."""
    return {secret.stored for _, secret in secrets_of(settings) if secret.is_reference}


def _fields(settings: Settings, *, written: bool) -> Iterator[tuple[str, Any]]:
    for name, field in type(settings).model_fields.items():
        if not written or name in settings.model_fields_set:
            yield field.alias or name, getattr(settings, name)


def _stored(value: Any, *, written: bool = True) -> Any:
    if isinstance(value, Secret):
        return value.stored
    if isinstance(value, Settings):
        return {key: _stored(inner, written=written) for key, inner in _fields(value, written=written)}
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Mapping):
        return {str(key): _stored(inner, written=written) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_stored(inner, written=written) for inner in value]
    if isinstance(value, set | frozenset):
        return sorted(_stored(inner, written=written) for inner in value)
    return value if value is None or isinstance(value, int | float) else str.__str__(str(value))


def _masked_body(body: Body) -> Body:
    return {key: _masked(value) for key, value in body.items()}


def _masked(value: Any) -> Any:
    """Mask the password of every URL; the settings have masked what they know to be secret."""
    if isinstance(value, str):
        return shown_url(value)
    if isinstance(value, dict):
        return _masked_body(value)
    return [_masked(inner) for inner in value] if isinstance(value, list) else value


def keep_secrets(body: Mapping[str, Any], stored: Mapping[str, Any]) -> Body:
    """Put the stored secret back wherever a changed body still has its mask: it was shown masked and sent back."""
    return {key: _kept(value, stored.get(key)) for key, value in body.items()}


def _kept(value: Any, before: Any) -> Any:
    if isinstance(value, str) and isinstance(before, str) and MASK in value:
        around = ".*".join(re.escape(part) for part in value.split(MASK))
        return before if re.fullmatch(around, before, re.DOTALL) else value
    if isinstance(value, Mapping) and isinstance(before, Mapping):
        return keep_secrets(value, before)
    if isinstance(value, list) and isinstance(before, list):
        return [_kept(inner, before[n] if n < len(before) else None) for n, inner in enumerate(value)]
    return value


class Merged(msgspec.Struct, frozen=True):
    """
    What runs: the file's objects and those of the database.

    `origins` tells where each is from by (kind, name); `problems` are those of stored objects, which are left out.
    """

    config: Config
    origins: Mapping[tuple[str, str], Origin]
    problems: tuple[ConfigError, ...] = ()


def read_object(kind: str, name: str, body: Mapping[str, Any]) -> Settings:
    """
    Read the settings of an object that is made through /v1.

    Raises `ConfigErrors` where they cannot work.
    """
    found = _read_object(kind, name, body)
    if isinstance(found, list):
        raise ConfigErrors(found)
    return found


def _read_object(kind: str, name: str, body: Mapping[str, Any]) -> Settings | list[ConfigError]:
    loc: Loc = (kind, name)
    if kind == "connectors":
        found = read_connector(body, loc)
        if isinstance(found, ConnectorSettings) and found.runs_code:
            mend = "Whoever may set it may run anything as the hub."
            return [ConfigError.of((*loc, "type"), f"'{found.type}' stands in the configuration file only", mend)]
        if isinstance(found, ConnectorSettings):
            for key in found.writes:
                if not _PLAIN.fullmatch(getattr(found, key)):
                    mend = "Write a name such as texts.log, without a folder; another stands in the configuration file."
                    return [ConfigError.of((*loc, key), "is no plain name that ends in .log", mend)]
        return found
    if kind == POLICY[0] and (told := _misplaced(name, body)) is not None:
        return [told]
    table = _TABLES[kind]
    written = {**body, "name": name} if kind == "routes" else dict(body)
    try:
        return table.model_validate(written)
    except ValidationError as error:
        return list(explained(error, table, written, loc))


def _misplaced(name: str, body: Mapping[str, Any]) -> ConfigError | None:
    if name != POLICY[1]:
        mend = f"'{POLICY[1]}' is that of all; a group or an account has its own in its settings."
        return ConfigError.of((POLICY[0], name), "is no policy", mend)
    if "keys" in body:
        return ConfigError.of((*POLICY, "keys"), "stand in the configuration file only", "Write them there, in [otp].")
    return None


def merge(file: Config, stored: Iterable[tuple[str, str, Mapping[str, Any]]]) -> Merged:
    """
    Put the objects of the database (kind, name, body) beside those of the file, which win.

    An object that cannot work (its connector is gone, its name is taken) is left out and told in `problems`.
    """
    taken = set(origins_of(file))
    objects: dict[tuple[str, str], Settings] = {}
    problems: list[ConfigError] = []
    for kind, name, body in stored:
        if kind not in KINDS:
            continue
        if (kind, name) in taken:
            problems.append(ConfigError.of((kind, name), "is in the database and in the file", "The file's counts."))
            continue
        found = _read_object(kind, name, body)
        if isinstance(found, list):
            problems += found
        else:
            objects[kind, name] = found
    while True:
        config = _joined(file, objects)
        told = [(_subject(problem, config), problem) for problem in check(config)]
        wrong = {
            subject: ConfigError.of((*subject, *_rest(problem.loc)), problem.what, problem.mend)
            for subject, problem in told
            if subject in objects
        }
        if told and not wrong and POLICY in objects:
            # The file alone is sound: it is the policy below them that its own groups or accounts do not go with.
            wrong = {POLICY: told[0][1]}
        if not wrong:
            break
        problems += wrong.values()
        objects = {key: value for key, value in objects.items() if key not in wrong}
    origins: dict[tuple[str, str], Origin] = {**origins_of(file), **dict.fromkeys(objects, "database")}
    return Merged(config, origins, tuple(problems))


def origins_of(file: Config) -> dict[tuple[str, str], Origin]:
    """Tell what a file declares, by kind and name."""
    names: dict[str, Iterable[str]] = {
        "connectors": file.connectors,
        "accounts": file.accounts,
        "routes": file.named_routes,
        "errors": file.errors,
        # The keys stand in the file whoever makes the policy.
        "policies": [POLICY[1]] if file.otp.model_fields_set - {"keys"} else [],
    }
    return {(kind, name): "file" for kind, found in names.items() for name in found}


def _joined(file: Config, objects: Mapping[tuple[str, str], Settings]) -> Config:
    connectors = {name: table for (kind, name), table in objects.items() if isinstance(table, ConnectorSettings)}
    accounts = {name: table for (kind, name), table in objects.items() if isinstance(table, AccountSettings)}
    routes = [table for table in objects.values() if isinstance(table, RouteSettings)]
    errors = {name: table.text for (_, name), table in objects.items() if isinstance(table, ErrorText)}
    otp = next((table for table in objects.values() if isinstance(table, OtpSettings)), None)
    return file.model_copy(
        update={
            "connectors": {
                name: with_servers(table, file.smtp) for name, table in {**file.connectors, **connectors}.items()
            },
            "accounts": {**file.accounts, **accounts},
            "routes": [*file.routes, *routes],
            "errors": {**file.errors, **errors},
            "otp": file.otp if otp is None else otp.model_copy(update={"keys": file.otp.keys}),
        }
    )


def _rest(loc: Loc) -> Loc:
    """Give what of a place lies within the object that it is in; of [otp] there is only one."""
    return loc[1:] if loc[0] == "otp" else loc[2:]


def _subject(problem: ConfigError, config: Config) -> tuple[str, str]:
    kind, name = str(problem.loc[0]), problem.loc[1] if len(problem.loc) > 1 else ""
    if kind == "otp":
        return POLICY
    if kind == "routes" and isinstance(name, int):
        name = list(config.named_routes)[name]
    return kind, str(name)


class Declared(msgspec.Struct, frozen=True):
    """
    One object of a file as a running hub remembers it: its settings, secrets masked.

    `digests` tell by a keyed digest whether a literal secret has changed, and nothing else about it.
    """

    kind: str
    name: str
    body: Body
    digests: dict[str, str] = {}


class Change(msgspec.Struct, frozen=True):
    """What an edited file would do to one object: `action`, and for a change each key with its old and new value."""

    action: Literal["add", "remove", "change"]
    kind: str
    name: str
    keys: tuple[tuple[str, str], ...] = ()

    def __str__(self) -> str:
        sign = {"add": "+", "remove": "-", "change": "~"}[self.action]
        line = f"{sign} {self.kind}.{self.name}" if self.name else f"{sign} {self.kind}"
        return line + (": " + ", ".join(f"{key}: {said}" for key, said in self.keys) if self.keys else "")


def declared(config: Config, key: bytes) -> list[Declared]:
    """List what a file declares, for a hub to remember; `key` is the server's own."""
    found: list[Declared] = []
    for kind in ("server", "defaults", "otp", "retention", "ldap", "broker"):
        table: Settings | None = getattr(config, kind)
        if table is not None:
            found.append(_declare(kind, "", table, key))
    found += [
        _declare("classes", name, getattr(config.classes, name), key) for name in type(config.classes).model_fields
    ]
    for kind in ("groups", "accounts", "connectors", "named_routes", "named_frontends", "smtp"):
        tables: Mapping[str, Settings] = getattr(config, kind)
        found += [_declare(kind.removeprefix("named_"), name, table, key) for name, table in tables.items()]
    return [*found, Declared("errors", "", dict(config.errors))]


def _declare(kind: str, name: str, settings: Settings, key: bytes) -> Declared:
    """Take whole tables, defaults too: writing a default down changes nothing."""
    stored = {member: _stored(value, written=False) for member, value in _fields(settings, written=False)}
    body = _masked_body(settings.model_dump(mode="json", by_alias=True))
    digests: dict[str, str] = {}
    for member, value in stored.items():
        if MASK in json.dumps(body[member]):
            text = json.dumps([kind, name, member, value], sort_keys=True)
            digests[member] = hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
    return Declared(kind, name, body, digests)


def plan(running: Iterable[Declared], new: Iterable[Declared]) -> list[Change]:
    """Tell what applying `new` would change in a hub that runs `running`."""
    before = {(one.kind, one.name): one for one in running}
    after = {(one.kind, one.name): one for one in new}
    changes = [Change("remove", *key) for key in before if key not in after]
    for key, one in after.items():
        if key not in before:
            changes.append(Change("add", *key))
        elif keys := tuple(_differences(before[key], one)):
            changes.append(Change("change", *key, keys))
    return changes


def _differences(before: Declared, after: Declared) -> Iterator[tuple[str, str]]:
    for key in dict.fromkeys([*before.body, *after.body]):
        old, new = before.body.get(key), after.body.get(key)
        if old != new:
            yield key, f"{_text(old)} -> {_text(new)}"
        elif before.digests.get(key) != after.digests.get(key):
            yield key, "changed"


def _text(value: Any) -> str:
    return "none" if value is None else json.dumps(value, ensure_ascii=False)
