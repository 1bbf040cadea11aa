"""The operations of /v1 for modems and for texts that came in."""

from typing import Final

from smshub.domain.incoming import DropIncoming, ListModems
from smshub.frontends.carriers.v1_operations import Operation, named_id
from smshub.frontends.dialects import native_modems, native_schema

MODEMS: Final[tuple[Operation, ...]] = (
    Operation(
        method="GET",
        path="/v1/incoming",
        name="listIncoming",
        tag="incoming",
        summary="List the texts that came in",
        description="Newest first. Needs a role that sees everything.",
        command=lambda asked: native_modems.decode_incoming(asked.query),
        answers=native_modems.IncomingList,
        answered=lambda reply, _: native_modems.encode_incoming(reply),
    ),
    Operation(
        method="DELETE",
        path="/v1/incoming/{id}",
        name="dropIncoming",
        tag="incoming",
        summary="Throw a text away that came in",
        description="It is gone for good. Needs an operator.",
        command=lambda asked: DropIncoming(named_id(asked)),
        answers=native_schema.DoneDocument,
    ),
    Operation(
        method="GET",
        path="/v1/modems",
        name="listModems",
        tag="modems",
        summary="List the GSM modems",
        description="Each with its network and signal. Ports and the numbers of modem and SIM are told to those who see"
        " everything or may send USSD codes.",
        command=lambda asked: ListModems(),
        answers=native_modems.ModemList,
        answered=lambda reply, _: native_modems.encode_modems(reply),
    ),
    Operation(
        method="POST",
        path="/v1/ussd",
        name="requestUssd",
        tag="modems",
        summary="Send a USSD code",
        description="Waits for what the network says, up to half a minute. Needs an operator, or the account's setting"
        " `ussd`.",
        command=lambda asked: native_modems.decode_ussd(asked.body),
        answers=native_modems.UssdDocument,
        takes=native_modems.UssdRequest,
        refused=(404,),
        answered=lambda reply, _: native_modems.encode_ussd(reply),
        example={"code": "*100#"},
    ),
)
