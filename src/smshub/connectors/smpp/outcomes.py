"""What a SMSC's status means: of one submit_sm, of a message of several, of a bind (SMPP 3.4 §5.1.3)."""

from collections.abc import Mapping, Sequence

from smshub.connectors.parts import in_part
from smshub.domain.delivery import Accepted, Deferred, Outcome, Reason, Rejected, Uncertain
from smshub.protocols.smpp.pdus import Pdu
from smshub.protocols.smpp.status import Status, status_name

# Reasons that no other try and no other provider can heal.
FINAL = frozenset(
    {
        Reason.INVALID_RECIPIENT,
        Reason.INVALID_ORIGINATOR,
        Reason.UNROUTABLE,
        Reason.OPTED_OUT,
        Reason.BARRED,
        Reason.CONTENT,
    }
)

# Every status that a submit_sm may come back with, in the hub's words. Those that say that the provider did not like
# how we wrote it are the operator's to mend (MISCONFIGURED), and another provider may take the text.
REASONS: Mapping[int, Reason] = {
    Status.ESME_RTHROTTLED: Reason.THROTTLED,
    Status.ESME_RMSGQFUL: Reason.THROTTLED,
    Status.ESME_RSYSERR: Reason.TEMPORARY,
    # It says no more than "failed", and SMSCs send it for troubles of their own.
    Status.ESME_RSUBMITFAIL: Reason.TEMPORARY,
    Status.ESME_RX_T_APPN: Reason.TEMPORARY,
    Status.ESME_RUNKNOWNERR: Reason.TEMPORARY,
    Status.ESME_RINVBNDSTS: Reason.UNREACHABLE,
    Status.ESME_RBINDFAIL: Reason.BAD_CREDENTIALS,
    Status.ESME_RINVPASWD: Reason.BAD_CREDENTIALS,
    Status.ESME_RINVSYSID: Reason.BAD_CREDENTIALS,
    Status.ESME_RINVDSTADR: Reason.INVALID_RECIPIENT,
    Status.ESME_RINVSRCADR: Reason.INVALID_ORIGINATOR,
    Status.ESME_RDELIVERYFAILURE: Reason.UNROUTABLE,
    Status.ESME_RINVMSGLEN: Reason.CONTENT,
    Status.ESME_RINVCMDLEN: Reason.MISCONFIGURED,
    Status.ESME_RINVCMDID: Reason.MISCONFIGURED,
    Status.ESME_RINVPRTFLG: Reason.MISCONFIGURED,
    Status.ESME_RINVREGDLVFLG: Reason.MISCONFIGURED,
    Status.ESME_RINVSERTYP: Reason.MISCONFIGURED,
    Status.ESME_RINVESMCLASS: Reason.MISCONFIGURED,
    Status.ESME_RINVSRCTON: Reason.MISCONFIGURED,
    Status.ESME_RINVSRCNPI: Reason.MISCONFIGURED,
    Status.ESME_RINVDSTTON: Reason.MISCONFIGURED,
    Status.ESME_RINVDSTNPI: Reason.MISCONFIGURED,
    Status.ESME_RINVSYSTYP: Reason.MISCONFIGURED,
    Status.ESME_RINVREPFLAG: Reason.MISCONFIGURED,
    Status.ESME_RINVSCHED: Reason.MISCONFIGURED,
    Status.ESME_RINVEXPIRY: Reason.MISCONFIGURED,
    Status.ESME_RINVDFTMSGID: Reason.MISCONFIGURED,
    Status.ESME_RINVOPTPARSTREAM: Reason.MISCONFIGURED,
    Status.ESME_ROPTPARNOTALLWD: Reason.MISCONFIGURED,
    Status.ESME_RINVPARLEN: Reason.MISCONFIGURED,
    Status.ESME_RMISSINGOPTPARAM: Reason.MISCONFIGURED,
    Status.ESME_RINVOPTPARAMVAL: Reason.MISCONFIGURED,
}

# These two are final by the specification's own words, though they give no reason.
_PERMANENT = frozenset({Status.ESME_RX_P_APPN, Status.ESME_RX_R_APPN})

# Refused for who we are, not for how busy they are: trying soon again would only lock the account.
CREDENTIALS = frozenset({Status.ESME_RBINDFAIL, Status.ESME_RINVPASWD, Status.ESME_RINVSYSID})


def outcome_of(pdu: Pdu, reasons: Mapping[int, Reason]) -> Outcome:
    """
    Tell what an answer to a submit_sm means; `reasons` are the operator's and count before the table.

    A code that nobody knows is Deferred: it says surely that the message was not taken, and not that none ever will
    be; another try costs little, a message given up wrongly is lost.
    """
    status = pdu.status
    if status == Status.ESME_ROK:
        message_id = pdu.text("message_id")
        return Accepted((message_id,) if message_id else ())
    code = status_name(status)
    detail = pdu.text("additional_status_info_text") or None
    if status in _PERMANENT and status not in reasons:
        return Rejected(Reason.UNKNOWN, code, detail)
    reason = reasons.get(status) or REASONS.get(status, Reason.UNKNOWN)
    return Rejected(reason, code, detail) if reason in FINAL else Deferred(reason, code, detail)


def combined(parts: Sequence[Outcome]) -> Outcome:
    """
    Tell what a message of several segments came to.

    All taken: Accepted, with every id in order. One without an answer: Uncertain. None taken: what the first refusal
    was. Some taken and one refused for good: Rejected, for the text can never be complete. Some taken and one
    deferred: Uncertain, for part of it may arrive; Deferred would promise that nothing did and let the hub send the
    text by another provider beside it. Where the class allows the repeat, it goes to the same SMSC under the same
    concatenation reference, and the handset puts the segments of both together.
    """
    if len(parts) == 1:
        return parts[0]
    refs: list[str] = []
    taken = 0
    worst: tuple[int, Outcome] | None = None
    for number, part in enumerate(parts, start=1):
        if isinstance(part, Accepted):
            taken += 1
            refs += part.refs
        elif worst is None or _weight(part) > _weight(worst[1]):
            worst = (number, part)
    if worst is None:
        return Accepted(tuple(refs))
    number, part = worst
    return in_part(part, f"part {number} of {len(parts)}", taken)


def _weight(outcome: Outcome) -> int:
    match outcome:
        case Uncertain():
            return 3
        case Rejected():
            return 2
        case Deferred():
            return 1
        case Accepted():
            return 0
