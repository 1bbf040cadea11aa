"""What the guard of codes objects to, limit by limit."""

import pytest

from smshub.domain.conversion import TRIAL, ConversionRules, Judged, Prefix
from smshub.domain.counting import DAY, HOUR, Recent, Tallies
from smshub.domain.guard import GuardBook, GuardPolicy, GuardRequest
from smshub.domain.prefixes import country_of, network_of, prefix_of

NOW = 1_900_000_000.0
ALL = frozenset({"*"})
# No limit at all, so that each test switches on the one that it is about.
NONE = {
    "countries": ALL,
    "recipient_10_minutes": 0,
    "recipient_day": 0,
    "source_hour": 0,
    "source_day": 0,
    "prefix_10_minutes": 0,
    "sequence": 0,
}


def policy(**limits):
    """Make a policy with these limits and no other."""
    return GuardPolicy(**{**NONE, **limits})


def asked(to="491701234567", account="shop", source="192.0.2.1", home="DE"):
    """Make a request as the guard sees it."""
    if "@" in to:
        return GuardRequest(account, to, domain=to.partition("@")[2])
    return GuardRequest(account, to, source, country_of(to), prefix_of(to), "", home)


def rules(book, wanted, request, now=NOW):
    """Give the names of all that is objected to."""
    return [one.rule for one in book.objections(wanted, request, now)]


# --- limits -----------------------------------------------------------------------------------------------------------

# The limit, how many it is, its span in seconds, how much longer it may count, the requests that share it, and one
# that does not.
LIMITS = [
    ("recipient_10_minutes", 5, 600.0, 0.0, [asked(account="a"), asked(account="b", source="")], asked("491701234568")),
    ("recipient_day", 10, DAY, 0.0, [asked()], asked("491701234568")),
    ("recipient_day", 3, DAY, 0.0, [asked("a@example.org")], asked("b@example.org")),
    ("source_hour", 30, HOUR, 0.0, [asked(), asked("436641234567")], asked(source="192.0.2.2")),
    ("source_day", 100, DAY, 0.0, [asked(), asked("436641234567")], asked(source="")),
    ("prefix_10_minutes", 30, 600.0, 0.0, [asked("491701230001"), asked("491701239999")], asked("491701241111")),
    ("account_hour", 7, HOUR, 60.0, [asked(), asked("436641234567")], asked(account="other")),
    ("account_day", 7, DAY, 900.0, [asked(), asked("436641234567")], asked(account="other")),
    ("country_hour", 7, HOUR, 60.0, [asked(), asked("491601234567", "b")], asked("436641234567")),
    ("country_day", 7, DAY, 900.0, [asked(), asked("491601234567", "b")], asked("436641234567")),
    ("domain_hour", 7, HOUR, 60.0, [asked("a@example.org"), asked("b@example.org")], asked("a@example.com")),
]


@pytest.mark.parametrize(
    ("rule", "limit", "span", "late", "sharing", "apart"),
    LIMITS,
    ids=lambda value: value if str(value) == value else "",
)
def test_a_limit_holds_for_its_span(rule, limit, span, late, sharing, apart):
    """So many are let through, the next is not before the first of them is out of the span, and others do not care."""
    book, wanted = GuardBook(), policy(**{rule: limit})
    for number in range(limit):
        request = sharing[number % len(sharing)]
        assert [] == rules(book, wanted, request, NOW + number)
        book.count(request, NOW + number)

    (objection,) = book.objections(wanted, sharing[0], NOW + limit)
    assert rule == objection.rule
    assert str(limit) in objection.why
    assert span - limit <= objection.retry_after <= span - limit + late
    assert [] == rules(book, wanted, apart, NOW + limit)
    assert [rule] == rules(book, wanted, sharing[-1], NOW + span - 1)
    assert [] == rules(book, wanted, sharing[0], NOW + limit + objection.retry_after)


def test_what_was_not_sent_after_all_is_not_counted():
    """It is taken back from every count."""
    book = GuardBook()
    limits = {name: 1 for name, *_ in LIMITS}
    for to in ("491701234567", "a@example.org"):
        before = book.count(asked(to), NOW)
        assert rules(book, policy(**limits), asked(to), NOW)
        book.take_back(asked(to), NOW, before)
        assert [] == rules(book, policy(**limits), asked(to), NOW)
    assert {} == book.prefixes["49170123"].open


def test_mail_is_limited_by_address_and_domain_only():
    """Neither countries nor an account's limits hold for it."""
    book = GuardBook()
    book.count(asked("a@example.org"), NOW)
    book.count(asked(), NOW)

    narrow = policy(countries=frozenset(), account_hour=1, account_day=1, source_hour=1, country_hour=1)
    assert [] == rules(book, narrow, asked("b@example.org"))
    assert ["account_hour", "account_day"] == rules(book, narrow, asked("436641234567", home="AT", source=""))


