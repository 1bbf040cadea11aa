"""
The worker process of a custom connector: `python -P -m smshub.connectors.customworker DESCRIPTOR`.

It loads one callable and calls it for one message after the other. Whatever that does to it, it does to nobody else.
"""

import asyncio
import importlib
import importlib.util
import inspect
import os
import resource
import socket
import sys
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from smshub.connectors.customcalls import (
    HEADER,
    MAX_OUTPUT,
    MAX_REF,
    MAX_REFS,
    MAX_TEXT,
    PARAMETERS,
    ConnectorError,
    frame,
    size_of,
    value_of,
)

_MEBIBYTE = 1_048_576
_FILES = 256
_THREADS = 32


class Output:
    """Stands in for both output streams: keeps the first of what is written between two calls."""

    encoding = "utf-8"
    errors = "replace"

    def __init__(self) -> None:
        self._parts: list[str] = []
        self._left = MAX_OUTPUT

    def write(self, text: str) -> int:
        """Keep what there is room for."""
        if self._left > 0:
            part = str(text)[: self._left]
            self._parts.append(part)
            self._left -= len(part)
        return len(text)

    def flush(self) -> None:
        """Nothing waits."""

    def isatty(self) -> bool:
        """It is none."""
        return False

    def fileno(self) -> int:
        """Give the descriptor of standard output, which leads nowhere."""
        return 1

    def taken(self) -> str:
        """Give what was kept, and begin again."""
        text, self._parts, self._left = "".join(self._parts), [], MAX_OUTPUT
        return text


def main() -> None:
    """Serve the socket that was handed over until its other end closes."""
    channel = socket.socket(fileno=int(sys.argv[1]))
    channel.set_inheritable(False)
    nowhere = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(nowhere, descriptor)
    output = Output()
    sys.stdout = sys.stderr = output
    calls: SimpleQueue[dict[str, Any]] = SimpleQueue()
    threading.Thread(target=_listen, args=(channel, calls), daemon=True).start()
    setup = calls.get()
    _limit(setup.get("memory"))
    try:
        function = loaded(setup)
    except BaseException as error:  # noqa: BLE001 - it may do anything as it is loaded, also leave
        channel.sendall(frame({"failed": _said(error), "output": output.taken()}))
        return
    channel.sendall(frame({"ready": True, "output": output.taken()}))
    while True:
        values = calls.get()
        number = values.pop("call")
        answer = called(function, values)
        channel.sendall(frame({**answer, "call": number, "output": output.taken(), "spent": _spent()}))


def _listen(channel: socket.socket, calls: "SimpleQueue[dict[str, Any]]") -> None:
    """Read calls; when the hub is gone this process ends, whatever it is in the middle of."""
    try:
        while True:
            calls.put(value_of(_exactly(channel, size_of(_exactly(channel, HEADER.size)))))
    except (OSError, ValueError):
        os._exit(0)


def _exactly(channel: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        more = channel.recv(size - len(data))
        if not more:
            raise ConnectionError
        data += more
    return data


def _limit(memory: int | None) -> None:
    """Bound what this process may take: memory in MiB, open files, and no core, which would hold secrets."""
    limits = [(resource.RLIMIT_CORE, 0), (resource.RLIMIT_NOFILE, _FILES)]
    if memory:
        limits.append((resource.RLIMIT_AS, memory * _MEBIBYTE))
    for kind, most in limits:
        _, hard = resource.getrlimit(kind)
        resource.setrlimit(kind, (most if hard == resource.RLIM_INFINITY else min(most, hard), hard))


def loaded(setup: Mapping[str, Any]) -> Callable[..., Any]:
    """Load the callable. Raises whatever its module raises, and TypeError where it wants what nobody gives."""
    if setup.get("file"):
        path = Path(setup["file"])
        # After everything else, so that a file of its folder cannot take the place of a library.
        sys.path.append(str(path.parent))
        spec = importlib.util.spec_from_file_location(path.stem, path)
        if spec is None or spec.loader is None:
            raise ImportError(f"{path.name} is no Python file")
        module = importlib.util.module_from_spec(spec)
        sys.modules.setdefault(path.stem, module)
        spec.loader.exec_module(module)
    else:
        module = importlib.import_module(setup["module"])
    function: Callable[..., Any] = getattr(module, setup["function"])
    for parameter in inspect.signature(function).parameters.values():
        wanted = parameter.default is parameter.empty and parameter.kind not in {
            parameter.VAR_POSITIONAL,
            parameter.VAR_KEYWORD,
        }
        if wanted and parameter.name not in PARAMETERS:
            raise TypeError(f"it takes '{parameter.name}', which is none of {', '.join(PARAMETERS)}")
    return function


def arguments(function: Callable[..., Any], values: Mapping[str, Any]) -> tuple[list[Any], dict[str, Any]]:
    """Give what is handed to a callable: of the documented values those that it takes."""
    positional: list[Any] = []
    named: dict[str, Any] = {}
    for parameter in inspect.signature(function).parameters.values():
        if parameter.kind is parameter.VAR_KEYWORD:
            named = {**values, **named}
        elif parameter.name in values and parameter.kind is parameter.POSITIONAL_ONLY:
            positional.append(values[parameter.name])
        elif parameter.name in values:
            named[parameter.name] = values[parameter.name]
    return positional, named


def called(function: Callable[..., Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """Call it once and say what it came to, in a frame of bounded size."""
    positional, named = arguments(function, values)
    try:
        result = function(*positional, **named)
        if inspect.isawaitable(result):
            result = asyncio.run(_awaited(result))
    except ConnectorError as error:
        told = {"refused": str(error)[:MAX_TEXT], "reason": str(error.reason)[:MAX_TEXT]}
        code = None if error.code is None else str(error.code)[:MAX_TEXT]
        return {**told, "code": code, "retry_after": error.retry_after}
    except BaseException as error:  # noqa: BLE001 - also SystemExit: nobody knows how far it came
        return {"raised": _said(error)}
    return _answer(result)


async def _awaited(result: Any) -> Any:
    return await result


def _answer(result: Any) -> dict[str, Any]:
    """Put what a callable returned into a frame."""
    match result:
        case True:
            return {"accepted": []}
        case False:
            return {"refused": "it returned False", "reason": "UNKNOWN"}
        case str() if result:
            return {"accepted": [result] if len(result) <= MAX_REF else []}
        case list() | tuple() if result and all(isinstance(one, str) and one for one in result):
            return {"accepted": [one for one in result[:MAX_REFS] if len(one) <= MAX_REF]}
        case _:
            return {"raised": f"it returned {_name(result)}, which says neither yes nor no"}


def _said(error: BaseException) -> str:
    """Give the name of an exception and the first of what it says, which may fail as well."""
    try:
        words = str(error)[:MAX_TEXT]
    except BaseException:  # noqa: BLE001
        words = ""
    return f"{type(error).__name__}: {words}" if words else type(error).__name__


def _name(value: Any) -> str:
    """Name what was returned without asking it anything, since it may be of any make."""
    kind = type(value).__name__[:MAX_REF]
    return "None" if value is None else f"an empty {kind}" if isinstance(value, str | list | tuple) else kind


def _spent() -> bool:
    """Say whether what was called has left so much behind that a new process should take over."""
    try:
        files = sum(1 for _ in Path("/proc/self/fd").iterdir())
    except OSError:
        files = 0
    return files > _FILES // 2 or threading.active_count() > _THREADS


if __name__ == "__main__":
    main()
