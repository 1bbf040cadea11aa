"""What every way out shares: its settings, how it is made, and the base for those that send one request a message."""

import asyncio
import importlib
from collections.abc import Callable, Iterable, Mapping
from enum import StrEnum
from typing import Any, ClassVar, cast

from smshub.domain.contracts import Capabilities, ConnectorState, Events, Settle
from smshub.domain.delivery import Accepted, Deferred, Outcome, Reason, Uncertain
from smshub.domain.message import Message
from smshub.settings import Settings, setting


class Debug(StrEnum):
    """Of which tries it is kept what was said to the provider and answered by it."""

    OFF = "off"
    FAILURES = "failures"
    ALL = "all"


class ConnectorSettings(Settings):
    """
    Settings that every connector has.

    One that `runs_code` which its settings name is declared in the configuration file, never over an interface; there
    the settings that name files which it `writes` are plain names that end in .log.
    """

    runs_code: ClassVar[bool] = False
    writes: ClassVar[tuple[str, ...]] = ()

    type: str = setting("Kind of connector: the name of a module in smshub.connectors, or a dotted path to your own.")
    throughput: float | None = setting(
        "Segments a second that the provider allows; none means as fast as it takes them.", None, gt=0, le=100_000
    )
    throughput_originator: float | None = setting(
        "Segments a second that the provider allows for one originator.", None, gt=0, le=100_000
    )
    debug: Debug = setting(
        "Of which tries it is kept for a week what was said to the provider and answered by it, masked: off, failures"
        " or all.",
        Debug.FAILURES,
    )

    def problems(self) -> Iterable[tuple[str, str, str]]:
        """Tell what only the machine can show (a file that is not there): the key, what is wrong, how to mend it."""
        return ()


class Sender:
    """
    Base of connectors that send each message by a call of its own (`send`), at most `concurrency` at once.

    A subclass names its `settings_class`, its `capabilities` and implements `send`; it may implement `open` and
    `close`. An exception that leaves `send` is a fault of ours after bytes may have left, so it counts as Uncertain.
    """

    settings_class: ClassVar[type[ConnectorSettings]] = ConnectorSettings
    capabilities: Capabilities = Capabilities()
    tells: ClassVar[bool] = False  # whether it tells itself what was said (`exchanged`)
    concurrency: int = 32
    grace: float = 10.0

    def __init__(self, name: str, settings: ConnectorSettings) -> None:
        self.name = name
        self.settings = settings
        self._events: Events | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._error: str | None = None

    async def open(self) -> None:
        """Prepare what sending needs (a session, a file)."""

    async def close(self) -> None:
        """Give back what `open` took."""

    async def send(self, message: Message) -> Outcome:
        """Send one message and say what it came to."""
        raise NotImplementedError

    def exchanged(self, message: Message, outcome: Outcome, said: Callable[[], tuple[str, str]]) -> None:
        """Keep what was said in a try where the settings ask for it; `said` gives request and answer, masked."""
        if self._events is not None and wanted(self.settings.debug, outcome):
            self._events.exchanged(message, *said())

    def room(self) -> int:
        """How many more may be sent at once."""
        return self.concurrency - len(self._tasks) if self._events else 0

    def state(self) -> ConnectorState:
        """Up while it runs."""
        return ConnectorState(up=self._events is not None, error=self._error)

    def submit(self, message: Message, settle: Settle) -> None:
        """Send in a task of its own."""
        if self._events is None:
            settle(Deferred(Reason.UNREACHABLE, detail="the connector is not running"))
            return
        task = asyncio.create_task(self._submit(message, settle), name=f"{self.name} {message.id}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _submit(self, message: Message, settle: Settle) -> None:
        outcome: Outcome = Uncertain(Reason.CRASHED, "the hub stopped before the provider answered")
        try:
            outcome = await self.send(message)
            if not self.tells:
                self.exchanged(message, outcome, lambda: in_short(message, outcome, self.settings.type))
            self._error = None if not isinstance(outcome, Deferred) else (outcome.detail or outcome.reason)
        except asyncio.CancelledError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever a connector raises, the message must end in an outcome
            outcome = Uncertain(Reason.CRASHED, f"{type(error).__name__} in the connector")
            self._error = outcome.detail
        finally:
            settle(outcome)
            asyncio.get_running_loop().call_soon(self._changed)

    def _changed(self) -> None:
        if self._events is not None:
            self._events.changed()

    async def run(self, events: Events) -> None:
        """Open, take messages until cancelled, wait for those in flight, close."""
        await self.open()
        self._events = events
        events.changed()
        try:
            await asyncio.Event().wait()
        finally:
            self._events = None
            if self._tasks:
                await asyncio.wait(self._tasks, timeout=self.grace)
            for task in list(self._tasks):
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            await self.close()


def wanted(debug: Debug, outcome: Outcome) -> bool:
    """Tell whether it is to be kept what was said in a try that came to this."""
    return debug is Debug.ALL or (debug is Debug.FAILURES and not isinstance(outcome, Accepted))


def in_short(message: Message, outcome: Outcome, by: str) -> tuple[str, str]:
    """Tell a try of a way out that speaks no protocol of requests and answers; the details are masked already."""
    asked = f"a text of {message.segments} segments, {message.encoding}, by {by}"
    said = {name: getattr(outcome, name, None) for name in ("reason", "code", "detail", "refs")}
    words = ", ".join(f"{name} {value}" for name, value in said.items() if value)
    return asked, f"{type(outcome).__name__}: {words}" if words else type(outcome).__name__


class UnknownType(ValueError):
    """There is no connector of that type."""


def connector_class(type_name: str) -> type[Any]:
    """
    Find the class of a connector type: `smshub.connectors.TYPE`, or a dotted path to a module or class of your own.

    The module is loaded when the type is used, and names its class `Connector`. Raises `UnknownType`.
    """
    if "." in type_name:
        module_name, _, attribute = type_name.rpartition(".")
        try:
            found = getattr(importlib.import_module(module_name), attribute, None)
            if isinstance(found, type):
                return found
            return cast("type[Any]", importlib.import_module(type_name).Connector)
        except (ImportError, AttributeError) as error:
            raise UnknownType(f"'{type_name}' cannot be loaded: {error}") from error
    if not type_name.isidentifier() or type_name == "base":
        raise UnknownType(f"there is no connector type '{type_name}'")
    try:
        module = importlib.import_module(f"smshub.connectors.{type_name}")
        return cast("type[Any]", module.Connector)
    except (ModuleNotFoundError, AttributeError) as error:
        raise UnknownType(f"there is no connector type '{type_name}'") from error


def settings_of(table: Mapping[str, Any]) -> ConnectorSettings:
    """Read a connector's table into the settings class of its type. Raises `UnknownType`, `ValidationError`."""
    found = connector_class(str(table.get("type", "")))
    return cast("ConnectorSettings", found.settings_class.model_validate(dict(table)))
