"""Sealed texts: they come back with the key and the context, and with nothing else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smshub.engine.sealing import PREFIX, Broken, Seal, is_sealed

KEY = bytes(range(32))


@given(st.text(), st.text())
def test_what_was_sealed_comes_back(text, context):
    """Any text, any context; the seal shows neither."""
    seal = Seal(KEY, "texts")
    closed = seal.close(text, context)

    assert text == seal.open(closed, context)
    assert (True, True) == (is_sealed(closed), len(text) < 4 or text not in closed)


def test_the_same_text_is_never_sealed_alike():
    """So that nobody sees that two texts are the same."""
    seal = Seal(KEY, "texts")

    assert 100 == len({seal.close("123456", "m") for _ in range(100)})


CLOSED = Seal(KEY, "texts").close("123456", "message 1")


@pytest.mark.parametrize(
    ("seal", "closed", "context"),
    [
        (Seal(KEY[::-1], "texts"), CLOSED, "message 1"),
        (Seal(KEY, "secrets"), CLOSED, "message 1"),
        (Seal(KEY, "texts"), CLOSED, "message 2"),
        (Seal(KEY, "texts"), CLOSED[:-4] + "AAA=", "message 1"),
        (Seal(KEY, "texts"), PREFIX, "message 1"),
        (Seal(KEY, "texts"), PREFIX + "not base64!", "message 1"),
        (Seal(KEY, "texts"), PREFIX + "ümlaut", "message 1"),
        (Seal(KEY, "texts"), "", "message 1"),
    ],
    ids=["key", "purpose", "context", "changed", "empty", "garbage", "not ascii", "nothing"],
)
def test_nothing_else_opens_it(seal, closed, context):
    """Another key, purpose or context, a changed seal and garbage: all are refused alike."""
    with pytest.raises(Broken, match="cannot be opened"):
        seal.open(closed, context)
