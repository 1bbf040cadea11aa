"""Codes made here: once, for a while, a few tries; across processes, and past whatever lies in the folder."""

import json
import os
import stat
import subprocess
import sys
import threading
from collections import Counter

import pytest

from smshub.publisher.codes import KEY_FILE, LocalCodes
from smshub.publisher.errors import CacheError

NOW = 1_795_290_496.0
TO = "08126661111"
PARAMS = ("100000", "", "987654", "")


@pytest.fixture
def folder(tmp_path):
    """Name a folder that is not there yet."""
    return tmp_path / "deep" / "codes"


@pytest.fixture
def codes(folder):
    """Codes with a key of their own making."""
    return LocalCodes(folder)


def made(codes, reference="order 1", now=NOW, lifetime=60):
    """Make a code that must be made."""
    found = codes.create(reference, TO, PARAMS, lifetime, now)
    assert found is not None
    return found.code


def wrong(code):
    """Give another code."""
    return f"{(int(code) + 1) % 1_000_000:06}"


def records(folder):
    """Tell the names of the records."""
    return sorted(path.name for path in folder.glob("*.otp"))


def test_a_code_matches_once(codes, folder):
    """Six digits; after the match nothing is left, and the reference is free."""
    code = made(codes)

    assert (6, True) == (len(code), code.isdecimal())
    assert ["0000", "1202"] == [codes.check("order 1", TO, code, PARAMS, NOW + 1) for _ in range(2)]
    assert [] == records(folder)
    made(codes)


def test_a_live_reference_is_taken(codes):
    """Until its code has expired, by the second."""
    made(codes, lifetime=60)

    assert codes.create("order 1", TO, PARAMS, 60, NOW + 59.9) is None
    assert codes.create("order 1", TO, PARAMS, 60, NOW + 60) is not None


@pytest.mark.parametrize(
    ("reference", "receiver", "params"),
    [
        ("order 2", TO, PARAMS),
        ("order 1", "+628126661111", PARAMS),
        ("order 1", TO, ("100000", "987654", "", "")),
        ("order 1", TO, ("10000", "0", "987654", "")),
        ("order 1", TO, ()),
    ],
)
def test_a_code_is_bound_to_all_it_was_made_for(codes, reference, receiver, params):
    """Another reference, receiver or parameter is wrong; the right ones match afterwards."""
    code = made(codes)

    assert "1202" == codes.check(reference, receiver, code, params, NOW)
    assert "0000" == codes.check("order 1", TO, code, PARAMS, NOW)


def test_a_code_stands_five_tries(codes):
    """The sixth is wrong even with the right code, and its reference stays taken until the code would have expired."""
    code = made(codes)
    for _ in range(5):
        assert "1202" == codes.check("order 1", TO, wrong(code), PARAMS, NOW)

    assert "1202" == codes.check("order 1", TO, code, PARAMS, NOW)
    assert codes.create("order 1", TO, PARAMS, 60, NOW) is None


def test_an_expired_code_is_told_once(codes, folder):
    """1203, and then there is none."""
    code = made(codes, lifetime=60)

    assert ["1203", "1202"] == [codes.check("order 1", TO, code, PARAMS, NOW + 60) for _ in range(2)]
    assert [] == records(folder)


def test_a_code_lives_no_longer_than_is_allowed(folder):
    """Ten minutes at most, unless told otherwise."""
    for longest, at, expected in ((600, 599, "0000"), (600, 600, "1203"), (3600, 3599, "0000")):
        codes = LocalCodes(folder / str(longest) / str(at), longest=longest)
        code = made(codes, lifetime=10_000)

        assert expected == codes.check("order 1", TO, code, PARAMS, NOW + at)


