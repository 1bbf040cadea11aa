"""Who calls through a reverse proxy: believed only where the proxy is one of the operator's own."""

from collections.abc import Collection
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

from smshub.frontends.carriers.http import Endpoint, Receive, Scope, Send

Network = IPv4Network | IPv6Network
# More hops than anybody has; a header that names more is read from its end only so far.
MOST_HOPS = 16


class Forwarded:
    """
    Puts the caller's own address in the place of the proxy's.

    Of `X-Forwarded-For` it takes the last address that is not itself one of `proxies`: what stands before it was
    written by the caller, who may write anything.
    """

    def __init__(self, doors: Endpoint, proxies: Collection[Network]) -> None:
        self._doors = doors
        self._proxies = tuple(proxies)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request."""
        client = scope.get("client")
        if scope["type"] == "http" and client and self._is_proxy(_address(client[0])):
            named = [value for name, value in scope["headers"] if name == b"x-forwarded-for"]
            caller = self._caller(b",".join(named).decode("latin-1"))
            if caller is not None:
                scope["client"] = (caller, 0)
            if (b"x-forwarded-proto", b"https") in scope["headers"]:
                scope["scheme"] = "https"
        await self._doors(scope, receive, send)

    def _caller(self, named: str) -> str | None:
        for word in reversed(named.split(",")[-MOST_HOPS:]):
            address = _address(word.strip())
            if address is None:
                return None
            if not self._is_proxy(address):
                return str(address)
        return None

    def _is_proxy(self, address: IPv4Address | IPv6Address | None) -> bool:
        return address is not None and any(address in network for network in self._proxies)


def _address(written: str) -> IPv4Address | IPv6Address | None:
    try:
        found = ip_address(written)
    except ValueError:
        return None
    mapped = found.ipv4_mapped if isinstance(found, IPv6Address) else None
    return mapped or found
