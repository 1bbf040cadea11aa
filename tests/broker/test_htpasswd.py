"""Password files as they are found: every scheme that is taken, every one that is not, and lines that are neither."""

import base64
import hashlib
import tracemalloc

import bcrypt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from passlib.hash import apr_md5_crypt

from smshub.broker.htpasswd import LONGEST_LINE, WINDOW, find, first_hash, is_usable, verify

BCRYPT = bcrypt.hashpw(b"secret", bcrypt.gensalt(4))
TAKEN = {
    "bcrypt $2b$": BCRYPT,
    "bcrypt $2y$": BCRYPT.replace(b"$2b$", b"$2y$"),
    "apr1": apr_md5_crypt.hash("secret").encode(),
    "sha": b"{SHA}" + base64.b64encode(hashlib.sha1(b"secret").digest()),
}
REFUSED = {
    "plain": b"secret",
    "empty": b"",
    "crypt": b"rl.3StKT.4T8M",
    "md5-crypt": b"$1$rasmusle$rISCgZzpwk3UhDidwXvin0",
    "sha256-crypt": b"$5$saltstring$5B8vYYiY.CVt1RlTTf8KbXBH3hsxY/GNooZaBBGWEc8",
    "ssha": b"{SSHA}" + base64.b64encode(b"x" * 28),
    "bcrypt that takes days": BCRYPT.replace(b"$04$", b"$31$"),
    "bcrypt below its least": BCRYPT.replace(b"$04$", b"$03$"),
    "bcrypt cut off": BCRYPT[:-1],
    "apr1 without a salt": b"$apr1$$" + b"x" * 22,
    "apr1 with a long salt": b"$apr1$123456789$" + b"x" * 22,
    "sha cut off": b"{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ",
    "not ascii": b"\xff\xfe$apr1$",
}


@pytest.mark.parametrize("kept", TAKEN.values(), ids=TAKEN)
def test_a_password_is_verified_by_each_scheme(kept):
    """The right one passes; one that differs in a letter, a case, a space, or is empty does not."""
    assert verify(kept, b"secret")
    assert [] == [wrong for wrong in (b"secret ", b"Secret", b"secre", b"", b"secret\0", kept) if verify(kept, wrong)]


@pytest.mark.parametrize("kept", REFUSED.values(), ids=REFUSED)
def test_other_schemes_let_nobody_in(kept):
    """Not the password, not the line itself, and without an exception."""
    assert [] == [sent for sent in (b"secret", b"", kept) if verify(kept, sent)]


def test_a_long_password_is_cut_as_htpasswd_cuts_it():
    """The hash of a bcrypt entry knows 72 bytes, whoever made it."""
    kept = bcrypt.hashpw(b"x" * 72, bcrypt.gensalt(4))

    assert verify(kept, b"x" * 100)
    assert not verify(kept, b"x" * 71)


def write(tmp_path, content):
    """Make a file."""
    path = tmp_path / "htpasswd"
    path.write_bytes(content)
    return path


@pytest.mark.parametrize(
    ("content", "name", "expected"),
    [
        (b"alice:one\nbob:two\n", b"alice", b"one"),
        (b"alice:one\nbob:two\n", b"bob", b"two"),
        (b"alice:one\nbob:two", b"bob", b"two"),
        (b"alice:one\r\nbob:two\r\n", b"alice", b"one"),
        (b"\xef\xbb\xbfalice:one\n", b"alice", b"one"),
        (b"alice:one \t\n", b"alice", b"one"),
        (b"alice:one:a comment\n", b"alice", b"one"),
        (b"alice:one\nalice:two\n", b"alice", b"one"),
        (b"alice2:two\nalice:one\n", b"alice", b"one"),
        (b"malice:two\nalice:one\n", b"alice", b"one"),
        (b"# alice:old\n\n:\n::\n\0\xff\xfe\ngarbage\nalice:one\n", b"alice", b"one"),
        (b"x" * 100_000 + b"\nalice:one\n", b"alice", b"one"),
        ("müller:one\n".encode(), "müller".encode(), b"one"),
        (b"alice:\n", b"alice", b""),
        (b"alice:one\n", b"Alice", None),
        (b"alice:one\n", b"lice", None),
        (b"alice:one\n", b"", None),
        (b"#alice:one\n", b"#alice", None),
        (b"bob:x\nalice:one\n", b"bob:x\nalice", None),
        (b"alice\n", b"alice", None),
        (b"", b"alice", None),
    ],
)
def test_a_name_is_found_on_a_line_of_its_own(tmp_path, content, name, expected):
    """The first line of exactly that name counts, whatever ends the lines and whatever else stands there."""
    assert expected == find(write(tmp_path, content), name)


@pytest.mark.parametrize("edge", [WINDOW, 2 * WINDOW - 1, WINDOW + LONGEST_LINE])
def test_a_line_is_found_across_the_edge_of_a_window(tmp_path, edge):
    """Wherever the edge of a window cuts the line, it is found whole."""
    line = b"\nalice:" + BCRYPT + b"\n"
    for before in range(edge - len(line) - 2, edge + 4):
        path = write(tmp_path, b"x" * before + line + b"bob:two\n")

        assert (BCRYPT, b"two") == (find(path, b"alice"), find(path, b"bob"))


LINE = st.binary(max_size=12).filter(lambda line: b"\n" not in line)


@given(lines=st.lists(st.one_of(LINE, st.sampled_from([b"a:1", b"b:2", b"a:3\r", b"aa:4"])), max_size=20))
def test_any_file_is_read_as_its_lines(tmp_path_factory, lines):
    """Whatever the file holds, a look-up gives what the first line of that name says."""
    path = tmp_path_factory.mktemp("any") / "htpasswd"
    path.write_bytes(b"\n".join(lines))
    expected = next((line[2:].partition(b":")[0].strip() for line in lines if line.startswith(b"a:")), None)

    assert expected == find(path, b"a")


def test_a_million_lines_cost_little_memory(tmp_path):
    """The first, the last and a missing name of a file of 77 MB are looked up in a few megabytes."""
    line = b":$apr1$3KYV5jm.$B7rxdPwN32tC4M3EEsC.Y."
    path = write(tmp_path, b"\n".join(b"u%06d" % number + line for number in range(1_000_000)))
    tracemalloc.start()
    try:
        found = [find(path, name) for name in (b"u000000", b"u999999", b"nobody")]
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert [line[1:], line[1:], None] == found
    assert peak < 8 * WINDOW


def test_a_file_that_is_not_there_is_an_error(tmp_path):
    """The caller is told, not answered that nobody is known."""
    with pytest.raises(FileNotFoundError):
        find(tmp_path / "none", b"alice")


def test_the_first_usable_hash_is_given(tmp_path):
    """What an unknown name is measured against is of the scheme that the file has."""
    path = write(tmp_path, b"# x\nplain:secret\nalice:" + BCRYPT + b"\r\nbob:" + TAKEN["sha"] + b"\n")

    assert BCRYPT == first_hash(path)
    assert is_usable(BCRYPT)
    assert first_hash(write(tmp_path, b"alice:secret\n")) is None
