"""The operations of /v1 for all that is kept of one recipient."""

from typing import Final

from smshub.domain.upkeep import EraseRecipient, ExportRecipient, RecipientErased
from smshub.frontends.carriers.v1_operations import Asked, Operation, no_body
from smshub.frontends.dialects import native_recipients


def _erase(asked: Asked) -> EraseRecipient:
    no_body(asked)
    return EraseRecipient(asked.path["number"])


RECIPIENTS: Final[tuple[Operation, ...]] = (
    Operation(
        method="GET",
        path="/v1/recipients/{number}/export",
        name="exportRecipient",
        tag="recipients",
        summary="Tell all that is kept of a recipient",
        description="A number or a mail address: messages to it, texts from it, its codes (never the codes themselves),"
        " its place on the blocklist, and what the guard of codes has decided. Needs an administrator.",
        command=lambda asked: ExportRecipient(asked.path["number"]),
        answers=native_recipients.RecipientDocument,
        refused=(400,),
        answered=lambda reply, _: native_recipients.encode_recipient(reply),
    ),
    Operation(
        method="POST",
        path="/v1/recipients/{number}/erase",
        name="eraseRecipient",
        tag="recipients",
        summary="Erase a recipient",
        description="Cancels what waits for it, and takes the number and the texts out of all that is kept: messages"
        " stay under a pseudonym, texts from it, codes and what was said to providers go, a block stays and still"
        " holds. `left` are messages that are still with a provider: ask again. Backups of before are not changed."
        " It may take a minute. Needs an administrator.",
        command=_erase,
        answers=RecipientErased,
        refused=(400,),
        may_be_empty=True,
    ),
)
