"""Why a route is taken or passed over, and how each connector fares: what `explain` tells of ways. Changes nothing."""

import random
from collections.abc import Iterable, Iterator, Mapping

from smshub.domain.commands import Way
from smshub.domain.limits import BreakerState
from smshub.domain.message import MessageClass
from smshub.domain.routing import Route, Routes, Target, leads_to
from smshub.engine.outlet import Outlet


def ways_of(
    routes: Routes, outlets: Mapping[str, Outlet], to: str, account: str, message_class: MessageClass, now: float
) -> tuple[Way, ...]:
    """Tell every route that might have been meant for a number, and why it is taken or passed over."""
    found = routes.find(to, account, message_class)
    taking = () if found is None else _taking(found[0], found[1], outlets, now)
    return (*taking, *_passed_over(routes, to, account, message_class, found))


def _taking(route: Route, prefix: str, outlets: Mapping[str, Outlet], now: float) -> Iterator[Way]:
    """Tell the connectors of the route that is taken, in an order in which a text may try them."""
    taken = False
    targets = {target.connector: target for target in route.targets}
    for name in route.order(random.random):
        outlet = outlets.get(name)
        if outlet is None:
            yield Way(connector=name, prefix=prefix, taken=False, why="there is no connector of that name")
            continue
        fits = not taken and outlet.available(now)
        remarks = [_place(outlet, now, taken=taken), *_share(targets[name], route), *_fares(outlet, now)]
        taken = taken or fits
        yield Way(connector=name, prefix=prefix, taken=fits, why="; ".join(remarks))


def _place(outlet: Outlet, now: float, *, taken: bool) -> str:
    if not outlet.available(now):
        if (paused := outlet.bucket.paused(now)) > 0.0:
            return f"paused for {paused:.0f} s: the provider said that this was too fast"
        rest = outlet.breaker.until()
        again = f" (tried again in {max(0.0, rest - now):.0f} s)" if rest is not None else ""
        return f"{outlet.condition(now)}{again}: {outlet.last_error or 'not connected'}"
    return "next, should the ones before it defer" if taken else "the longest prefix that fits, first in its order"


def _share(target: Target, route: Route) -> Iterator[str]:
    """Tell its priority where there are several, its weight where it shares one."""
    if len({each.priority for each in route.targets}) > 1:
        yield f"priority {target.priority}"
    beside = [each.weight for each in route.targets if each.priority == target.priority]
    if len(beside) > 1:
        yield f"weight {target.weight} of {sum(beside)}, drawn for each text"


def _fares(outlet: Outlet, now: float) -> Iterator[str]:
    """Tell what slows it, and whether it may soon be out of credit."""
    allowed = outlet.bucket.allowed(now)
    if allowed is not None and allowed != outlet.throughput:
        yield f"slowed to {allowed:.3g} segments a second by its provider's answers"
    elif allowed is not None:
        yield f"throughput {allowed:g} segments a second"
    if outlet.breaker.state(now) is BreakerState.HALF_OPEN:
        yield "after failures one text is tried"
    if outlet.balance is not None:
        low = getattr(outlet.connector, "low_credit", None)
        left = f"{outlet.balance.amount:g} {outlet.balance.unit} left"
        yield f"{left}, less than low_credit ({low:g})" if low is not None and outlet.balance.amount < low else left


def _passed_over(
    routes: Routes, to: str, account: str, message_class: MessageClass, found: tuple[Route, str] | None
) -> Iterable[Way]:
    """Tell the other routes, and why they are not meant."""
    for route in routes.routes:
        if found is not None and route is found[0]:
            continue
        longest = max((prefix for prefix in route.prefixes if leads_to(prefix, to)), key=len, default=None)
        if longest is None:
            why = "another prefix"
        elif route.accounts and account not in route.accounts:
            why = "meant for other accounts"
        elif route.classes and message_class not in route.classes:
            why = "meant for other classes"
        elif found is not None and len(longest) < len(found[1]):
            why = "a longer prefix was found"
        else:
            why = "a narrower route, or one before it, was found"
        prefix = longest if longest is not None else ",".join(route.prefixes)
        for target in route.targets:
            yield Way(connector=target.connector, prefix=prefix, taken=False, why=why)
