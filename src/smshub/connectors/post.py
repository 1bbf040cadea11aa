"""Mail that is sent beside everything else: handed in at once, tried a few times, never waited for."""

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

import structlog

from smshub.connectors.mail import BadMail, Mail, MailFailed, SmtpServer, compose, send

log = structlog.get_logger(__name__)

# Seconds before the second, third and fourth try: a server that greylists takes a mail after some minutes.
PAUSES = (10.0, 120.0, 900.0)
MOST_WAITING = 100


class Post:
    """Sends mails in the background. What has not gone when the hub stops is lost, and said so in the log."""

    def __init__(self, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep) -> None:
        self._sleep = sleep
        self._tasks: set[asyncio.Task[None]] = set()

    def hand_in(self, server: SmtpServer, mail: Mail) -> None:
        """Begin to send a mail; returns at once and never raises."""
        if len(self._tasks) >= MOST_WAITING:
            log.error("mail.dropped", subject=mail.subject, why=f"{MOST_WAITING} others wait")
            return
        try:
            message = compose(mail, server.sender, secrets.token_hex(16), datetime.now(UTC))
        except BadMail as error:
            log.error("mail.dropped", subject=mail.subject, why=str(error))  # noqa: TRY400 - the operator's, not ours
            return

        async def deliver() -> None:
            for pause in (*PAUSES, None):
                try:
                    await send(server, message)
                except MailFailed as failed:
                    log.warning("mail.failed", subject=mail.subject, host=server.host, why=str(failed))
                    if failed.permanent or pause is None:
                        log.error("mail.dropped", subject=mail.subject, why=str(failed))  # noqa: TRY400
                        return
                    await self._sleep(pause)
                else:
                    log.info("mail.sent", subject=mail.subject, host=server.host)
                    return

        task = asyncio.create_task(deliver(), name="mail")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def stop(self) -> None:
        """End what has not gone yet."""
        tasks = tuple(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if tasks:
            log.warning("mail.lost", count=len(tasks))
