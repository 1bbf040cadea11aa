"""A way out for trying out: it writes each text to standard output or to a file, and sends nothing."""

import json
import os
import sys
import time
from typing import ClassVar, TextIO

from smshub.connectors.base import ConnectorSettings, Sender
from smshub.domain.contracts import Capabilities
from smshub.domain.delivery import Accepted, Deferred, Outcome, Reason
from smshub.domain.message import Message
from smshub.settings import setting


class LogSettings(ConnectorSettings):
    """Texts are readable where they are written: for trying out only."""

    writes: ClassVar[tuple[str, ...]] = ("file",)

    file: str = setting("File to add each text to, one JSON object a line; '-' is standard output.", "-")


class Connector(Sender):
    """Writes each text down and takes it at once."""

    settings_class: ClassVar[type[ConnectorSettings]] = LogSettings
    capabilities = Capabilities(mail=True)

    def __init__(self, name: str, settings: LogSettings) -> None:
        super().__init__(name, settings)
        self._file = settings.file
        self._stream: TextIO | None = None

    async def open(self) -> None:
        """Open the file, readable by its owner only. Raises OSError."""
        if self._file == "-":
            self._stream = sys.stdout
        else:
            descriptor = os.open(self._file, os.O_CREAT | os.O_APPEND | os.O_WRONLY, 0o600)
            self._stream = os.fdopen(descriptor, "a", encoding="utf-8", errors="backslashreplace")

    async def close(self) -> None:
        """Close the file."""
        if self._stream is not None and self._file != "-":
            self._stream.close()
        self._stream = None

    async def send(self, message: Message) -> Outcome:
        """Write a text down."""
        if self._stream is None:
            return Deferred(Reason.UNREACHABLE, detail="the connector is not running")
        try:
            print(written(message, time.time()), file=self._stream, flush=True)
        except OSError as error:
            return Deferred(Reason.TEMPORARY, detail=f"the file cannot be written ({error.strerror})")
        return Accepted((message.id,))


def written(message: Message, at: float) -> str:
    """Give the line for a message."""
    line = {"at": round(at, 3), "id": message.id, "to": message.to, "from": message.originator, "text": message.text}
    more = {"flash": True} if message.flash else {"subject": message.subject} if message.subject else {}
    return json.dumps(line | more, ensure_ascii=False)
