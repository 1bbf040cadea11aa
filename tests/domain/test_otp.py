"""The rules of one-time passwords, by tables and properties."""

import math
import random
import re
from collections import Counter

import gsm0338
import pytest
from hypothesis import given
from hypothesis import strategies as st

from smshub.domain import otp
from smshub.domain.otp import Alphabet, BadTemplate, Failures, OtpPolicy
from smshub.domain.text import measure

TEXTS = {
    "Code: %s": "Code: 004711",
    "{code} is your code": "004711 is your code",
    "{code}, {minutes} minutes": "004711, 5 minutes",
    "100%% sure: %s": "100% sure: 004711",
    "50% off with %s": "50% off with 004711",
    "{{%s}}": "{004711}",
    "%s%": "004711%",
    "\u20ac %s \u4f60\u597d": "\u20ac 004711 \u4f60\u597d",
}

REFUSED = [
    "",
    "no code",
    "%s and %s",
    "%s and {code}",
    "{code}{code}",
    "%n %s",
    "%d",
    "%x %s",
    "%%s",
    "{0.__class__} %s",
    "{code.__class__}",
    "{code!r}",
    "{code:>10}",
    "{code[0]}",
    "{} %s",
    "{0} %s",
    "{self} %s",
    "{CODE}",
    "{ code }",
    "{code",
    "code}",
    "%s {",
    "{{code}}",
    "%s" + "x" * 999,
]


@pytest.mark.parametrize("template", TEXTS)
def test_a_code_is_put_into_its_place(template):
    """One place for the code, minutes where they are wanted, doubled signs as themselves."""
    assert TEXTS[template] == otp.fill(template, "004711", 300.0)


@pytest.mark.parametrize("template", REFUSED, ids=lambda template: template[:20] or "nothing")
def test_another_text_is_refused(template):
    """None, two or unknown places, and all that formatting languages know besides."""
    with pytest.raises(BadTemplate):
        otp.fill(template, "004711", 300.0)


@given(st.text(max_size=200))
def test_no_text_does_more_than_hold_the_code(template):
    """Whatever is taken gives a text with the code in it; all else is refused as a bad template."""
    try:
        text = otp.fill(template, "004711", 300.0)
    except BadTemplate:
        return
    assert "004711" in text


@pytest.mark.parametrize("language", [language for language, _ in otp.TEMPLATES])
def test_our_own_texts_are_one_segment(language):
    """Each of ours has its place and fits into one short message of the GSM alphabet."""
    from smshub.domain.text import measure  # noqa: PLC0415

    measured = measure(otp.fill(otp.template_of(OtpPolicy(), language), "0123456789", 600.0))

    assert ("GSM7", 1) == (measured.encoding.value, measured.segments)


def test_the_text_is_that_of_the_language():
    """By its name, by the first part of its name, else that of the policy."""
    policy = OtpPolicy(language="de", templates=(*otp.TEMPLATES, ("de-at", "Servus {code}")))
    german = dict(otp.TEMPLATES)["de"]

    assert "Servus {code}" == otp.template_of(policy, "de-AT")
    assert german == otp.template_of(policy, "de-CH")
    assert german == otp.template_of(policy, "tlh")
    assert german == otp.template_of(policy, None)


