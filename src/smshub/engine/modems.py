"""The modems of all connectors: told, and asked for USSD."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import msgspec
import structlog

from smshub.domain.accounts import Account
from smshub.domain.commands import Refusal, Refused, Reply
from smshub.domain.contracts import ModemHost
from smshub.domain.incoming import ListModems, Modems, ModemView, RequestUssd, UssdAnswered
from smshub.engine.outlet import Outlet

log = structlog.get_logger(__name__)

_SERVICE = 5  # letters of a code that the log tells: the rest may be a number or a voucher


class ModemRoom:
    """
    Tells the modems and asks them for USSD.

    Every account may list them; who they are (IMEI, IMSI, ICCID, numbers, ports) is for those who see everything, and
    for those who may ask for USSD. That takes an operator, or the account's setting `ussd`.
    """

    def __init__(self, outlets: Callable[[], Mapping[str, Outlet]]) -> None:
        self._outlets = outlets

    @property
    def handlers(self) -> Mapping[type, Callable[[Account, Any], Awaitable[Reply]]]:
        """Give the commands that are carried out here."""
        return {ListModems: self._list, RequestUssd: self._ussd}

    def _hosts(self) -> list[ModemHost]:
        connectors: list[object] = [outlet.connector for outlet in self._outlets().values()]
        return [connector for connector in connectors if isinstance(connector, ModemHost)]

    def _modems(self) -> list[tuple[ModemHost, ModemView]]:
        return [(host, modem) for host in self._hosts() for modem in host.modems()]

    async def _list(self, account: Account, _: ListModems) -> Modems:
        modems = [modem for _, modem in self._modems()]
        if not (account.sees_all or account.ussd):
            modems = [
                msgspec.structs.replace(modem, port="", imei="", imsi="", iccid="", smsc="", error=None)
                for modem in modems
            ]
        return Modems(tuple(modems))

    async def _ussd(self, account: Account, command: RequestUssd) -> UssdAnswered:
        if not (account.operates or account.ussd):
            raise Refused(Refusal.FORBIDDEN, "Forbidden")
        host, modem = self._find(command.modem)
        log.info("ussd.requested", account=account.name, modem=modem.id, code=f"{command.code[:_SERVICE]!r}...")
        return await host.ussd(command.code, modem.id)

    def _find(self, wanted: str | None) -> tuple[ModemHost, ModemView]:
        """Find the modem of this name; without one the default of those that can, or else any."""
        modems = self._modems()
        if wanted is not None:
            for host, modem in modems:
                if modem.id == wanted:
                    return host, modem
            raise Refused(Refusal.NOT_FOUND, "UnknownModem", member="modem", value=wanted[:64])
        if not modems:
            raise Refused(Refusal.UNAVAILABLE, "NoModem")
        return min(modems, key=lambda one: (not one[1].connected, not one[1].default))
