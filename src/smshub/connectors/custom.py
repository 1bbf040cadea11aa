"""
Custom connectors: a Python callable of the operator's that sends one text, called with the documented parameters.

It is trusted code that may fail in any way: it runs in worker processes of its own, bounded in number, time, memory
and open files, so that whatever it does, the other connectors go on.
"""

import asyncio
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar, Literal, Self

import structlog
from pydantic import field_serializer, field_validator, model_validator

from smshub.connectors.base import ConnectorSettings, Sender
from smshub.connectors.customcalls import ConnectorError
from smshub.connectors.customworkers import NotLoaded, Worker, WorkerLost
from smshub.connectors.exchange import checked_address, refusal
from smshub.connectors.redaction import Redaction, address_secrets, shown_url
from smshub.connectors.rewriting import check, rewrite
from smshub.connectors.script import PASSED_ON, untrusted
from smshub.domain.contracts import Capabilities
from smshub.domain.delivery import Accepted, Deferred, Outcome, Reason, Rejected, Uncertain
from smshub.domain.message import Message
from smshub.settings import Secret, setting

__all__ = ["Connector", "ConnectorError", "CustomSettings"]

MAX_CODE = 64
log = structlog.get_logger(__name__)


class CustomSettings(ConnectorSettings):
    """A Python callable of your own. It runs with the rights of the hub: use only code that you trust."""

    runs_code: ClassVar[bool] = True

    file: str | None = setting("Python file with the callable (or name a module).", None)
    module: str | None = setting("Dotted name of an installed module with the callable.", None)
    function: str = setting("Name of the callable.", "send", pattern=r"^[A-Za-z_]\w*$")
    sender: str = setting("Given as `sender` where a message names no originator.", "")
    username: str = setting("Given to the callable as it is.", "")
    password: Secret | None = setting("Given to the callable: env:NAME or file:PATH.", None)
    account: str = setting("Given to the callable as it is.", "")
    url: str = setting("Given to the callable as it is.", "")
    proxy: str | None = setting("HTTP proxy, given to the callable; the hub's own where none is set.", None)
    workers: int = setting("Worker processes; so many texts are sent at once.", 2, ge=1, le=64)
    timeout: float = setting("Seconds after which a call is given up and its worker killed.", 30.0, gt=0, le=600)
    memory: int = setting("MiB of address space that a worker may take; 0 is without a bound.", 1_024, ge=0, le=65_536)
    calls: int = setting("Calls after which a worker is replaced by a new one.", 1_000, ge=1, le=1_000_000)
    environment: list[str] = setting(
        "Names of the hub's environment that the workers see.", [*PASSED_ON, "PYTHONPATH", "SSL_CERT_FILE"]
    )
    regexp: str | None = setting("Rewriting of the number: /pattern/replacement/.", None)
    phone_format: Literal["digits", "plus", "written"] = setting(
        "How `mobile` is written: digits, with a plus, or as the caller wrote it.", "digits"
    )

    @field_validator("proxy")
    @classmethod
    def _proxy(cls, url: str | None) -> str | None:
        """Refuse what is no address."""
        return checked_address(url)

    @field_validator("module")
    @classmethod
    def _dotted(cls, name: str | None) -> str | None:
        """Refuse what cannot be a module."""
        if name is not None and not all(part.isidentifier() for part in name.split(".")):
            raise ValueError(f"'{name}' cannot be the name of a module")
        return name

    @field_validator("regexp")
    @classmethod
    def _works(cls, regexp: str | None) -> str | None:
        return check(regexp) if regexp else None

    @model_validator(mode="after")
    def _either(self) -> Self:
        """Want one place of the callable."""
        if (self.file is None) == (self.module is None):
            raise ValueError("name either a file or a module")
        return self

    @field_serializer("proxy", "url")
    def _masked(self, url: str | None) -> str | None:
        return url and _shown(url)

    def __repr_args__(self) -> Iterable[tuple[str | None, Any]]:
        """Show what may be shown: an address can hold a password."""
        return self.model_dump().items()

    def problems(self) -> Iterator[tuple[str, str, str]]:
        """Tell what is wrong with the file: its key, what, and how to mend it."""
        if self.file is not None and (told := untrusted(Path(self.file), runs=False)):
            yield "file", *told


