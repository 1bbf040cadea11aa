"""The operations of /v1 for the upkeep of the hub's data."""

from typing import Final

from smshub.domain.exchanges import Exchanges, ShowExchanges
from smshub.domain.upkeep import MakeBackup
from smshub.frontends.carriers.v1_operations import Operation, message_id
from smshub.frontends.dialects import native_schema

UPKEEP: Final[tuple[Operation, ...]] = (
    Operation(
        method="GET",
        path="/v1/messages/{id}/exchanges",
        name="exchanges",
        tag="messages",
        summary="Tell what was said to providers about a message, and answered",
        description="Secrets, numbers and texts are masked; it is kept for a week, of failed tries unless the `debug`"
        " of the connector says otherwise. Needs an auditor.",
        command=lambda asked: ShowExchanges(message_id(asked)),
        answers=Exchanges,
    ),
    Operation(
        method="POST",
        path="/v1/backups",
        name="backup",
        tag="hub",
        summary="Copy the database into the folder for backups",
        description="As it is at this moment, while everything goes on. `detail` is the file, on the hub's machine."
        " SQLite only: PostgreSQL has tools of its own. Needs an administrator.",
        command=lambda asked: MakeBackup(),
        answers=native_schema.DoneDocument,
        status=201,
        may_be_empty=True,
    ),
)