def test_only_what_has_expired_is_swept(folder):
    """However old a file is; an expired one is kept for `kept` seconds after its making, so that it can be told."""
    codes = LocalCodes(folder, kept=300)
    made(codes, "short", lifetime=60)
    code = made(codes, "long", lifetime=600)
    orphan = folder / f"{'0' * 32}.tmp"
    orphan.write_text("a crash left it")
    (folder / "mine.txt").write_text("not ours")
    for path in folder.iterdir():
        os.utime(path, (0, 0))

    made(codes, "new", NOW + 299)
    assert 3 == len(records(folder))
    made(codes, "newer", NOW + 400)

    # "short" is gone, and so is "new", which expired at 359 but was made at 299: not yet.
    assert 3 == len(records(folder))
    assert not orphan.exists()
    assert (folder / "mine.txt").exists()
    assert "0000" == codes.check("long", TO, code, PARAMS, NOW + 400)


def test_a_failed_send_frees_the_reference_and_no_other_code(codes):
    """The code that was not sent is forgotten; a later one of the same reference is not."""
    first = codes.create("order 1", TO, PARAMS, 60, NOW)
    codes.forget(first)
    later = made(codes)

    codes.forget(first)

    assert "0000" == codes.check("order 1", TO, later, PARAMS, NOW)


def test_nothing_of_a_code_can_be_read_in_the_folder(codes, folder):
    """Neither code nor reference, receiver or parameters; files 0600, folder 0700, a key of 256 bits."""
    code = made(codes)

    assert 0o700 == stat.S_IMODE(folder.stat().st_mode)
    assert {0o600} == {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()}
    everything = " ".join(f"{path.name} {path.read_text()}" for path in folder.iterdir() if path.name != KEY_FILE)
    assert not [word for word in (code, "order", TO, "100000") if word in everything.replace(str(NOW), "")]
    assert 64 == len((folder / KEY_FILE).read_text())


def test_the_key_is_kept_and_counts(folder):
    """A second program on the folder checks what the first has made; one with another key does not."""
    code = made(LocalCodes(folder))

    assert "1202" == LocalCodes(folder, "another key, which is long enough").check("order 1", TO, code, PARAMS, NOW)
    assert "0000" == LocalCodes(folder).check("order 1", TO, code, PARAMS, NOW)


@pytest.mark.parametrize("harm", ["open", "link", "file", "key open", "key short", "key link", "lock link"])
def test_a_folder_that_is_not_safe_is_not_used(folder, tmp_path, harm):
    """Others may enter it, it or what is in it leads elsewhere, its key may be read: told, and nothing is changed."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir(mode=0o700)
    (elsewhere / "key").write_text("x" * 64)
    if harm in {"link", "file"}:
        folder.parent.mkdir(parents=True)
        folder.symlink_to(elsewhere) if harm == "link" else folder.write_text("")
    else:
        folder.mkdir(parents=True, mode=0o700)
        match harm:
            case "open":
                folder.chmod(0o750)
            case "key open":
                (folder / KEY_FILE).write_text("x" * 64)
                (folder / KEY_FILE).chmod(0o640)
            case "key short":
                (folder / KEY_FILE).touch(mode=0o600)
            case "key link":
                (folder / KEY_FILE).symlink_to(elsewhere / "key")
            case _:
                (folder / "cache.lock").symlink_to(elsewhere / "made")

    with pytest.raises(
        CacheError, match=str(folder) if not harm.startswith("key ") or harm == "key link" else KEY_FILE
    ):
        LocalCodes(folder).create("order 1", TO, PARAMS, 60, NOW)

    assert ["key"] == [path.name for path in elsewhere.iterdir()]


@pytest.mark.parametrize(
    "content", [b"", b"{}", b"[1, 2]", b"\xff" * 10_000, b'["a", "b", null, "x", 1]', b"[" * 5_000]
)
def test_a_record_that_cannot_be_read_is_none(codes, folder, content):
    """It is no match, and the next code of the reference takes its place."""
    code = made(codes)
    [name] = records(folder)
    (folder / name).write_bytes(content)

    assert "1202" == codes.check("order 1", TO, code, PARAMS, NOW)
    assert "0000" == codes.check("order 1", TO, made(codes), PARAMS, NOW)


def test_a_link_in_the_place_of_a_record_is_not_followed(codes, folder, tmp_path):
    """Neither read nor written through: the next code replaces the link itself."""
    code = made(codes)
    [name] = records(folder)
    target = tmp_path / "target"
    (folder / name).rename(target)
    (folder / name).symlink_to(target)
    before = target.read_text()

    assert "1202" == codes.check("order 1", TO, code, PARAMS, NOW)
    made(codes)

    assert before == target.read_text()
    assert not (folder / name).is_symlink()


def test_a_check_is_charged_before_it_compares(codes, folder, monkeypatch):
    """What ends between the two has cost a try: a crash cannot be used to guess for nothing."""
    code = made(codes)

    def crash(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("smshub.publisher.codes.hmac.compare_digest", crash)
    with pytest.raises(KeyboardInterrupt):
        codes.check("order 1", TO, code, PARAMS, NOW)

    assert 1 == json.loads((folder / records(folder)[0]).read_text())[-1]


# What each of four processes does, once all of them are there; each line that it prints is one verdict.
CHECKS = """\
import sys
from smshub.publisher.codes import LocalCodes
codes = LocalCodes(sys.argv[1])
print("ready", flush=True)
sys.stdin.readline()
for _ in range(3):
    print(codes.check("race", "08126661111", sys.argv[2], ("100000", "", "987654", ""), 1_795_290_496.0))
