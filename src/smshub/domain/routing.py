"""Which connectors a message may leave by, and in which order."""

from collections.abc import Callable, Iterable
from hashlib import blake2b
from itertools import count

import msgspec

from smshub.domain.addresses import route_prefixes
from smshub.domain.message import MessageClass


class Target(msgspec.Struct, frozen=True):
    """A connector that a route names. A lower priority is tried first; equals share by weight."""

    connector: str
    priority: int = 1
    weight: int = 1


class Route(msgspec.Struct, frozen=True):
    """
    Prefixes of numbers (digits, `""` for all) or of mail (`@example.org`, `@` for all), and the connectors for them.

    Neither `""` nor digits lead to an address, and nothing with `@` leads to a number.
    `accounts` and `classes` narrow it; empty means any.
    """

    name: str
    prefixes: tuple[str, ...]
    targets: tuple[Target, ...]
    accounts: frozenset[str] = frozenset()
    classes: frozenset[MessageClass] = frozenset()

    def suits(self, account: str, message_class: MessageClass) -> bool:
        """Say whether the route is meant for this account and class."""
        return (not self.accounts or account in self.accounts) and (not self.classes or message_class in self.classes)

    @property
    def specificity(self) -> int:
        """How narrow it is: an account outranks a class, both outrank neither."""
        return 2 * bool(self.accounts) + bool(self.classes)

    @property
    def shared(self) -> bool:
        """Whether connectors of the same priority share what leaves."""
        return len({target.priority for target in self.targets}) < len(self.targets)

    def order(self, draw: Callable[[], float]) -> tuple[str, ...]:
        """
        Tell the connectors in the order to try them: by priority, and equals drawn by weight.

        `draw` gives numbers in [0, 1).
        """
        if len(self.targets) == 1:
            return (self.targets[0].connector,)
        if not self.shared:
            return tuple(target.connector for target in sorted(self.targets, key=_priority))
        # Efraimidis-Spirakis: sorting by draw ** (1 / weight), largest first, draws without replacement by weight.
        keyed = [
            (target.priority, -(draw() ** (1 / target.weight)), place, target.connector)
            for place, target in enumerate(self.targets)
        ]
        return tuple(connector for _, _, _, connector in sorted(keyed))


def _priority(target: Target) -> int:
    return target.priority


def draws_of(message_id: str) -> Callable[[], float]:
    """
    Give the draws of a message: as even as chance, and the same each time.

    So each of its tries finds the connectors of its route in the order of the first, and goes on where the last ended.
    """
    place = count()

    def draw() -> float:
        digest = blake2b(f"{message_id} {next(place)}".encode(), digest_size=6).digest()
        return int.from_bytes(digest, "big") / 2**48

    return draw


class Routes:
    """All routes, arranged for lookup by longest prefix."""

    def __init__(self, routes: Iterable[Route]) -> None:
        self.routes = tuple(routes)
        self._by_prefix: dict[str, list[Route]] = {}
        for route in self.routes:
            for prefix in route.prefixes:
                self._by_prefix.setdefault(prefix, []).append(route)
        for same in self._by_prefix.values():
            same.sort(key=lambda route: -route.specificity)  # stable: equals keep the order of the file
        self._lengths = sorted({len(prefix) for prefix in self._by_prefix if "@" not in prefix}, reverse=True)

    def find(self, to: str, account: str, message_class: MessageClass) -> tuple[Route, str] | None:
        """Give the route with the longest prefix that suits, and that prefix; None where no route leads."""
        if "@" in to:
            return self._find_for(route_prefixes(to), account, message_class)
        for length in self._lengths:
            for route in self._by_prefix.get(to[:length], ()):
                if route.suits(account, message_class):
                    return route, to[:length]
        return None

    def _find_for(self, prefixes: Iterable[str], account: str, message_class: MessageClass) -> tuple[Route, str] | None:
        for prefix in prefixes:
            for route in self._by_prefix.get(prefix, ()):
                if route.suits(account, message_class):
                    return route, prefix
        return None


def leads_to(prefix: str, to: str) -> bool:
    """Say whether a prefix is one of a recipient's: of its number, or of its address."""
    return prefix in route_prefixes(to) if "@" in to else to.startswith(prefix)