def test_the_gravest_comes_first():
    """Every objection is told, so that recording shows all there is."""
    book = GuardBook()
    book.count(asked(), NOW)
    wanted = policy(countries=frozenset({"AT"}), recipient_10_minutes=1, source_hour=1, account_day=1)

    assert ["countries", "recipient_10_minutes", "source_hour", "account_day"] == rules(book, wanted, asked())


# --- countries and prefixes -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("countries", "home", "to", "allowed"),
    [
        ((), "DE", "491701234567", True),
        ((), "DE", "436641234567", False),
        ((), "", "491701234567", False),
        (("DE", "AT"), "CH", "436641234567", True),
        (("DE", "AT"), "CH", "41791234567", False),
        (("US",), "US", "12025550123", True),
        (("US",), "US", "18765551234", False),
        (("RU",), "RU", "77011234567", False),
        (("GB",), "GB", "447781123456", False),
        (("*",), "", "8821651234567", True),
        (("DE",), "DE", "8821651234567", False),
        (("DE",), "DE", "9991234567", False),
    ],
)
def test_codes_go_only_to_countries_that_are_named(countries, home, to, allowed):
    """Without a list to the account's own; without that nowhere; `*` is everywhere, satellites too."""
    found = rules(GuardBook(), policy(countries=frozenset(countries)), asked(to, home=home))

    assert ([] if allowed else ["countries"]) == found


@pytest.mark.parametrize(
    ("number", "prefix", "country"),
    [
        ("491701234567", "49170123", "DE"),
        ("12025550123", "1202555", "US"),
        ("12045550123", "1204555", "CA"),
        ("37251234567", "3725123", "EE"),
        ("6834012", "68340", "NU"),
        ("8613812345678", "86138123", "CN"),
        ("77011234567", "7701123", "KZ"),
        ("74951234567", "7495123", "RU"),
        ("390612345678", "39061234", "IT"),
        ("1000000", "10000", "US"),  # no valid number anywhere: the main country of the code
        ("8821651234567", "88216512", ""),
        ("9991234567", "999123", ""),
    ],
)
def test_where_a_number_is(number, prefix, country):
    """All but four digits, five to eight; the country, also where several share a code."""
    assert (prefix, country) == (prefix_of(number), country_of(number))


