"""The operations of /v1 on the configuration: its file, and the policies of one-time passwords."""

from typing import Final

from smshub.domain.commands import Command, ListObjects, Refusal, Refused
from smshub.domain.configuring import FilePlan, ReloadFile, ShowPlan
from smshub.frontends.carriers.v1_operations import Asked, Operation, no_body, object_operations
from smshub.frontends.dialects import native_schema

# What stands in the file only, in its order.
TABLES: Final = ("server", "classes", "defaults", "groups", "ldap", "smtp", "otp", "retention", "frontends", "broker")


def _reload(asked: Asked) -> Command:
    no_body(asked)
    return ReloadFile()


def _tables(asked: Asked) -> Command:
    kind = asked.path["name"]
    if kind not in TABLES:
        raise Refused(Refusal.NOT_FOUND, "NotFound", what="table")
    return ListObjects(kind)


CONFIG: Final = (
    Operation(
        method="GET",
        path="/v1/config/tables/{name}",
        name="showConfig",
        tag="hub",
        summary="Tell what the configuration file declares in a table",
        description=f"Of {', '.join(TABLES)}; what stands in the file only, secrets masked. What may be changed while"
        " the hub runs has a path of its own. Needs a role that sees everything.",
        command=_tables,
        answers=native_schema.ObjectList,
    ),
    Operation(
        method="GET",
        path="/v1/config/plan",
        name="planConfig",
        tag="hub",
        summary="Tell what the configuration file would change",
        description="The file is read as it lies on the hub's machine now; nothing is changed. `problems` keep it from"
        " being taken over; `restart` are the settings that count only when the hub is started again. Secrets are"
        " masked. 404 where the hub was started without a file. Needs a role that sees everything.",
        command=lambda asked: ShowPlan(),
        answers=FilePlan,
    ),
    Operation(
        method="POST",
        path="/v1/config/reload",
        name="reloadConfig",
        tag="hub",
        summary="Take the configuration file over",
        description="As SIGHUP does: what has not changed goes on undisturbed. Tells what has changed; 409 where the"
        " file cannot work, and then nothing has. Needs an administrator.",
        command=_reload,
        answers=FilePlan,
        refused=(400, 409, 413),
        may_be_empty=True,
    ),
    *object_operations(
        "policies",
        "What one-time passwords are like. `otp` is the policy of all, which may be changed here; `defaults`, and those"
        " of groups and accounts (`accounts.NAME`), are told and changed where they stand. What is not in a policy has"
        " its default, or that of the one below.",
        role="an administrator",
    ),
)
