"""
Private scripts: any program that takes a number and a text, as privacyIDEA's script gateway calls it.

It is called with the number as its first argument and the text on its standard input, in its own folder, without a
shell: nothing in a text or a sender can become anything but an argument.
"""

import asyncio
import os
import re
import stat
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, Literal, Self

import structlog
from pydantic import field_validator, model_validator

from smshub.connectors.base import ConnectorSettings, Sender
from smshub.connectors.exchange import refusal
from smshub.connectors.program import NotStarted, Ran, kill_group, run_program
from smshub.connectors.redaction import Redaction
from smshub.connectors.rewriting import check, rewrite
from smshub.domain.contracts import Capabilities
from smshub.domain.delivery import Accepted, Deferred, Outcome, Reason, Rejected, Uncertain
from smshub.domain.message import Message
from smshub.settings import Secret, setting

# What a script sees of the hub's own environment, unless its settings say otherwise.
PASSED_ON = ("PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR")
MAX_REF = 255

_TAG = re.compile(r"\{(phone|to|text|otp|from|originator|id|account|class|type)\}")
_ANY_TAG = re.compile(r"\{\w+\}")
log = structlog.get_logger(__name__)


class ScriptSettings(ConnectorSettings):
    """A program of your own that sends a text. It runs with the rights of the hub."""

    runs_code: ClassVar[bool] = True

    script: str = setting("File of the program; it is called with the number, the text is on its standard input.")
    arguments: list[str] = setting(
        "Further arguments. {phone}, {text}, {originator}, {id}, {account}, {class} and {type} (normal or flash) are"
        " replaced; each stays one argument, whatever is in it.",
        [],
    )
    background: Literal["wait", "background"] = setting(
        "wait: the exit status says what became of the text; background: whatever it says, the text counts as taken.",
        "wait",
    )
    timeout: float = setting("Seconds after which the script and all its children are killed.", 30.0, gt=0, le=600)
    concurrency: int = setting("How many may run at once.", 4, ge=1, le=64)
    rejected: list[int] = setting("Exit statuses that say: never, by nobody.", [])
    deferred: list[int] = setting("Exit statuses that say: not now (EX_TEMPFAIL of sysexits is 75).", [75])
    throttled: list[int] = setting("Exit statuses that say: too fast.", [])
    uncertain: list[int] = setting("Exit statuses that say: nobody can know whether it was sent.", [])
    reasons: dict[str, Reason] = setting('What single exit statuses mean, such as {"3" = "INVALID_RECIPIENT"}.', {})
    id_pattern: str | None = setting("Regular expression that finds the id of the text in the output.", None)
    environment: list[str] = setting("Names of the hub's environment that the script sees.", list(PASSED_ON))
    variables: dict[str, Secret] = setting("Further variables for the script: values, env:NAME or file:PATH.", {})
    output_limit: int = setting("Bytes that are read of its output; the rest is thrown away.", 4_096, ge=0, le=65_536)
    regexp: str | None = setting("Rewriting of the number: /pattern/replacement/.", None)
    phone_format: Literal["digits", "plus", "written"] = setting(
        "How the number is written: digits, with a plus, or as the caller wrote it.", "digits"
    )

    @model_validator(mode="before")
    @classmethod
    def _names(cls, table: Any) -> Any:
        """Take privacyIDEA's REGEXP by its name."""
        if not isinstance(table, Mapping):
            return table
        return {"regexp" if key == "REGEXP" else key: value for key, value in table.items()}

    @field_validator("arguments")
    @classmethod
    def _tags(cls, arguments: list[str]) -> list[str]:
        """Refuse a tag that nothing would be put in for."""
        for argument in arguments:
            for tag in _ANY_TAG.findall(argument):
                if not _TAG.fullmatch(tag):
                    raise ValueError(f"there is no {tag}")
            if "\0" in argument:
                raise ValueError("an argument cannot contain a zero character")
        return arguments

    @field_validator("environment", "variables")
    @classmethod
    def _variables(cls, names: Any) -> Any:
        """Refuse what cannot be the name of a variable."""
        for name in names:
            if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
                raise ValueError(f"'{name}' cannot be the name of a variable")
        return names

    @field_validator("regexp")
    @classmethod
    def _works(cls, regexp: str | None) -> str | None:
        return check(regexp) if regexp else None

    @field_validator("id_pattern")
    @classmethod
    def _compiles(cls, pattern: str | None) -> str | None:
        try:
            re.compile(pattern or "")
        except re.error as error:
            raise ValueError(f"'{pattern}' is not a regular expression: {error}") from None
        return pattern or None

    @model_validator(mode="after")
    def _once(self) -> Self:
        """Refuse a status with two meanings."""
        named = [*self.rejected, *self.deferred, *self.throttled, *self.uncertain]
        for status in named:
            if not 1 <= status <= 255:
                raise ValueError(f"{status} is no exit status that says no; those are 1 to 255")
            if named.count(status) > 1:
                raise ValueError(f"the exit status {status} has two meanings")
        for written in self.reasons:
            if not written.isascii() or not written.isdigit() or not 1 <= int(written) <= 255:
                raise ValueError(f"'{written}' in reasons is no exit status from 1 to 255")
        return self

    def problems(self) -> Iterator[tuple[str, str, str]]:
        """Tell what is wrong with the file: its key, what, and how to mend it."""
        if told := untrusted(Path(self.script), runs=True):
            yield "script", *told


