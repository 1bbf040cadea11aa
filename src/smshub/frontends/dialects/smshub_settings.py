"""
The parameter `settings` of SMSHub: `SMSType=Flash,SMSHub.Sender=ACME`, which overrides what the hub would choose.

Names are those of `domain.accounts.OVERRIDES`, in any case, with or without `SMSHub.` before them. What is written is
read strictly: an unknown name, one that is there twice and a value that means nothing are refused.
"""

import re
from dataclasses import dataclass, replace
from typing import Final

from smshub.domain.accounts import OVERRIDES
from smshub.domain.commands import Refusal, Refused
from smshub.domain.message import MessageClass

_NAMES: Final = {name.lower(): name for name in OVERRIDES}
_SECONDS = re.compile(r"[0-9]{1,9}(\.[0-9]{1,3})?")
_CONNECTOR = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}")
_SHOWN = 40


@dataclass(frozen=True, slots=True)
class Overrides:
    """What a request overrides: the names, as `OVERRIDES` writes them, and what each is to be."""

    names: frozenset[str] = frozenset()
    flash: bool | None = None
    sender: str | None = None
    connector: str | None = None
    valid_for: float | None = None
    message_class: MessageClass | None = None


NO_SETTINGS: Final = Overrides()


def read_settings(written: str) -> Overrides:
    """Read the parameter. Raises `Refused` (MALFORMED) with the setting at fault."""
    if not written.strip():
        return NO_SETTINGS
    found = NO_SETTINGS
    for item in filter(None, map(str.strip, written.split(","))):
        name, equals, value = item.partition("=")
        bare = name.strip().lower().removeprefix("smshub.")
        known = _NAMES.get(bare)
        if known is None:
            shown = name.strip()[:_SHOWN]
            raise Refused(
                Refusal.MALFORMED, "UnknownSetting", member="settings", value=shown, known=", ".join(OVERRIDES)
            )
        if not equals:
            raise _bad(known, "", "it needs = and a value")
        if known in found.names:
            raise _bad(known, value, "it is there twice")
        found = replace(_with(found, known, value.strip()), names=found.names | {known})
    return found


def _with(found: Overrides, name: str, value: str) -> Overrides:
    match name:
        case "SMSType":
            if value.lower() not in {"flash", "normal"}:
                raise _bad(name, value, "it must be Flash or Normal")
            return replace(found, flash=value.lower() == "flash")
        case "Sender":
            return replace(found, sender=value)
        case "Connector":
            if not _CONNECTOR.fullmatch(value):
                raise _bad(name, value, "it must be the name of a connector")
            return replace(found, connector=value)
        case "Validity":
            if not _SECONDS.fullmatch(value):
                raise _bad(name, value, "it must be a number of seconds")
            return replace(found, valid_for=float(value))
        case _:
            try:
                return replace(found, message_class=MessageClass(value.lower()))
            except ValueError:
                raise _bad(name, value, "it must be otp, transactional or bulk") from None


def _bad(name: str, value: str, why: str) -> Refused:
    return Refused(Refusal.MALFORMED, "BadSetting", member="settings", name=name, value=value.strip()[:_SHOWN], why=why)
