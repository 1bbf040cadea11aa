"""What the ways out by mail share: the servers they name, and how they come by them."""

from collections.abc import Iterable, Mapping
from typing import ClassVar, Self

from pydantic import PrivateAttr

from smshub.connectors.base import ConnectorSettings, Sender
from smshub.connectors.mail import SmtpServer
from smshub.connectors.mailservers import MailServers
from smshub.settings import setting


class MailSettings(ConnectorSettings):
    """Settings that every way out by mail has."""

    servers: list[str] = setting(
        "Names of the mail servers ([smtp.NAME]), asked by turns; empty means all of them.",
        [],
        examples=[["office", "backup"]],
    )
    connections: int = setting("Mails that are handed over at once.", 8, ge=1, le=1_000)

    _resolved: tuple[tuple[str, SmtpServer], ...] = PrivateAttr(())

    @property
    def resolved(self) -> tuple[tuple[str, SmtpServer], ...]:
        """The servers that are meant, with their names; none before the configuration was whole."""
        return self._resolved

    def named(self) -> Iterable[tuple[str, str]]:
        """Tell each server that is named, with the key under which it is."""
        return [("servers", name) for name in self.servers]

    def resolve(self, servers: Mapping[str, SmtpServer]) -> Self:
        """Give these settings with the servers of a configuration; a name that is none of them is left out."""
        names = [name for _, name in self.named()] or list(servers)
        resolved = self.model_copy()
        resolved._resolved = tuple((name, servers[name]) for name in dict.fromkeys(names) if name in servers)  # noqa: SLF001 - our own copy
        return resolved


def with_servers(settings: ConnectorSettings, servers: Mapping[str, SmtpServer]) -> ConnectorSettings:
    """Give a connector's settings the mail servers that they name; others stay as they are."""
    return settings.resolve(servers) if isinstance(settings, MailSettings) else settings


class MailSender(Sender):
    """Sends each message as a mail; a subclass says what stands in it."""

    settings_class: ClassVar[type[ConnectorSettings]] = MailSettings

    def __init__(self, name: str, settings: MailSettings) -> None:
        super().__init__(name, settings)
        self.concurrency = settings.connections
        self.servers = MailServers(settings.resolved)

    async def close(self) -> None:
        """Say goodbye to the servers."""
        await self.servers.close()