class Connector(Sender):
    """Calls the callable once for each text, in a worker process."""

    settings_class: ClassVar[type[ConnectorSettings]] = CustomSettings
    # Whether a text flashes is handed on; what the callable makes of it is its own affair.
    capabilities = Capabilities(flash=True)

    def __init__(self, name: str, settings: CustomSettings) -> None:
        super().__init__(name, settings)
        self.concurrency = settings.workers
        self.redaction = Redaction()
        self._custom = settings
        self._file = None if settings.file is None else Path(settings.file).absolute()
        self._password = ""
        self._proxy = ""
        self._idle: list[Worker] = []
        self._running = False

    async def open(self) -> None:
        """Read the secrets and start a first worker, so that what is wrong shows at once. Raises `SecretMissing`."""
        self._password = self._custom.password.reveal() if self._custom.password else ""
        proxy = self._custom.proxy or ""
        self._proxy = Secret(proxy).reveal() if proxy.startswith(("env:", "file:")) else proxy
        hidden = [self._password, *address_secrets(self._proxy), *_address_secrets(self._custom.url)]
        self.redaction = Redaction(hidden)
        self._running = True
        try:
            self._idle.append(await self._started())
        except NotLoaded as error:
            self._error = self.redaction.words(f"it cannot be loaded: {error}")
            log.warning("custom.not_loaded", connector=self.name, why=self._error)

    async def close(self) -> None:
        """End the workers."""
        self._running = False
        idle, self._idle = self._idle, []
        await asyncio.gather(*(worker.end() for worker in idle))

    async def send(self, message: Message) -> Outcome:
        """Call the callable for one message and say what it came to."""
        try:
            worker = await self._worker()
        except NotLoaded as error:
            return Deferred(Reason.MISCONFIGURED, detail=self.redaction.words(f"it cannot be loaded: {error}", message))
        answer: dict[str, Any] | None = None
        try:
            answer = await worker.call(self.values(message), self._custom.timeout)
        except TimeoutError:
            return Uncertain(detail=f"it did not return within {self._custom.timeout:g} s")
        except WorkerLost:
            return Uncertain(Reason.CRASHED, f"its process ended within the call ({await worker.end()})")
        finally:
            await self._back(worker, answer)
        if worker.output.strip():
            words = self.redaction.words(worker.output, message)
            log.info("custom.wrote", connector=self.name, message=message.id, words=words)
        return self.outcome(message, answer)

    def values(self, message: Message) -> dict[str, Any]:
        """Give the documented parameters for a message; the callable gets those that it takes."""
        phone = message.to
        if self._custom.phone_format == "written":
            phone = message.to_written
        elif self._custom.phone_format == "plus" and phone.isdigit():
            phone = f"+{phone}"
        return {
            "msg": message.text,
            "mobile": rewrite(phone, self._custom.regexp),
            "flash": message.flash,
            "sender": message.originator or self._custom.sender,
            "username": self._custom.username,
            "password": self._password,
            "account": self._custom.account,
            "url": self._custom.url,
            "proxy": self._proxy,
            "id": message.id,
        }

    def outcome(self, message: Message, answer: Mapping[str, Any]) -> Outcome:
        """Say what a worker's answer means; what the callable said is masked and cut."""
        match answer:
            case {"accepted": list() as refs}:
                return Accepted(tuple(ref for ref in refs if isinstance(ref, str) and ref.isprintable()))
            case {"refused": str() as words, "reason": str() as reason}:
                return self._refused(message, words, reason, answer)
            case {"raised": str() as words}:
                return Uncertain(Reason.CRASHED, self.redaction.words(words, message))
            case _:
                return Uncertain(Reason.CRASHED, "its process answered what no worker answers")

    def _refused(self, message: Message, words: str, reason: str, answer: Mapping[str, Any]) -> Deferred | Rejected:
        """Give the outcome of a plain no, for the reason that the callable gives if it is one of ours."""
        known = Reason(reason) if reason in Reason.__members__ else Reason.UNKNOWN
        code = answer.get("code")
        code = self.redaction.words(code, message)[:MAX_CODE] if isinstance(code, str) and code else None
        refused = refusal(known, code, self.redaction.words(words, message) or None)
        after = answer.get("retry_after")
        if isinstance(refused, Deferred) and isinstance(after, int | float) and 0 <= after <= 86_400:
            return Deferred(refused.reason, refused.code, refused.detail, float(after))
        return refused

    async def _worker(self) -> Worker:
        """Give a worker that nobody uses. Raises `NotLoaded`."""
        while self._idle:
            worker = self._idle.pop()
            if worker.version == self._version() and not worker.gone:
                return worker
            await worker.end()
        return await self._started()

    async def _back(self, worker: Worker, answer: Mapping[str, Any] | None) -> None:
        """Keep a worker for the next call, or end it where it is of no more use."""
        if answer is None or answer.get("spent") or worker.calls >= self._custom.calls or not self._running:
            await worker.end()
        else:
            self._idle.append(worker)

    async def _started(self) -> Worker:
        """Start a worker. Raises `NotLoaded`."""
        setup = {
            "file": None if self._file is None else str(self._file),
            "module": self._custom.module,
            "function": self._custom.function,
            "memory": self._custom.memory,
        }
        environment = {name: os.environ[name] for name in self._custom.environment if name in os.environ}
        return await Worker.start(
            setup,
            environment=environment,
            folder=str(self._file.parent) if self._file is not None else os.getcwd(),  # noqa: PTH109 - a text is wanted
            within=self._custom.timeout,
            version=self._version(),
        )

    def _version(self) -> object:
        """Tell one state of the file from another, so that an edited one is loaded anew."""
        if self._file is None:
            return None
        try:
            found = self._file.stat()
        except OSError:
            return None
        return found.st_mtime_ns, found.st_size, found.st_ino


def _shown(url: str) -> str:
    """Mask an address, whatever was written for one."""
    try:
        return shown_url(url)
    except ValueError:
        return re.sub(r"//[^/@]*@", "//********@", url)


def _address_secrets(url: str) -> list[str]:
    """Give what is secret in an address, whatever was written for one."""
    try:
        return list(address_secrets(url))
    except ValueError:
        return []
