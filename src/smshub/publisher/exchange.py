"""One request over a broker: connect, listen for the answer, publish, wait for the broker's word and the answer."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, suppress
from importlib import import_module
from typing import Protocol

from smshub.publisher.answers import Answer, answer_of, is_answer, load
from smshub.publisher.errors import ConfigError, NoAnswer, NotSent, Unconfirmed
from smshub.publisher.settings import Settings

Next = Callable[[], Awaitable[bytes]]
Publish = Callable[[bytes], Awaitable[None]]


class Refused(Exception):
    """A broker's clear no, as a sentence without credentials."""


class Broker(Protocol):
    """A way to one broker. It has a connection of its own, and makes a new one where that is gone."""

    def speaking(self) -> AbstractAsyncContextManager[Publish]:
        """
        Have a connection that works; gives what publishes a request over it.

        Both raise `Refused` where the broker surely takes nothing, or what the library raises.
        """

    def listening(self, topic: str) -> AbstractAsyncContextManager[Next]:
        """Listen on a topic, while speaking: when the block begins, nothing that is published there is missed."""

    async def close(self) -> None:
        """Let go of the connection."""


def broker_of(settings: Settings) -> Broker:
    """Make the way to the broker of these settings; its library is loaded here."""
    try:
        module = import_module(f"smshub.publisher.transports.{settings.method.lower()}")
        made: Broker = module.Transport(settings)
    except OSError as error:
        raise ConfigError(f"cannot be read ({error.strerror or type(error).__name__})", "ca") from None
    return made


async def exchange(
    broker: Broker, settings: Settings, document: bytes, command: str, callback: str | None
) -> Answer | None:
    """
    Publish a request; where it names a callback topic, give what comes there.

    Raises `NotSent`, `Unconfirmed` or `NoAnswer`.
    """
    async with AsyncExitStack() as stack:
        following: Next | None = None
        what = "does not answer"
        try:
            async with asyncio.timeout(settings.timeout):
                publish = await stack.enter_async_context(broker.speaking())
                what = "lets nobody listen for the answer"
                if callback is not None:
                    following = await stack.enter_async_context(broker.listening(callback))
        except Exception as error:
            raise NotSent(f"{settings.place} {_told(error, what)}") from error
        await _published(broker, publish, settings, document)
        return None if following is None else await _answered(following, settings, command)


async def _published(broker: Broker, publish: Publish, settings: Settings, document: bytes) -> None:
    try:
        async with asyncio.timeout(settings.timeout):
            await publish(document)
    except Refused as error:
        raise NotSent(f"{settings.place} has not taken it: {error}") from None
    except Exception as error:
        # Whatever it is, this connection is none to trust; the next request gets another.
        with suppress(Exception):
            async with asyncio.timeout(settings.timeout):
                await broker.close()
        raise Unconfirmed(f"{settings.place} has not confirmed it ({type(error).__name__})") from error


async def _answered(following: Next, settings: Settings, command: str) -> Answer:
    try:
        async with asyncio.timeout(settings.timeout + settings.callback_delay / 1000):
            while True:
                found = load(await following())
                if found is not None and is_answer(found, command):
                    return answer_of(found, command)
    except TimeoutError as error:
        raise NoAnswer(f"{settings.place} has it, and no answer came within {settings.timeout:g} s") from error
    except Exception as error:
        raise NoAnswer(f"{settings.place} has it, and the connection was lost before the answer") from error


def _told(error: Exception, otherwise: str) -> str:
    """Say what a failure is, in words that hold nothing of the request."""
    if isinstance(error, Refused):
        return f"refuses {error}"
    return f"{otherwise} ({type(error).__name__})"
