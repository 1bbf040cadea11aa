"""The pages that connectors, routes and accounts share: their form, its check, and the word before one is removed."""

from collections.abc import Mapping
from functools import partial
from typing import Any
from urllib.parse import quote

from starlette.responses import Response

from smshub.console.fields import fields_of
from smshub.console.nouns import (
    Filled,
    Noun,
    Object,
    filled,
    name_problem,
    object_of,
    objects,
    type_of,
    without_missing,
)
from smshub.console.visiting import STATUS, Page, Visit
from smshub.domain.commands import DeleteObject, Done, PutObject, Refusal, Refused
from smshub.settings import Settings


def object_pages(noun: Noun, *, one_only: bool = False) -> tuple[Page, ...]:
    """Make the pages by which objects of a kind are made, changed and removed; `one_only`: none is made."""

    def page(method: str, path: str, serve: Any) -> Page:
        return Page(method, noun.path + path, noun.change, partial(serve, noun))

    made = () if one_only else (page("GET", "/new", new), page("POST", "/new", make))
    return (
        *made,
        page("POST", "/check", check),
        page("GET", "/change", change),
        page("POST", "/change", save),
        page("GET", "/remove", ask_first),
        page("POST", "/remove", remove),
    )


async def new(noun: Noun, visit: Visit) -> Response:
    """Show the form of a new one; of a connector, where its type is chosen."""
    kind = visit.form.text("type")
    table = noun.table(kind)
    if table is None:
        return visit.go(noun.path)
    plan = await noun.plan(visit)
    return _form(noun, visit, Filled("", kind, table, plan, {}, {}), new=True)


async def make(noun: Noun, visit: Visit) -> Response:
    """Make one, unless there is one of that name."""
    read = filled(noun, visit.form, {}, await noun.plan(visit))
    wrong = name_problem(read.name)
    if not wrong and read.name in {one.name for one in await objects(visit, noun.kind)}:
        wrong = f"There is {noun.article} {noun.one} of that name."
    if wrong or read.problems:
        return _form(noun, visit, read, 422, new=True, name_problem=wrong)
    body, secret = noun.prepare(read.body)
    try:
        await visit.ask(PutObject(noun.kind, read.name, body), Done)
    except Refused as refused:
        return _form(noun, visit, read, STATUS[refused.refusal], new=True, problem=visit.words(refused))
    if secret:
        return visit.page("account_secret.html", name=read.name, secret=secret, what="API key", made=True)
    return visit.go(one_path(noun, read.name), f"{read.name} is made.")


async def check(noun: Noun, visit: Visit) -> Response:
    """Tell what is wrong with a form that is being filled in; nothing is kept."""
    read = filled(noun, visit.form, {}, await noun.plan(visit))
    wrong = name_problem(read.name) if read.name else ""
    problems = without_missing(read.problems)
    return visit.page("object_check.html", shown=read.shown, problems=problems, name_problem=wrong)


async def change(noun: Noun, visit: Visit) -> Response:
    """Show the form of one that is there."""
    one = await _own(noun, visit)
    table = _table(noun, one)
    plan = await noun.plan(visit)
    return _form(noun, visit, Filled(one.name, type_of(one.settings), table, plan, one.settings, {}))


async def save(noun: Noun, visit: Visit) -> Response:
    """Change one: what is masked in the form stays as it is."""
    one = await _own(noun, visit)
    read = filled(noun, visit.form, one.settings, await noun.plan(visit))
    if read.problems:
        return _form(noun, visit, read, 422)
    try:
        await visit.ask(PutObject(noun.kind, one.name, read.body), Done)
    except Refused as refused:
        return _form(noun, visit, read, STATUS[refused.refusal], problem=visit.words(refused))
    return visit.go(one_path(noun, one.name), f"{_said(noun, one.name)} is changed.")


async def ask_first(noun: Noun, visit: Visit) -> Response:
    """Ask whether one shall really be removed."""
    one = await _own(noun, visit)
    return visit.page("object_sure.html", noun=noun, name=one.name, words=noun.sure)


async def remove(noun: Noun, visit: Visit) -> Response:
    """Remove one."""
    name = visit.form.text("name")
    await visit.ask(DeleteObject(noun.kind, name), Done)
    return visit.go(noun.path, f"{_said(noun, name)} is {noun.removed}.")


async def put(noun: Noun, visit: Visit, one: Object, changed: Mapping[str, Any]) -> None:
    """Change some settings of one, leaving the others as they are. Raises `Refused`."""
    await visit.ask(PutObject(noun.kind, one.name, {**one.settings, **changed}), Done)


def one_path(noun: Noun, name: str) -> str:
    """Give the path of the page of one."""
    return f"{noun.path}/one?name={quote(name)}"


def _said(noun: Noun, name: str) -> str:
    """Give what an object is called at the beginning of a sentence."""
    return f"{noun.called[:1].upper()}{noun.called[1:]}" or name


async def _own(noun: Noun, visit: Visit) -> Object:
    """Give an object that may be changed here. Raises `Refused`."""
    one = await object_of(visit, noun, visit.form.text("name"))
    if one.origin == "file":
        name = f"{noun.kind}.{one.name}"
        raise Refused(Refusal.CONFLICT, "Declared", name=name, place="the configuration file")
    return one


def _table(noun: Noun, one: Object) -> type[Settings]:
    kind = type_of(one.settings)
    table = noun.table(kind)
    if table is None:
        raise Refused(Refusal.CONFLICT, "BadObject", name=one.name, why=f"a {kind} is not changed here")
    return table


def _form(noun: Noun, visit: Visit, read: Filled, status: int = 200, *, new: bool = False, **values: str) -> Response:
    sentence = (read.table.__doc__ or "").strip().splitlines()[0]
    about = f"{read.type_name}: {sentence}" if read.type_name else sentence
    given = {"problem": "", "name_problem": "", **values}
    return visit.page(
        "object_form.html",
        status,
        noun=noun,
        new=new,
        about=about,
        name=read.name,
        type=read.type_name,
        shown=fields_of(read.table, read.body, read.plan),
        problems=read.problems,
        **given,
    )
