"""The filters of GET /v1/messages."""

import pytest

from smshub.domain.commands import ListBlocked, Listed, ListMessages, Refused
from smshub.domain.message import MessageClass, State
from smshub.frontends.dialects.native_query import decode_paging


@pytest.mark.parametrize(
    ("query", "wanted"),
    [
        ("to=%2B49+170-1234567", ListMessages(to="491701234567")),
        ("to=+491701234567", ListMessages(to="491701234567")),
        ("to=a%40example.org", ListMessages(to="a@example.org")),
        ("state=UNCERTAIN&class=bulk", ListMessages(state=State.UNCERTAIN, message_class=MessageClass.BULK)),
        ("account=shop&connector=carrier-a", ListMessages(account="shop", connector="carrier-a")),
        ("reference=order%207&limit=500&cursor=c1", ListMessages(reference="order 7", limit=500, cursor="c1")),
        (
            "since=1970-01-01T01:00:00+01:00&until=1970-01-01T00:00:01.5Z",
            ListMessages(since=0.0, until=1.5),
        ),
        ("since=1970-01-01T01:00:00%2B01:00", ListMessages(since=0.0)),
    ],
)
async def test_messages_are_filtered(api, hub, query, wanted):
    """Every filter becomes its member of the command."""
    hub.reply = Listed((), None)

    answer = await api.ask("GET", f"/v1/messages?{query}")

    assert {"messages": [], "next": None} == answer.document
    assert [("shop", wanted)] == hub.asked


@pytest.mark.parametrize(
    ("query", "member", "why"),
    [
        ("states=SENT", "states", "there is no such filter. Did you mean 'state'?"),
        ("state=sent", "state", "it must be one of QUEUED, SENDING, SENT"),
        ("class=vip", "class", "it must be one of otp, transactional, bulk"),
        ("to=", "to", "it is empty"),
        ("to=x%00", "to", "it contains 'x'"),
        ("limit=0", "limit", "it must be 1 to 500"),
        ("limit=501", "limit", "it must be 1 to 500"),
        ("limit=1e2", "limit", "it must be 1 to 500"),
        ("limit=%D9%A1", "limit", "it must be 1 to 500"),
        ("since=2030-01-01T00:00:00", "since", "with an offset"),
        ("since=yesterday", "since", "RFC 3339"),
        ("since=2030-01-02T00:00:00Z&until=2030-01-01T00:00:00Z", "until", "it is before since"),
        ("account=../etc", "account", "it is no name"),
        ("reference=%00", "reference", "printable"),
        ("cursor=", "cursor", "it must be 1 to 255"),
        ("limit=1&limit=2", "limit", "it is given twice"),
        ("to=%ff", "query", "UTF-8"),
        ("&".join(["limit=1"] * 50), "query", "a few parameters"),
        ("reference=" + "x" * 9_000, "query", "longer than"),
    ],
)
async def test_a_bad_filter_is_named(api, hub, undocumented, query, member, why):
    """A filter that cannot be read, or is not known, is refused rather than left out."""
    answer = await api.ask("GET", f"/v1/messages?{query}")

    found = answer.document
    assert (400, "BadFilter", member) == (answer.status, found["error"], found["member"])
    assert why in found["detail"]
    assert [] == hub.asked
    assert [] == undocumented("GET", "/v1/messages", answer)


def test_the_blocklist_knows_the_paging_filters_only():
    """The others are refused by name, as everywhere."""
    assert ListBlocked(limit=7, cursor="491") == decode_paging(b"limit=7&cursor=491")
    assert ListBlocked() == decode_paging(b"")
    with pytest.raises(Refused) as caught:
        decode_paging(b"state=SENT")
    assert ("BadFilter", "state") == (caught.value.error, caught.value.member)
