"""`/metrics` for Prometheus and `/readyz` for those who send traffic here."""

from ipaddress import ip_address

import msgspec

from smshub.domain.accounts import Account, Role
from smshub.domain.commands import Connectors, HubStatus, ListConnectors, Refused, Status
from smshub.domain.contracts import Hub
from smshub.domain.figures import MOST_LAG, FiguresShown, ShowFigures
from smshub.frontends.carriers.http import Caller, Endpoint, Headers, Receive, Scope, Send, answer, peer_of
from smshub.frontends.dialects import metrics

# Who asks for what anybody may know.
NOBODY = Account("readyz", role=Role.AUDITOR)


class MetricsDoor:
    """
    Two endpoints. `/readyz` tells anybody whether the node takes messages, in a word.

    `/metrics` answers callers on this machine, and others with the credentials of an account that may read everything.
    """

    def __init__(self, hub: Hub, caller: Caller) -> None:
        self._hub = hub
        self._caller = caller

    def endpoints(self) -> dict[tuple[str, str], Endpoint]:
        """Give the endpoints by method and path."""
        return {
            ("GET", "/metrics"): self.metrics,
            ("GET", "/readyz"): self.readyz,
            ("HEAD", "/readyz"): self.readyz,
        }

    async def readyz(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer 200 where the node takes messages, else 503, with the reason."""
        status = await self._hub.handle(NOBODY, HubStatus())
        figures = await self._hub.handle(NOBODY, ShowFigures(0.0))
        assert isinstance(status, Status)
        assert isinstance(figures, FiguresShown)
        document = {
            "ready": figures.ready,
            "why": figures.why,
            "connectors": status.connectors,
            "connectors_up": status.connectors_up,
            "warnings": figures.warnings,
            "checks": {
                "database": {"ok": "database" not in status.troubles, "version": figures.database},
                "disk": {"ok": "disk" not in status.troubles, "free": figures.free},
                "queue": {"ok": "queue" not in status.troubles, "waiting": status.queued},
                "loop": {"ok": figures.lag <= MOST_LAG, "lag": round(figures.lag, 3)},
            },
        }
        body = msgspec.json.encode(document) + b"\n"
        headers = [*_HEADERS, (b"content-type", b"application/json")]
        await answer(send, 200 if figures.ready else 503, headers, b"" if scope["method"] == "HEAD" else body)

    async def metrics(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer with all figures."""
        headers: Headers = [*_HEADERS]
        try:
            account = await self._account(scope)
            figures = await self._hub.handle(account, ShowFigures(0.0))
            connectors = await self._hub.handle(account, ListConnectors())
        except Refused as refused:
            status = 401 if refused.error == "AuthFailed" else 403
            await answer(send, status, [*headers, (b"www-authenticate", b'Basic realm="smshub"')], b"")
            return
        assert isinstance(figures, FiguresShown)
        assert isinstance(connectors, Connectors)
        headers.append((b"content-type", metrics.CONTENT_TYPE.encode()))
        await answer(send, 200, headers, metrics.expose(figures, connectors))

    async def _account(self, scope: Scope) -> Account:
        peer = peer_of(scope)
        given = {name for name, _ in scope["headers"]}
        if not given & {b"authorization", b"x-api-key", b"wa-api-key"} and _is_here(peer):
            return NOBODY
        return await self._caller.account(scope["headers"], peer)


_HEADERS: Headers = [(b"cache-control", b"no-store"), (b"x-content-type-options", b"nosniff")]


def _is_here(peer: str) -> bool:
    try:
        return ip_address(peer).is_loopback
    except ValueError:
        return False
