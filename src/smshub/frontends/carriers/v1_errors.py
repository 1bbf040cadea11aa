"""The operations of /v1 on error texts: an operator's own words for the hub's answers, by the names of the errors."""

from typing import Final

from smshub.domain.commands import Command, DeleteObject, ListObjects, PutObject, Refusal, Refused
from smshub.frontends.carriers.v1_operations import Asked, Operation, no_body
from smshub.frontends.dialects import native_schema, native_views
from smshub.frontends.dialects.native_json import read_object
from smshub.frontends.dialects.native_query import NAME

KIND: Final = "errors"
_PATH: Final = "/v1/errors/{name}"


def _name(asked: Asked) -> str:
    name = asked.path["name"]
    if not NAME.fullmatch(name):
        raise Refused(Refusal.NOT_FOUND, "NotFound", what="error")
    return name


def _reset(asked: Asked) -> Command:
    no_body(asked)
    return DeleteObject(KIND, _name(asked))


ERRORS: Final = (
    Operation(
        method="GET",
        path="/v1/errors",
        name="listErrors",
        tag="errors",
        summary="List the error texts",
        description="Every error by its name: the text of now, the default, and whether the text is of the default, "
        "the file or the database. Needs a role that sees everything.",
        command=lambda asked: ListObjects(KIND),
        answers=native_schema.ObjectList,
    ),
    Operation(
        method="GET",
        path=_PATH,
        name="showError",
        tag="errors",
        summary="Show one error text",
        description="The text of now and the default.",
        command=lambda asked: ListObjects(KIND),
        answers=native_schema.ObjectDocument,
        answered=lambda reply, asked: native_views.encode_object(reply, _name(asked)),
    ),
    Operation(
        method="PUT",
        path=_PATH,
        name="putError",
        tag="errors",
        summary="Change an error text",
        description="The placeholders in braces are those of the default, each as often as you like. What the "
        "configuration file declares cannot be changed here. Every interface answers with it at once. Needs an "
        "operator.",
        command=lambda asked: PutObject(KIND, _name(asked), read_object(asked.body)),
        answers=native_schema.DoneDocument,
        takes=dict,
        refused=(409,),
        example={"text": "Kein Weg führt zu '{value}'."},
    ),
    Operation(
        method="DELETE",
        path=_PATH,
        name="resetError",
        tag="errors",
        summary="Take the default text again",
        description="404 where the text is the default already. Needs an operator.",
        command=_reset,
        answers=native_schema.DoneDocument,
        refused=(400, 409, 413),
    ),
)
