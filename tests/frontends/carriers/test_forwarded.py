"""The caller's address behind a proxy: the proxy's word counts, the caller's own does not."""

from ipaddress import ip_network

import pytest

from smshub.frontends.carriers.forwarded import Forwarded

PROXIES = [ip_network("127.0.0.1/32"), ip_network("10.0.0.0/8"), ip_network("fd00::/8")]

CALLS = [
    ("127.0.0.1", ["203.0.113.7"], "203.0.113.7"),
    ("127.0.0.1", ["1.1.1.1, 203.0.113.7"], "203.0.113.7"),
    ("127.0.0.1", ["1.1.1.1, 203.0.113.7, 10.1.2.3"], "203.0.113.7"),
    ("127.0.0.1", ["1.1.1.1", "203.0.113.7"], "203.0.113.7"),
    ("::ffff:127.0.0.1", ["2001:db8::1"], "2001:db8::1"),
    ("fd00::1", ["2001:db8::1"], "2001:db8::1"),
    ("203.0.113.9", ["127.0.0.1"], "203.0.113.9"),  # not a proxy of ours
    ("127.0.0.1", [], "127.0.0.1"),
    ("127.0.0.1", ["10.1.2.3"], "127.0.0.1"),
    ("127.0.0.1", ["evil"], "127.0.0.1"),
    ("127.0.0.1", ["203.0.113.7, evil"], "127.0.0.1"),
    ("127.0.0.1", ["203.0.113.7:80"], "127.0.0.1"),
    ("127.0.0.1", ["203.0.113.7," + "10.0.0.1," * 40 + "10.0.0.1"], "127.0.0.1"),
]


@pytest.mark.parametrize(("peer", "named", "caller"), CALLS)
async def test_the_caller_is_whom_the_proxy_names(peer, named, caller):
    """The last address that is not a proxy's; where that cannot be told, the peer's own."""
    seen = []

    async def doors(scope, receive, send):
        seen.append((scope["client"][0], scope["scheme"]))

    headers = [(b"x-forwarded-for", one.encode()) for one in named] + [(b"x-forwarded-proto", b"https")]
    scope = {"type": "http", "client": (peer, 1), "headers": headers, "scheme": "http"}
    await Forwarded(doors, PROXIES)(scope, None, None)

    assert [(caller, "http" if peer == "203.0.113.9" else "https")] == seen
