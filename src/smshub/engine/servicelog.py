"""Shows the log of this node to those who see everything."""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any

from smshub.domain.accounts import Account
from smshub.domain.commands import Refusal, Refused, Reply
from smshub.domain.servicelog import ListLog, LogLine, LogPage, look


class LogRoom:
    """Looks through the lines that are kept; `lines` gives them, oldest first."""

    def __init__(self, lines: Callable[[], Iterable[LogLine]]) -> None:
        self._lines = lines

    @property
    def handlers(self) -> Mapping[type, Callable[[Account, Any], Awaitable[Reply]]]:
        """Give the commands that are carried out here."""
        return {ListLog: self._list}

    async def _list(self, account: Account, command: ListLog) -> LogPage:
        if not account.sees_all:
            raise Refused(Refusal.FORBIDDEN, "Forbidden")
        return look(self._lines(), command)
