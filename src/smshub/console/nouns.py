"""Connectors, routes and accounts as the console knows them: where their pages are, and what their forms are like."""

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping
from functools import cache
from typing import Any, Final

import msgspec

from smshub.config.changes import read_object
from smshub.config.problems import ConfigErrors
from smshub.config.reading import connector_types
from smshub.connectors.base import ConnectorSettings, connector_class
from smshub.console.fields import Field, Plan, fields_of
from smshub.console.posted import GENERAL, posted, problems_by_key
from smshub.console.roles import Action
from smshub.console.visiting import Form, Visit
from smshub.domain.commands import ListObjects, Objects, Refusal, Refused
from smshub.frontends.dialects.native_query import NAME
from smshub.settings import Settings

BAD_NAME: Final = "A name is up to 64 letters, digits and _ . -, the first a letter or a digit."
_MISSING: Final = re.compile(r"^Is missing\b")


class Noun(msgspec.Struct, frozen=True):
    """
    A kind of configured object. `table` gives the settings class of a type (of a connector; otherwise it is empty).

    `plan` says how its form is made, with what there is to choose from at the moment; `sure` what follows from removing
    one, and `remove` and `removed` what that is called; `prepare` completes the body of a new one, and gives a secret
    that is shown once, if it has made one. `called` is what people call it, where there is only one.
    """

    kind: str
    one: str
    new: str
    path: str
    change: Action
    table: Callable[[str], type[Settings] | None]
    plan: Callable[[Visit], Awaitable[Plan]]
    sure: str
    article: str = "a"
    called: str = ""
    remove: str = "Remove"
    removed: str = "removed"
    prepare: Callable[[Mapping[str, Any]], tuple[Mapping[str, Any], str]] = lambda body: (body, "")


class Object(msgspec.Struct, frozen=True):
    """One configured object; `settings` are what was set, secrets masked."""

    name: str
    origin: str
    settings: Mapping[str, Any]


class Filled(msgspec.Struct, frozen=True):
    """A form that somebody has filled in, with what is wrong with it, by key."""

    name: str
    type_name: str
    table: type[Settings]
    plan: Plan
    body: Mapping[str, Any]
    problems: Mapping[str, str]

    @property
    def shown(self) -> tuple[Field, ...]:
        """Give its fields."""
        return fields_of(self.table, self.body, self.plan)


async def objects(visit: Visit, kind: str) -> tuple[Object, ...]:
    """Give every object of a kind, by name."""
    listed = await visit.ask(ListObjects(kind), Objects)
    found = (Object(str(one["name"]), str(one["origin"]), one["settings"]) for one in listed.objects)
    return tuple(sorted(found, key=lambda one: one.name))


async def object_of(visit: Visit, noun: Noun, name: str) -> Object:
    """Give one object. Raises `Refused`."""
    for one in await objects(visit, noun.kind):
        if one.name == name:
            return one
    raise Refused(Refusal.NOT_FOUND, "NotFound", what=noun.one)


def type_of(settings: Mapping[str, Any]) -> str:
    """Tell the type of a connector; others have none."""
    return str(settings.get("type", ""))


def filled(noun: Noun, form: Form, before: Mapping[str, Any], plan: Plan) -> Filled:
    """Read a form of settings and tell what is wrong with them. Raises `Refused` where the type is none of ours."""
    kind, name = form.text("type"), form.text("name")
    table = noun.table(kind)
    if table is None:
        raise Refused(
            Refusal.MALFORMED, "BadObject", name=noun.one, why=f"there is no type '{kind[:40]}' to choose here"
        )
    read = posted(table, form, before, plan)
    body = {"type": kind, **read.body} if kind else dict(read.body)
    return Filled(name, kind, table, plan, body, {**_told(noun, name, body, table), **read.problems})


def _told(noun: Noun, name: str, body: Mapping[str, Any], table: type[Settings]) -> dict[str, str]:
    try:
        read_object(noun.kind, name or "new", body)
    except ConfigErrors as errors:
        return problems_by_key(errors.problems, table)
    return {}


def name_problem(name: str) -> str:
    """Tell what is wrong with the name of a new object."""
    return "" if NAME.fullmatch(name) else BAD_NAME


def without_missing(problems: Mapping[str, str]) -> dict[str, str]:
    """Leave out what is only not filled in yet: nobody wants to be told while they are about to."""
    return {key: words for key, words in problems.items() if key == GENERAL or not _MISSING.match(words)}


# --- connectors by their types --------------------------------------------------------------------------------------


class ConnectorType(msgspec.Struct, frozen=True):
    """A type of connector: what it says of itself; `runs_code`: the file alone may declare it."""

    name: str
    sentence: str
    runs_code: bool


@cache
def _types() -> tuple[ConnectorType, ...]:
    found: list[ConnectorType] = []
    for name in connector_types():
        table: type[ConnectorSettings] = connector_class(name).settings_class
        sentence = (table.__doc__ or "").strip().splitlines()[0]
        found.append(ConnectorType(name, sentence, table.runs_code))
    return tuple(found)


async def connector_kinds() -> tuple[ConnectorType, ...]:
    """Give every type of connector. Loading them all takes a moment, away from the event loop."""
    return await asyncio.to_thread(_types)


def connector_table(kind: str) -> type[Settings] | None:
    """Give the settings class of a type that may be made in the console."""
    if kind not in {one.name for one in _types() if not one.runs_code}:
        return None
    found: type[Settings] = connector_class(kind).settings_class
    return found
