"""What a provider says is kept without secrets, numbers and texts."""

from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smshub.connectors.redaction import LONGEST, Redaction, sensitive, shown_url

SECRET = 'p&ss "wörd"<1>'


@pytest.mark.parametrize(
    "spelling",
    [
        SECRET,
        quote(SECRET),
        quote_plus(SECRET),
        quote_plus(SECRET).lower(),
        'p&ss \\"wörd\\"<1>',
        'p&ss \\"w\\u00f6rd\\"<1>',
        "p&amp;ss &quot;wörd&quot;&lt;1&gt;",
        'p&amp;ss "wörd"&lt;1&gt;',
    ],
)
def test_a_secret_is_masked_however_it_is_spelt(spelling):
    """Plain, in an address, in a form, in JSON and in XML."""
    assert "bad ******** here" == Redaction([SECRET]).mask(f"bad {spelling} here")


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("bad number 491701234567", "bad number ********"),
        ("bad number +49 170 123-45-67!", "bad number ********!"),
        ("bad number 00491701234567", "bad number ********"),
        ("bad number 01701234567", "bad number ********"),
        ("to=%2B491701234567&x=1", "to=%2B********&x=1"),
        ("text 'Your code is A1B2C3' refused", "text '********' refused"),
        ("text=Your+code+is+A1B2C3", "text=********"),
        ("your code is…: a1b2c3", "your code is…: ********"),
        ("order 123456789, error 105", "order 123456789, error 105"),
    ],
)
def test_what_is_private_in_a_message_is_masked(message, words, expected):
    """Its number in any writing, its text, and the code alone; other numbers stay."""
    assert expected == Redaction().mask(words, message(text="Your code is A1B2C3"))


def test_words_are_one_line_of_at_most_200_characters():
    """Line ends and control characters become spaces."""
    redaction = Redaction()

    assert "a b c d" == redaction.words("a\r\nb\x00c\u2028d\n")
    assert "x" * 199 + "…" == redaction.words("x" * 300)


def test_masking_comes_before_cutting():
    """A secret across the cut leaves no half of itself."""
    assert "topsecret"[:4] not in Redaction(["topsecret"]).words("x" * 195 + "topsecret")


@given(st.text(min_size=3, max_size=30), st.text(max_size=30), st.text(max_size=30))
def test_no_secret_survives(secret, before, after):
    """Whatever stands around it."""
    masked = Redaction([secret]).mask(before + secret + after)

    assert not any(secret in piece for piece in masked.split("********"))


def test_the_empty_and_the_tiny_are_no_secrets():
    """Or else every letter of an answer would be one."""
    assert "a b" == Redaction(["", "a"]).mask("a b")


def test_of_a_large_answer_only_the_beginning_is_read(message):
    """Not all of 64 KiB is looked through; and where it is cut no half of a secret, a code or a number is left."""
    redaction = Redaction(["topsecret"])
    text = message(text="Your code is 987654")
    whole = "topsecret 987654 +49 170 1234567 " * 2_000
    for shift in range(0, 60, 7):
        shown = redaction.mask("x" * shift + whole, text)
        assert len(shown) < 2 * LONGEST
        assert [] == [one for one in ("tops", "9876", "170 1", "1234") if one in shown]
    assert redaction.words(whole, text).endswith("…")


@pytest.mark.parametrize("size", [LONGEST, 64 * 1024])
def test_a_text_that_an_answer_repeats_is_not_left_in_halves(message, size):
    """Wherever it lies: also across the end of what is read."""
    text = message(text="A long text with private words in it. " * 20)
    for place in range(0, 1_200, 101):
        shown = Redaction().mask(("y" * (LONGEST - place) + text.text + "z" * size)[: size + 1_000], text)
        assert "private" not in shown


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("http://u:topsecret@host:1/p?x=1", "http://u:********@host:1/p?x=1"),
        ("http://host/p?user=u&password=top%20secret&to=1", "http://host/p?user=u&password=********&to=1"),
        ("http://host/p", "http://host/p"),
        ("env:URL", "env:URL"),
    ],
)
def test_an_address_is_shown_without_secrets(url, shown):
    """Neither the password before the host nor what the query names so."""
    assert shown == shown_url(url)


@pytest.mark.parametrize(
    "name", ["password", "PASS", "api_key", "Authorization", "X-Auth-Token", "clientSecret", "pwd"]
)
def test_a_name_tells_a_secret(name):
    """As privacyIDEA has it for PASSWORD and SECRET, and a few more."""
    assert sensitive(name)


@pytest.mark.parametrize("name", ["user", "api_id", "to", "text", "From"])
def test_other_names_tell_none(name):
    """These are shown."""
    assert not sensitive(name)


def test_a_redaction_does_not_show_itself():
    """Its repr may land in a log."""
    assert "Redaction()" == repr(Redaction(["topsecret"]))