"""
CREATIONS = """\
import sys
from smshub.publisher.codes import LocalCodes
codes = LocalCodes(sys.argv[1])
print("ready", flush=True)
sys.stdin.readline()
for place in range(20):
    made = codes.create(f"race {place}", "08126661111", ("100000", "", "987654", ""), 60, 1_795_290_496.0)
    print(place, made.code if made else "")
"""


def processes(program, *arguments):
    """Run a program four times at once; gives the lines that they print."""
    command = [sys.executable, "-c", program, *map(str, arguments)]
    running = [subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    assert ["ready\n"] * 4 == [one.stdout.readline() for one in running]
    for one in running:
        one.stdin.write("\n")
        one.stdin.flush()
    return [line for one in running for line in one.communicate(timeout=30)[0].splitlines()]


def threads(folder, code):
    """Check a code twelve times in four threads at once."""
    begin, verdicts = threading.Barrier(4), []

    def check():
        codes = LocalCodes(folder)
        begin.wait()
        verdicts.extend(codes.check("race", TO, code, PARAMS, NOW) for _ in range(3))

    working = [threading.Thread(target=check) for _ in range(4)]
    for one in working:
        one.start()
    for one in working:
        one.join()
    return verdicts


def checked(kind, folder, code):
    """Check a code twelve times at once."""
    return Counter(processes(CHECKS, folder, code) if kind == "processes" else threads(folder, code))


@pytest.mark.parametrize("kind", ["processes", "threads"])
def test_a_code_matches_once_however_many_check_it(folder, kind):
    """Twelve checks of the right code at once: one match."""
    code = made(LocalCodes(folder), "race")

    assert {"0000": 1, "1202": 11} == checked(kind, folder, code)


@pytest.mark.parametrize("kind", ["processes", "threads"])
def test_guesses_at_once_are_all_counted(folder, kind):
    """Twelve wrong checks at once: no more than five are compared, and the right code comes too late."""
    codes = LocalCodes(folder)
    code = made(codes, "race")

    assert {"1202": 12} == checked(kind, folder, wrong(code))
    assert "1202" == codes.check("race", TO, code, PARAMS, NOW)


def test_a_reference_is_given_once_however_many_ask(folder):
    """Four processes on a folder that is not there: one key, one code for each reference, and each code matches."""
    told = [words for line in processes(CREATIONS, folder) if len(words := line.split()) == 2]

    assert list(range(20)) == sorted(int(place) for place, _ in told)
    codes = LocalCodes(folder)
    assert {"0000"} == {codes.check(f"race {place}", TO, code, PARAMS, NOW) for place, code in told}
