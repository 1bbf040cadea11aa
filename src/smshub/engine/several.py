"""
A call with several receivers of an account that wants its good numbers sent although others of them are bad.

Without that wish (`partial`), one number that is refused refuses the call.
"""

from collections.abc import Callable, Mapping, MutableMapping, Sequence
from typing import TypeVar

import msgspec

from smshub.domain.commands import NotTaken, Refusal, Refused, Submitted

Taken = TypeVar("Taken")


def sort_out(
    written: Sequence[str], take: Callable[[str], Taken], refused: MutableMapping[str, Refused]
) -> list[Taken]:
    """Give what `take` makes of each receiver; those it refuses go into `refused`. Raises `Refused` where all are."""
    taken = []
    for one in written:
        try:
            taken.append(take(one))
        except Refused as error:
            refused[one] = error
    if not taken:
        raise next(iter(refused.values()))
    return taken


def completed(submitted: Submitted, written: Sequence[str], refused: Mapping[str, Refused]) -> Submitted:
    """
    Tell beside the messages of a submission which receivers it has not taken, in their order.

    A repeat has the messages of the first call. A number that was refused then and would be taken now is told too.
    """
    there = {message.to_written for message in submitted.messages}
    left_out = tuple(
        NotTaken(one, refused.get(one) or Refused(Refusal.MALFORMED, "NotTaken", member="to", value=one[:64]))
        for one in dict.fromkeys(written)
        if one not in there
    )
    return msgspec.structs.replace(submitted, refused=left_out) if left_out else submitted