def test_a_million_codes_are_evenly_spread():
    """Chi-square over every digit of a million codes: each place and each digit, p above 0.001."""
    policy = OtpPolicy()
    # A source of its own and no system's, so that a thousandth of all runs does not fail.
    below = random.Random(4711).randrange
    codes = [otp.draw(policy, below) for _ in range(1_000_000)]

    assert {6} == set(map(len, codes))
    for place in range(6):
        counts = Counter(code[place] for code in codes)
        square = sum((counts[digit] - 100_000) ** 2 / 100_000 for digit in "0123456789")
        # 9 degrees of freedom: above 27.88 with p = 0.001.
        assert square < 27.88, f"place {place}: {counts}"
    cells = Counter(int(code) // 1_000 for code in codes)
    square = sum((cells[cell] - 1_000) ** 2 / 1_000 for cell in range(1_000))
    # 999 degrees of freedom: above 1142 with p = 0.001.
    assert square < 1_142


def test_every_code_of_an_alphabet_can_come_and_none_besides():
    """Each number below the count of codes gives another one; leading zeros and first letters are kept."""
    digits = OtpPolicy(length=4, unsafe=True)
    letters = OtpPolicy(length=4, unsafe=True, alphabet=Alphabet.LETTERS)

    assert 10**4 == len({otp.draw(digits, lambda _, n=n: n) for n in range(10**4)})
    every = {otp.draw(letters, lambda _, n=n: n) for n in range(20**4)}
    assert 20**4 == len(every)
    assert set("BCDFGHJKLMNPQRSTVWXZ") == set("".join(every))
    assert "0007" == otp.draw(digits, lambda below: 7 if below == 10**4 else -1)


TEXT = st.text(st.characters(exclude_categories=()), max_size=5)


@given(st.lists(TEXT, max_size=8), st.lists(TEXT, max_size=8))
def test_what_is_joined_can_be_told_apart(one, other):
    """Two lists of texts give the same bytes only if they are the same, wherever their borders lie."""
    assert (one == other) == (otp.prefixed(one) == otp.prefixed(other))


def test_a_mac_binds_everything():
    """Each part makes another MAC, and none can be moved into its neighbour."""
    whole = ("shop", "r", "491701234567", ("1", "2", "3", "4"), "123456")
    others = [
        ("shopr", "", "491701234567", ("1", "2", "3", "4"), "123456"),
        ("shop", "r2", "491701234567", ("1", "2", "3", "4"), "123456"),
        ("shop", "r", "491701234568", ("1", "2", "3", "4"), "123456"),
        ("shop", "r", "491701234567", ("12", "", "3", "4"), "123456"),
        ("shop", "r", "491701234567", ("1", "2", "4", "3"), "123456"),
        ("shop", "r", "491701234567", ("1", "2", "3", "4"), "123457"),
    ]

    made = {otp.mac(b"k" * 32, *parts) for parts in (whole, *others)} | {otp.mac(b"o" * 32, *whole)}

    assert 8 == len(made)
    assert otp.mac(b"k", *whole[:4], "abc") == otp.mac(b"k", *whole[:4], "ABC")


def test_a_key_is_made_of_a_secret_and_never_shown():
    """Neither the secret nor the key is in its name or its words."""
    key = otp.otp_key(b"s" * 32)

    assert key.key != b"s" * 32
    assert key.key.hex() not in repr(key)
    assert "OtpKey('" + key.id + "')" == repr(key)
    assert key.id != otp.otp_key(b"t" * 32).id


@pytest.mark.parametrize(
    ("code", "unsafe", "taken"),
    [
        ("123456", False, True),
        ("aB34567890", False, True),
        ("12345", False, False),
        ("1234", True, True),
        ("123", True, False),
        ("12345678901", False, False),
        ("12 456", False, False),
        ("12345\n", False, False),
        ("\u0661\u0662\u0663\u0664\u0665\u0666", False, False),
    ],
)
def test_a_callers_own_code(code, unsafe, taken):
    """Letters and digits of ASCII, six to ten, four only where the account is unsafe."""
    assert taken == otp.is_own_code(OtpPolicy(unsafe=unsafe), code)


def test_the_origin_bound_line_is_the_last():
    """As browsers read it: `@host #code`, alone in the last line (WICG sms-one-time-codes)."""
    assert "Your code\n@login.example #004711" == otp.origin_bound("Your code", "login.example", "004711")


@given(st.text(st.characters(exclude_characters="%{}"), max_size=100), st.integers(0, 999_999))
def test_a_browser_finds_the_code_in_every_text(around, number):
    """Read as the specification says, the last line gives host and code back."""
    code = str(number).zfill(6)

    last = otp.origin_bound(otp.fill(around + "%s", code, 300.0), "login.example", code).rpartition("\n")[2]

    host, _, given_code = last.removeprefix("@").partition(" #")
    assert ("login.example", code) == (host, given_code)


def templates(count, seed):
    """Write templates of words, marks and letters of other scripts, each with its one place for the code."""
    draw = random.Random(seed)
    words = [
        "Your",
        "code",
        "is",
        "für",
        "Gültig",
        "5",
        "Minuten.",
        "#1",
        "@home",
        "\u20ac",
        "9,99",
        "(neu)",
        "[a]",
        "{{x}}",
        "50%",
    ]
    rare = ["\u4f60\u597d", "\u043a\u043e\u0434", "\U0001f512", "na\u00efve", "\u2018so\u2019"]
    for _ in range(count):
        some = [draw.choice(rare if draw.random() < 0.01 else words) for _ in range(draw.randrange(28))]
        some.insert(draw.randrange(len(some) + 1), draw.choice(["%s", "{code}", "{code}.", "#{code}"]))
        yield draw.choice([" ", "\n", "  "]).join(some)


def septets(text):
    """Count a text by the tables of another house (3GPP TS 23.038); None where it is no GSM 7-bit."""
    try:
        return len(gsm0338.Codec().encode(text)[0])
    except UnicodeEncodeError:
        return None


def test_of_10000_templates_each_last_line_is_read_and_what_fits_is_one_segment():
    """As WICG's sms-one-time-codes reads it; up to 160 septets, or 70 units of UCS-2, it is one segment."""
    fitting = {"GSM7": 0, "UCS2": 0}
    for number, template in enumerate(templates(10_000, 4711)):
        code = f"{number * 99_991 % 1_000_000:06d}"
        text = otp.origin_bound(otp.fill(template, code, 300.0), "login.example", code)

        line = text.split("\n")[-1]
        found = re.fullmatch(r"@(?P<host>[^\s#@]+) #(?P<code>[^\s#@]+)", line)
        assert ("login.example", code) == (found["host"], found["code"]), template
        length, measured = septets(text), measure(text)
        assert ("UCS2" if length is None else "GSM7") == measured.encoding, text
        fits = length <= 160 if length is not None else len(text.encode("utf-16-be")) <= 140
        assert fits == (measured.segments == 1), text
        fitting[measured.encoding] += fits
    assert fitting["GSM7"] > 1_000
    assert fitting["UCS2"] > 100


def test_of_10000_templates_each_is_an_apps_or_is_refused():
    """What SMS Retriever is sent has its mark, the hash as the last eleven characters, and 140 bytes at most."""
    taken = 0
    for number, template in enumerate(templates(10_000, 815)):
        code = f"{number * 99_991 % 1_000_000:06d}"
        text = otp.fill(template, code, 300.0)
        if len(f"<#> {text}\nFA+9qCX9VSu".encode()) > 140:
            with pytest.raises(BadTemplate):
                otp.retrievable(text, "FA+9qCX9VSu")
            continue
        whole = otp.retrievable(text, "FA+9qCX9VSu")
        assert ("<#> ", "\nFA+9qCX9VSu") == (whole[:4], whole[-12:])
        assert code in whole[4:-12]
        if septets(whole) is not None:
            assert 1 == measure(whole).segments, whole
        taken += 1
    assert taken > 1_000


def test_sms_retriever_finds_its_app():
    """The mark at the beginning, the hash at the end, at most 140 bytes."""
    assert "<#> Code 004711\nFA+9qCX9VSu" == otp.retrievable("Code 004711", "FA+9qCX9VSu")
    assert 140 == len(otp.retrievable("x" * 124, "FA+9qCX9VSu").encode())
    for text in ("x" * 125, "\u20ac" * 42):
        with pytest.raises(BadTemplate):
            otp.retrievable(text, "FA+9qCX9VSu")


@pytest.mark.parametrize(
    ("host", "good"),
    [
        ("login.example", True),
        ("xn--bcher-kva.example", True),
        ("localhost", True),
        ("", False),
        ("a b", False),
        ("Login.example", False),
        ("-a.example", False),
        ("a..b", False),
        ("a.example:80", False),
        ("a.example #1", False),
        ("a.example\n", False),
        ("a" * 64 + ".example", False),
        ("a." * 127 + "example", False),
    ],
)
def test_a_host_of_a_last_line(host, good):
    """The name of a host in small letters, and nothing that could be read as more."""
    assert good == otp.is_host(host)


@pytest.mark.parametrize(
    ("value", "good"),
    [("FA+9qCX9VSu", True), ("FA+9qCX9VS", False), ("FA+9qCX9VSuu", False), ("FA 9qCX9VSu", False), ("", False)],
)
def test_an_apps_hash(value, good):
    """Eleven characters of base64."""
    assert good == otp.is_app_hash(value)


def test_fifteen_wrong_codes_an_hour():
    """The sixteenth has to wait until the first is an hour old; then one more may be wrong."""
    failures = Failures()
    for at in range(15):
        assert 0.0 == otp.blocked_until(failures, float(at), 15, 50)
        failures = otp.failed(failures, float(at))

    assert 3_600.0 == otp.blocked_until(failures, 15.0, 15, 50)
    assert 0.0 == otp.blocked_until(failures, 3_600.0, 15, 50)
    failures = otp.failed(failures, 3_600.0)
    assert 3_601.0 == otp.blocked_until(failures, 3_600.5, 15, 50)


def test_fifty_in_a_row_lock_for_good():
    """However slowly they come; only forgetting them helps."""
    failures = Failures()
    for number in range(50):
        failures = otp.failed(failures, number * 1_000.0)

    assert 50 == failures.consecutive
    assert math.inf == otp.blocked_until(failures, 10.0**9, 15, 50)
    assert 15 > len(failures.recent)


@given(st.lists(st.floats(0, 100_000), max_size=200).map(sorted))
def test_no_hour_sees_more_than_its_share(times):
    """Whenever tries come, within any hour no more are evaluated than the limit."""
    failures, evaluated = Failures(), []
    for at in times:
        if not otp.blocked_until(failures, at, 5, 1_000):
            failures = otp.failed(failures, at)
            evaluated.append(at)

    for place, at in enumerate(evaluated):
        assert 5 >= sum(1 for other in evaluated[place:] if other < at + 3_600.0)


def test_repeats_are_twice_as_far_apart_each_time():
    """Thirty seconds, a minute, two minutes."""
    assert [30.0, 60.0, 120.0] == [otp.spacing(30.0, sends) for sends in (1, 2, 3)]
