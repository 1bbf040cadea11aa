"""What the segments of a long text came to, told of the whole."""

from smshub.domain.delivery import Accepted, Deferred, Outcome, Rejected, Uncertain


def in_part(outcome: Outcome, where: str, taken: int) -> Outcome:
    """
    Tell what one segment came to as what the text came to; `where` names the segment, `taken` counts those taken.

    A segment that was deferred while others were taken leaves the text Uncertain: part of it may be shown already.
    """
    match outcome:
        case Uncertain(reason, detail):
            return Uncertain(reason, f"{where}: {detail}" if detail else where)
        case Rejected(reason, code, detail):
            return Rejected(reason, code, f"{where}: {detail}" if detail else where)
        case Deferred(reason, code, detail) if taken:
            return Uncertain(reason, f"{where}: {code or detail or reason}; {taken} taken")
        case Deferred(reason, code, detail, retry_after):
            return Deferred(reason, code, f"{where}: {detail}" if detail else where, retry_after)
        case Accepted():
            return outcome
