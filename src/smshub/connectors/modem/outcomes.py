"""What a modem's no means: the codes of 3GPP TS 27.005 §3.2.5, TS 24.011 Annex E and TS 23.040 §9.2.3.22."""

from collections.abc import Mapping
from typing import Final

from smshub.connectors.parts import in_part
from smshub.domain.delivery import Accepted, Deferred, Outcome, Reason, ReceiptState, Rejected, Uncertain
from smshub.protocols.gsm.at import Result

# Reasons that no other try and no other way can heal.
_FINAL = frozenset({Reason.INVALID_RECIPIENT, Reason.BARRED})

# +CMS ERROR: N. Up to 127 the network's cause (RP-Cause), from 128 the service centre's (TP-FCS), from 300 the modem's.
CMS: Final[Mapping[int, Reason]] = {
    1: Reason.INVALID_RECIPIENT,  # unassigned number
    8: Reason.BAD_CREDENTIALS,  # operator determined barring: of our SIM
    10: Reason.BAD_CREDENTIALS,  # call barred: of our SIM; often a prepaid card that is empty
    17: Reason.TEMPORARY,  # network failure
    21: Reason.TEMPORARY,  # short message transfer rejected
    22: Reason.TEMPORARY,  # memory capacity exceeded
    27: Reason.TEMPORARY,  # destination out of order
    28: Reason.INVALID_RECIPIENT,  # unidentified subscriber
    29: Reason.MISCONFIGURED,  # facility rejected
    30: Reason.INVALID_RECIPIENT,  # unknown subscriber
    38: Reason.TEMPORARY,  # network out of order
    41: Reason.TEMPORARY,
    42: Reason.THROTTLED,  # congestion
    47: Reason.TEMPORARY,  # resources unavailable
    50: Reason.MISCONFIGURED,  # facility not subscribed
    69: Reason.MISCONFIGURED,  # facility not implemented
    81: Reason.MISCONFIGURED,
    95: Reason.MISCONFIGURED,
    96: Reason.MISCONFIGURED,
    97: Reason.MISCONFIGURED,
    98: Reason.TEMPORARY,  # not compatible with the protocol state
    99: Reason.MISCONFIGURED,
    111: Reason.TEMPORARY,  # protocol error
    127: Reason.TEMPORARY,  # interworking
    192: Reason.THROTTLED,  # SC busy
    193: Reason.MISCONFIGURED,  # no SC subscription
    194: Reason.TEMPORARY,  # SC system failure
    195: Reason.INVALID_RECIPIENT,
    196: Reason.BARRED,  # destination barred
    198: Reason.MISCONFIGURED,  # TP-VPF not supported
    199: Reason.MISCONFIGURED,  # TP-VP not supported
    208: Reason.TEMPORARY,  # SIM storage full
    300: Reason.TEMPORARY,  # ME failure
    301: Reason.TEMPORARY,  # SMS service of ME reserved
    302: Reason.MISCONFIGURED,  # operation not allowed
    303: Reason.MISCONFIGURED,  # operation not supported
    304: Reason.MISCONFIGURED,  # invalid PDU mode parameter
    305: Reason.MISCONFIGURED,
    310: Reason.UNREACHABLE,  # SIM not inserted
    311: Reason.UNREACHABLE,  # PIN required
    312: Reason.UNREACHABLE,
    313: Reason.UNREACHABLE,  # SIM failure
    314: Reason.TEMPORARY,  # SIM busy
    315: Reason.UNREACHABLE,  # SIM wrong
    316: Reason.UNREACHABLE,  # PUK required
    317: Reason.UNREACHABLE,
    318: Reason.UNREACHABLE,
    320: Reason.TEMPORARY,  # memory failure
    322: Reason.TEMPORARY,  # memory full
    330: Reason.MISCONFIGURED,  # SMSC address unknown
    331: Reason.UNREACHABLE,  # no network service
    500: Reason.TEMPORARY,  # unknown error: modems say it for whatever went wrong
}

# +CME ERROR: N, which some modems answer instead (TS 27.007 §9.2).
CME: Final[Mapping[int, Reason]] = {
    3: Reason.MISCONFIGURED,  # operation not allowed
    4: Reason.MISCONFIGURED,  # operation not supported
    10: Reason.UNREACHABLE,  # SIM not inserted
    11: Reason.UNREACHABLE,  # PIN required
    12: Reason.UNREACHABLE,  # PUK required
    13: Reason.UNREACHABLE,  # SIM failure
    14: Reason.TEMPORARY,  # SIM busy
    30: Reason.UNREACHABLE,  # no network service
}

# Codes after which nobody knows whether the network has the text: it did not answer, or says it has it already.
_CMS_UNCERTAIN = frozenset({197, 332})
_CME_UNCERTAIN = frozenset({31})


def outcome_of(result: Result, *, written: bool) -> Outcome:
    """
    Tell what a no to `AT+CMGS` means; `written` is whether the text had been handed over.

    A code that nobody knows is Deferred: the modem says surely that it did not send.
    """
    code = str(result)
    if result.kind == "CMS":
        if written and result.code in _CMS_UNCERTAIN:
            return Uncertain(detail=f"{code}: the network has not said whether it has it")
        reason = CMS.get(result.code if result.code is not None else 500, Reason.UNKNOWN)
    elif result.kind == "CME":
        if written and result.code in _CME_UNCERTAIN:
            return Uncertain(detail=f"{code}: the network has not said whether it has it")
        reason = CME.get(result.code if result.code is not None else 100, Reason.TEMPORARY)
    else:
        reason = Reason.TEMPORARY
    return Rejected(reason, code) if reason in _FINAL else Deferred(reason, code)


def of_parts(refs: tuple[str, ...], total: int, last: Outcome) -> Outcome:
    """
    Tell what a text of several segments came to, whose segments were sent one after the other until one was not taken.

    Where some were taken the text is Rejected if the next one was refused for good, for it can never be complete, and
    else Uncertain: part of it may be shown, and Deferred would let the hub send the whole by another way beside it.
    """
    taken = len(refs)
    if taken == total and isinstance(last, Accepted):
        return Accepted(refs)
    if total == 1:
        return last
    return in_part(last, f"part {taken + 1} of {total}", taken)


def state_of(status: int) -> ReceiptState:
    """Tell what TP-ST of a STATUS-REPORT says (TS 23.040 §9.2.3.15)."""
    if status < 0x20:
        # Forwarded, or replaced, is all that this centre will ever know.
        return ReceiptState.DELIVERED if status == 0 else ReceiptState.ACCEPTED
    if status < 0x40:
        return ReceiptState.ENROUTE
    match status:
        case 0x46:
            return ReceiptState.EXPIRED
        case 0x47 | 0x48:
            return ReceiptState.DELETED
        case _:
            return ReceiptState.UNDELIVERABLE if status < 0x80 else ReceiptState.UNKNOWN
