"""The broker as the application has it: on where it is configured, begun anew where its table has changed."""

from typing import TYPE_CHECKING

import structlog

from smshub.config.broker import BrokerSettings

if TYPE_CHECKING:
    from smshub.broker.server import Server

log = structlog.get_logger(__name__)


class Broker:
    """Listens as configured; `apply` takes over a changed table, `stop` says goodbye to every client (1001)."""

    def __init__(self) -> None:
        self._settings: BrokerSettings | None = None
        self._server: Server | None = None

    @property
    def addresses(self) -> list[str]:
        """Where it listens: `ws://host:port`, or nothing where it is off."""
        return [] if self._server is None else [self._server.address]

    async def apply(self, settings: BrokerSettings | None) -> None:
        """Listen as these settings say, None for not at all. Raises OSError (which ssl.SSLError is) where it cannot."""
        if settings == self._settings:
            return
        await self.stop()
        if settings is None:
            return
        # Only those who have a broker pay for the library.
        from smshub.broker.server import Server  # noqa: PLC0415

        server = Server(settings)
        await server.start()
        self._server, self._settings = server, settings
        log.info("broker.listening", address=server.address)

    async def change(self, settings: BrokerSettings | None) -> None:
        """Do as `apply` does while the hub runs: what stands in the way is told in the log, and the hub goes on."""
        try:
            await self.apply(settings)
        except OSError as error:
            log.error("broker.not_listening", why=str(error))  # noqa: TRY400 - the operator's, not ours

    async def stop(self) -> None:
        """Close every connection and the listener; does nothing where it is off."""
        server, self._server, self._settings = self._server, None, None
        if server is not None:
            await server.stop()