@pytest.mark.parametrize(
    ("source", "network"),
    [
        ("192.0.2.1", "192.0.2.1"),
        (" 192.0.2.1 ", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("[2001:db8:1:2::7]", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("the till: 4", "the till: 4"),
    ],
)
def test_what_an_address_is_counted_by(source, network):
    """Itself; of IPv6 the network of one household; what is no address as it is."""
    assert network == network_of(source)


# --- numbers that follow each other -----------------------------------------------------------------------------------


@pytest.mark.parametrize("order", [(1, 2, 3, 4, 5), (5, 4, 3, 2, 1), (1, 2, 4, 5, 3), (3, 1, 5, 2, 4)])
def test_the_fifth_of_numbers_that_follow_each_other_is_one_too_many(order):
    """In whatever order they are asked for."""
    book, wanted = GuardBook(), policy(sequence=5)
    *first, last = (asked(f"4917012300{number:02d}") for number in order)
    for request in first:
        assert [] == rules(book, wanted, request)
        book.count(request, NOW)

    assert ["sequence"] == rules(book, wanted, last)
    assert [] == rules(book, wanted, asked("491701230007"))
    assert [] == rules(book, wanted, last, NOW + 601)
    book.typed("49170123", first[0].to)
    assert [] == rules(book, wanted, last)


def test_numbers_with_gaps_do_not_follow_each_other():
    """Nor does one that is asked for again and again."""
    book, wanted = GuardBook(), policy(sequence=3)
    for to in ("491701230000", "491701230002", "491701230004", "491701230004", "491701230004"):
        assert [] == rules(book, wanted, asked(to))
        book.count(asked(to), NOW)


# --- conversion -------------------------------------------------------------------------------------------------------

RULES = ConversionRules()


def sent(prefix, count, typed, begin=NOW, first=0):
    """Have codes sent to so many receivers, a second apart, of whom the first few type theirs."""
    for number in range(first, first + count):
        prefix.sent(str(number), begin + number - first)
        if number - first < typed:
            prefix.typed(str(number))
    return begin + count


@pytest.mark.parametrize(
    ("count", "typed", "judged"),
    [
        (19, 0, Judged.FINE),
        (20, 0, Judged.BLOCK),
        (20, 1, Judged.ALARM),
        (20, 4, Judged.ALARM),
        (20, 5, Judged.FINE),
        (40, 1, Judged.BLOCK),
        (40, 2, Judged.ALARM),
        (100, 80, Judged.FINE),
        (100, 65, Judged.ALARM),
        (60, 1, Judged.BLOCK),
    ],
)
def test_a_prefix_is_judged_by_who_types_codes(count, typed, judged):
    """Below a quarter is an alarm, below a twentieth a block; of the latest 40, and not of fewer than 20."""
    prefix = Prefix("DE")

    now = sent(prefix, count, typed) + RULES.ripe_after

    assert judged is prefix.look(RULES, now)
    assert Judged.FINE is prefix.look(RULES, now)  # told once
    assert (now + 3_600 if judged is Judged.BLOCK else 0.0) == prefix.blocked_until


def test_a_code_that_may_still_be_typed_does_not_count():
    """Not within two minutes, unless a hundred were sent after it."""
    prefix = Prefix("DE")
    now = sent(prefix, 100, 0)
    assert Judged.FINE is prefix.look(RULES, NOW + 100)
    assert (0, 0) == prefix.counts(RULES, now)[:2]

    for number in range(100, 120):
        prefix.sent(str(number), NOW + 100)
    assert Judged.BLOCK is prefix.look(RULES, NOW + 100)


def test_a_receiver_counts_once_and_a_late_code_is_typed_too():
    """Who asks twice and types once has typed; typing it later than expected mends the share."""
    prefix = Prefix("DE")
    for number in range(20):
        prefix.sent(str(number), NOW)
        prefix.sent(str(number), NOW + 30)
    for number in range(6):
        prefix.typed(str(number))
        prefix.typed(str(number))
    prefix.typed("nobody")
    assert (20, 6, NOW + 30) == prefix.counts(RULES, NOW + 200)

    prefix.typed("7")
    assert (20, 7) == prefix.counts(RULES, NOW + 200)[:2]
    assert (0, 0) == prefix.counts(RULES, NOW + 30 + DAY)[:2]


def test_a_block_ends_by_itself_and_the_prefix_is_on_trial():
    """It is refused while blocked; then five may be open at once, and five are enough to judge."""
    book, wanted = GuardBook(), policy()
    request = asked("491701239999")
    prefix = book.prefix("49170123", "DE")
    now = sent(prefix, 20, 0) + 200
    assert Judged.BLOCK is book.look(wanted, request, now)
    assert ["blocked"] == rules(book, wanted, request, now + 3_599)

    begin = now + 3_600
    assert Judged.FINE is book.look(wanted, request, begin)
    assert [] == rules(book, wanted, request, begin)
    end = sent(prefix, TRIAL, 0, begin, 1_000)
    assert ["trial"] == rules(book, wanted, request, end)
    (objection,) = book.objections(wanted, request, end)
    assert begin + RULES.ripe_after - end == objection.retry_after
    assert Judged.BLOCK is book.look(wanted, request, end + RULES.ripe_after)
    assert ["blocked"] == rules(book, wanted, request, end + RULES.ripe_after + 3_000)


def test_a_prefix_passes_its_trial_and_an_operator_opens_one_at_once():
    """When somebody types a code it is as before; what an operator opens has no trial."""
    prefix = Prefix("DE")
    begin = sent(prefix, 20, 0) + 200
    prefix.look(RULES, begin)
    begin = sent(prefix, TRIAL, 1, begin + 3_600, 1_000) + 200
    assert Judged.FINE is prefix.look(RULES, prefix.blocked_until)
    sent(prefix, TRIAL, 1, begin, 2_000)
    assert prefix.trial
    assert Judged.FINE is prefix.look(RULES, begin + 200)
    assert not prefix.trial

    prefix.begin_anew(begin + 300, trial=False)
    sent(prefix, 19, 0, begin + 300, 3_000)
    assert Judged.FINE is prefix.look(RULES, begin + 900)
    assert 0.0 == prefix.waiting(RULES, begin + 330)


# --- bounds of memory -------------------------------------------------------------------------------------------------


def test_of_too_many_keys_the_least_lately_used_are_forgotten():
    """The newest always stay."""
    recent, tallies = Recent(1_000, 10), Tallies(1_000, HOUR, 60.0)
    for number in range(10_000):
        recent.add(str(number), NOW)
        recent.add("busy", NOW + number)
        tallies.add(str(number), NOW)
        tallies.add("busy", NOW + number)

    assert len(recent) <= 1_000
    assert 0.0 == recent.wait("1", 1, HOUR, NOW)
    assert HOUR == recent.wait("9999", 1, HOUR, NOW)
    assert 0.0 < recent.wait("busy", 10, HOUR, NOW + 10_000)
    assert 0.0 == tallies.wait("1", 1, NOW)
    assert 0.0 < tallies.wait("busy", 3_000, NOW + 10_000)
    assert 0.0 == tallies.wait("busy", 3_800, NOW + 10_000)


def test_blocked_prefixes_are_not_forgotten_for_others():
    """Whoever asks for codes to very many prefixes opens none."""
    book = GuardBook()
    book.prefix("49170123", "DE").blocked_until = NOW
    for number in range(20_000):
        book.prefix(str(number), "")

    assert len(book.prefixes) <= 10_001
    assert NOW == book.prefixes["49170123"].blocked_until
