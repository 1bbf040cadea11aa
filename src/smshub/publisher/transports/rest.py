"""REST: every command is a POST with Basic to the one URL."""

import asyncio
from base64 import b64encode
from typing import Final

import aiohttp

from smshub.publisher.answers import LARGEST
from smshub.publisher.errors import BadAnswer, ConfigError, NoAnswer, NotSent
from smshub.publisher.settings import Settings

# A server may close a connection that nobody uses: ours is closed before, so that no request is written to a dead one.
IDLE: Final = 2.0

# What a server says that has surely done nothing.
_NOTHING_DONE: Final = frozenset({301, 302, 303, 307, 308, 403, 404, 405, 413, 415, 429})


class Rest:
    """Asks one URL."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        try:
            context = settings.context()
        except OSError as error:
            raise ConfigError(f"cannot be read ({error.strerror or type(error).__name__})", "ca") from None
        pair = b64encode(f"{settings.username}:{settings.password}".encode()).decode()
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(ssl=True if context is None else context, keepalive_timeout=IDLE),
            timeout=aiohttp.ClientTimeout(total=settings.timeout),
            headers={
                "Authorization": f"Basic {pair}",
                "Content-Type": "application/json",
                "User-Agent": "smshub-publisher",
            },
            cookie_jar=aiohttp.DummyCookieJar(),
        )

    async def ask(self, document: bytes) -> tuple[int, bytes]:
        """
        Give status and body of the answer; the status is 200 or 401.

        Raises `NotSent`, `NoAnswer` or `BadAnswer`.
        """
        url = self._settings.url
        try:
            async with self._session.post(url, data=document, allow_redirects=False) as answer:
                body = await answer.content.read(LARGEST + 1)
                while len(body) <= LARGEST and (more := await answer.content.read(LARGEST + 1)):
                    body += more
                status = answer.status
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            raise NotSent(f"{url} does not answer ({type(error).__name__})") from error
        except TimeoutError as error:
            raise NoAnswer(f"{url} has not answered within {self._settings.timeout:g} s") from error
        except (aiohttp.ClientError, OSError) as error:
            raise NoAnswer(f"{url}: the connection was lost before the answer ({type(error).__name__})") from error
        if status in _NOTHING_DONE:
            raise NotSent(f"{url} answers with status {status}; is it the right URL?")
        if status not in {200, 401}:
            raise BadAnswer(f"{url} answers with status {status}")
        return status, body

    async def close(self) -> None:
        """Close the connections."""
        await self._session.close()
        # The transports close in the next turns of the loop (TLS: when the other side has said goodbye).
        await asyncio.sleep(0)