class Connector(Sender):
    """Runs the script once for each text."""

    settings_class: ClassVar[type[ConnectorSettings]] = ScriptSettings

    def __init__(self, name: str, settings: ScriptSettings) -> None:
        super().__init__(name, settings)
        self.concurrency = settings.concurrency
        self.capabilities = Capabilities(flash=any("{type}" in one for one in settings.arguments))
        self.redaction = Redaction()
        self._script = settings
        self._path = Path(settings.script).absolute()
        self._environment: dict[str, str] = {}
        self._threads: ThreadPoolExecutor | None = None
        self._groups: set[int] = set()

    async def open(self) -> None:
        """Read the secrets. Raises `SecretMissing`."""
        secrets = {name: secret.reveal() for name, secret in self._script.variables.items()}
        passed = {name: os.environ[name] for name in self._script.environment if name in os.environ}
        self._environment = {**passed, **secrets}
        self.redaction = Redaction(secrets.values())
        self._threads = ThreadPoolExecutor(self.concurrency, thread_name_prefix=self.name)

    async def close(self) -> None:
        """End the scripts that still run."""
        for group in list(self._groups):
            kill_group(group)
        if self._threads is not None:
            self._threads.shutdown(wait=False, cancel_futures=True)
            self._threads = None

    async def send(self, message: Message) -> Outcome:
        """Run the script for one message and say what its end means."""
        if self._threads is None:
            return Deferred(Reason.UNREACHABLE, detail="the connector is not running")
        try:
            argv, given = self.argv(message), message.text.encode()
        except UnicodeEncodeError:
            return Deferred(Reason.MISCONFIGURED, detail="the text cannot be written in UTF-8")
        if any("\0" in argument for argument in argv):
            return Deferred(Reason.MISCONFIGURED, detail="an argument cannot hold a zero character")
        work = partial(
            run_program,
            argv,
            given,
            folder=str(self._path.parent),
            environment=self._environment,
            timeout=self._script.timeout,
            limit=self._script.output_limit,
        )
        try:
            ran = await asyncio.get_running_loop().run_in_executor(self._threads, self._watched, work)
        except NotStarted as error:
            return Deferred(Reason.MISCONFIGURED, detail=f"the script cannot be started: {error}")
        words = self.redaction.words((ran.output + b" " + ran.error).decode("utf-8", "replace"), message)
        log.debug("script.ended", connector=self.name, message=message.id, status=ran.status, words=words)
        return self.outcome(message, ran)

    def argv(self, message: Message) -> list[str]:
        """Give the program and its arguments, one item each."""
        phone = rewrite(self._phone(message), self._script.regexp)
        values = {
            "phone": phone,
            "to": phone,
            "text": message.text,
            "otp": message.text,
            "from": message.originator,
            "originator": message.originator,
            "id": message.id,
            "account": message.account,
            "class": message.message_class.value,
            "type": "flash" if message.flash else "normal",
        }
        return [
            str(self._path),
            phone,
            *(_TAG.sub(lambda tag: values[tag[1]], argument) for argument in self._script.arguments),
        ]

    def outcome(self, message: Message, ran: Ran) -> Outcome:
        """Say what the end of a script means; what it wrote is masked and cut."""
        if ran.killed:
            return Uncertain(detail=f"the script did not end within {self._script.timeout:g} s")
        output = ran.output.decode("utf-8", "replace")
        if self._script.background == "background" or ran.status == 0:
            return Accepted(self._refs(output))
        if ran.status < 0:
            return Uncertain(Reason.CRASHED, f"the script was killed by signal {-ran.status}")
        code = f"exit {ran.status}"
        detail = self.redaction.words(ran.error.decode("utf-8", "replace") or output, message) or None
        return self._refused(ran.status, code, detail)

    def _refused(self, status: int, code: str, detail: str | None) -> Outcome:
        """Give the outcome of an exit status other than 0, by the table of the settings."""
        reason = self._script.reasons.get(str(status), Reason.UNKNOWN)
        if status in self._script.uncertain:
            return Uncertain(detail=f"{code}: {detail}" if detail else code)
        if status in self._script.rejected:
            return Rejected(reason, code, detail)
        if status in self._script.throttled:
            return Deferred(Reason.THROTTLED, code, detail)
        if status in self._script.deferred and reason is Reason.UNKNOWN:
            reason = Reason.TEMPORARY
        return refusal(reason, code, detail)

    def _refs(self, output: str) -> tuple[str, ...]:
        """Find the id of a text in what the script wrote."""
        found = re.search(self._script.id_pattern, output) if self._script.id_pattern else None
        ref = (found[1] if found.re.groups else found[0]) if found else ""
        return (ref,) if ref and len(ref) <= MAX_REF else ()

    def _watched(self, work: "partial[Ran]") -> Ran:
        """Run in a thread, so that what runs can be ended from outside."""
        groups: list[int] = []

        def started(group: int) -> None:
            groups.append(group)
            self._groups.add(group)

        try:
            return work(started=started)
        finally:
            self._groups.difference_update(groups)

    def _phone(self, message: Message) -> str:
        """Give the number as the script wants it."""
        match self._script.phone_format:
            case "written":
                return message.to_written
            case "plus" if message.to.isdigit():
                return f"+{message.to}"
            case _:
                return message.to


def untrusted(path: Path, *, runs: bool) -> tuple[str, str] | None:
    """
    Say why a file should not be run, and how to mend it; None where it may.

    Whoever may write to it, or put another in its place, could run anything as the hub.
    """
    try:
        mode = path.stat().st_mode
        folder = path.absolute().parent.stat().st_mode
    except OSError as error:
        return f"the file {path} cannot be read ({error.strerror})", "Name a file that is there."
    if not stat.S_ISREG(mode):
        return f"{path} is no file", "Name a file."
    if runs and not os.access(path, os.X_OK):
        return f"the file {path} cannot be executed", f"Allow it: chmod u+x {path}"
    if mode & stat.S_IWOTH:
        return f"anybody may change the file {path}", f"Close it: chmod o-w {path}"
    if folder & stat.S_IWOTH and not folder & stat.S_ISVTX:
        return f"anybody may replace the file {path}", f"Close its folder: chmod o-w {path.absolute().parent}"
    return None
