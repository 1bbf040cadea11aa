"""Makes pages from templates. Whatever is put into one is escaped, always."""

import datetime as dt
from collections.abc import Mapping
from typing import Any, Final

from jinja2 import Environment, PackageLoader, StrictUndefined

from smshub.console.assets import Asset
from smshub.console.roles import Action, may
from smshub.domain.message import Message, MessageClass


class Templates:
    """The console's templates; `base` is the path below which the console is, as browsers write it."""

    def __init__(self, base: str, assets: Mapping[str, Asset]) -> None:
        self._base = base
        self._assets = assets
        self._environment = Environment(
            loader=PackageLoader("smshub.console"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
        )
        self._environment.globals |= {"url": self.url, "static": self.static, "Action": Action, "may": may}
        self._environment.filters |= {"moment": moment, "machine": machine, "count": count, "span": span, "size": size}
        self._environment.filters["shown"] = shown

    def url(self, path: str) -> str:
        """Give the address of a page of the console, by its path in it (`/messages`)."""
        return f"{self._base}{path}"

    def static(self, path: str) -> str:
        """Give the address of a file, which changes with its content."""
        return f"{self._base}/static/{path}?v={self._assets[path].digest}"

    def render(self, template: str, values: Mapping[str, Any]) -> str:
        """Make a page."""
        return self._environment.get_template(template).render(values)


def shown(message: Message) -> str:
    """Give what may be seen of a message's text: nothing of one that may carry a code."""
    return "(not shown: it may carry a code)" if message.message_class is MessageClass.OTP else message.text


def moment(at: float | None) -> str:
    """Write a moment (seconds since 1970) for people, in UTC."""
    return "" if at is None else dt.datetime.fromtimestamp(at, dt.UTC).strftime("%Y-%m-%d %H:%M:%S")


def machine(at: float | None) -> str:
    """Write a moment for the attribute `datetime`."""
    return "" if at is None else dt.datetime.fromtimestamp(at, dt.UTC).isoformat(timespec="seconds")


def count(number: float) -> str:
    """Write a number with its thousands apart, and a digit after the point where it is small."""
    if number and abs(number) < 10 and number != int(number):
        return f"{number:.1f}"
    return f"{round(number):,}"


_UNITS: Final = ((86_400.0, "d"), (3_600.0, "h"), (60.0, "min"))


def span(seconds: float) -> str:
    """Write how long something takes: 3 ms, 2.5 s, 4 min, 2 h, 3 d."""
    if seconds <= 0:
        return "0 s"
    if seconds < 1:
        return f"{seconds * 1_000:.3g} ms"
    for unit, name in _UNITS:
        if seconds >= 2 * unit:
            return f"{seconds / unit:.0f} {name}"
    return f"{seconds:.3g} s"


def size(number: float) -> str:
    """Write a number of bytes."""
    for unit, name in ((2**30, "GiB"), (2**20, "MiB"), (2**10, "KiB")):
        if number >= unit:
            return f"{number / unit:.1f} {name}"
    return f"{number:.0f} B"
