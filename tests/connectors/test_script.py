"""Scripts of the operator's: what reaches them, what their end means, and what they cannot do to the hub."""

import asyncio
import contextlib
import os
import signal

import pytest

from smshub.config import ConfigErrors, read, read_object
from smshub.conformance import PAYLOADS, Bench, plain
from smshub.connectors.base import connector_class
from smshub.connectors.program import NotStarted, run_program
from smshub.connectors.script import Connector, ScriptSettings
from smshub.domain.delivery import Accepted, Deferred, Reason, Rejected, Uncertain

PATIENCE = 20.0

# Writes every argument, its own folder and its whole input to a file, each ended by a zero byte.
SINK = """#!/bin/sh
{ printf '%s\\0' "$0" "$@" "$PWD"; cat; } > "$SINK"
"""


@pytest.fixture
async def script(tmp_path):
    """Give a maker of connectors to a script of these lines; each is open for the test."""
    async with contextlib.AsyncExitStack() as stack:

        async def make(lines, **settings):
            path = tmp_path / "sending"
            path.write_text(lines if lines.startswith("#!") else f"#!/bin/sh\n{lines}\n", encoding="utf-8")
            path.chmod(0o755)
            connector = Connector("own", ScriptSettings(type="script", script=str(path), **settings))
            await connector.open()
            stack.push_async_callback(connector.close)
            return connector

        yield make


async def test_the_number_is_the_argument_and_the_text_the_input(script, tmp_path):
    """As privacyIDEA calls it: two arguments with its own path, the text on standard input, in the script's folder."""
    connector = await script(SINK, variables={"SINK": str(tmp_path / "sunk")})

    outcome = await connector.send(plain(text="Grüße 🎉\n"))

    folder, path = str(tmp_path).encode(), str(tmp_path / "sending").encode()
    assert Accepted() == outcome
    assert [path, b"491701234567", folder, "Grüße 🎉\n".encode()] == (tmp_path / "sunk").read_bytes().split(b"\0")


async def test_no_text_is_more_than_an_argument(script, tmp_path):
    """Each of more than 200 payloads arrives byte for byte, as one argument, as a part of one, and as input."""
    connector = await script(
        SINK, variables={"SINK": str(tmp_path / "sunk")}, arguments=["{text}", "--text={text}", "{originator}", "x"]
    )

    for payload in PAYLOADS:
        outcome = await connector.send(plain(text=payload, originator=payload[:11]))

        _, *arrived, _, given = (tmp_path / "sunk").read_bytes().split(b"\0")
        raw = payload.encode()
        assert Accepted() == outcome
        assert [b"491701234567", raw, b"--text=" + raw, payload[:11].encode(), b"x"] == arrived
        assert raw == given
    assert len(PAYLOADS) > 200
    assert {"sending", "sunk"} == {path.name for path in tmp_path.iterdir()}


async def test_tags_are_replaced_once(script, tmp_path):
    """What a tag brings along is not read again; braces that are no tag stay."""
    arguments = ["{id}|{account}|{class}|{type}|{from}|{to}", "{text}", "{}{ {"]
    connector = await script(SINK, variables={"SINK": str(tmp_path / "sunk")}, arguments=arguments)

    await connector.send(plain(id="m1", text="{phone} {id}", flash=True))

    _, _, *arrived, _, _ = (tmp_path / "sunk").read_bytes().split(b"\0")
    assert [b"m1|shop|transactional|flash|ACME|491701234567", b"{phone} {id}", b"{}{ {"] == arrived
    assert connector.capabilities.flash


ENDS = [
    ("exit 0", {}, Accepted()),
    ("echo 'OK id-7 x'", {"id_pattern": r"OK (\S+)"}, Accepted(("id-7",))),
    ("echo nothing", {"id_pattern": r"OK (\S+)"}, Accepted()),
    ("echo busy >&2; exit 1", {}, Deferred(Reason.UNKNOWN, "exit 1", "busy")),
    ("echo out; exit 255", {}, Deferred(Reason.UNKNOWN, "exit 255", "out")),
    ("exit 75", {}, Deferred(Reason.TEMPORARY, "exit 75")),
    ("exit 2", {"rejected": [2]}, Rejected(Reason.UNKNOWN, "exit 2")),
    ("exit 2", {"rejected": [2], "reasons": {"2": "BARRED"}}, Rejected(Reason.BARRED, "exit 2")),
    ("exit 3", {"reasons": {"3": "INVALID_RECIPIENT"}}, Rejected(Reason.INVALID_RECIPIENT, "exit 3")),
    ("exit 4", {"reasons": {"4": "NO_CREDIT"}}, Deferred(Reason.NO_CREDIT, "exit 4")),
    ("exit 5", {"throttled": [5]}, Deferred(Reason.THROTTLED, "exit 5")),
    ("echo hm; exit 6", {"uncertain": [6]}, Uncertain(detail="exit 6: hm")),
    ("kill -9 $$", {}, Uncertain(Reason.CRASHED, "the script was killed by signal 9")),
    ("exit 1", {"background": "background"}, Accepted()),
]


@pytest.mark.parametrize(("lines", "settings", "expected"), ENDS)
async def test_an_end_has_a_meaning(script, lines, settings, expected):
    """0 is yes, another status is no by the table of the settings, a death is neither."""
    connector = await script(lines, **settings)

    assert expected == await connector.send(plain())


async def test_what_it_writes_is_masked_and_cut(script):
    """Neither its secrets nor the text nor the number are told, and not more than a line."""
    connector = await script(
        'echo "$TOKEN $1 $(cat)" >&2; head -c 100000 /dev/zero | tr "\\0" "x" >&2; exit 1',
        variables={"TOKEN": "t0psecret"},
    )

    outcome = await connector.send(plain(text="Your code is 918273"))

    assert "******** ******** ******** " == outcome.detail[:27]
    assert 200 == len(outcome.detail)


async def test_the_environment_is_what_was_named(script, tmp_path, monkeypatch):
    """A secret of the hub's own environment is not seen by a script."""
    monkeypatch.setenv("SMSHUB_SECRET", "not yours")
    monkeypatch.setenv("WANTED", "yes")
    connector = await script(
        f"env > {tmp_path}/seen", environment=["PATH", "WANTED", "MISSING"], variables={"TOKEN": "t"}
    )

    await connector.send(plain())

    names = {line.partition("=")[0] for line in (tmp_path / "seen").read_text().splitlines()}
    assert {"PATH", "WANTED", "TOKEN"} == names - {"PWD", "SHLVL", "_", "OLDPWD"}


async def test_one_that_does_not_end_is_killed_with_its_children(script, tmp_path):
    """After its time nobody can know, and nothing of it is left."""
    os.mkfifo(tmp_path / "alive")
    connector = await script(f"sleep 600 & echo $! > {tmp_path}/child; exec > {tmp_path}/alive; wait", timeout=1.0)
    # The pipe's other end closes when the last of them is gone.
    alive = asyncio.to_thread((tmp_path / "alive").read_bytes)
    left = asyncio.ensure_future(alive)

    outcome = await connector.send(plain())

    assert Uncertain(detail="the script did not end within 1 s") == outcome
    assert b"" == await asyncio.wait_for(left, PATIENCE)


async def test_what_it_leaves_behind_is_not_waited_for(script, tmp_path):
    """A child that keeps the output open does not keep the text."""
    connector = await script(f"sleep 600 & echo $! > {tmp_path}/child; echo OK id-1", id_pattern="OK (.*)", timeout=60)

    outcome = await asyncio.wait_for(connector.send(plain()), PATIENCE)

    os.kill(int((tmp_path / "child").read_text()), signal.SIGKILL)
    assert Accepted(("id-1",)) == outcome


async def test_one_that_floods_is_only_slow(script):
    """What is beyond the limit is thrown away while others go on; its time ends it."""
    connector = await script("yes", timeout=0.5, concurrency=2)
    quick = await script_beside(connector, "exit 0")

    flood = asyncio.ensure_future(connector.send(plain()))
    for n in range(5):
        assert Accepted() == await asyncio.wait_for(quick.send(plain(id=f"m{n}")), PATIENCE)

    assert Uncertain(detail="the script did not end within 0.5 s") == await flood
    await quick.close()


async def script_beside(connector, lines):
    """Make another script in the folder of one."""
    path = connector._path.with_name("beside")
    path.write_text(f"#!/bin/sh\n{lines}\n")
    path.chmod(0o755)
    made = Connector("beside", ScriptSettings(type="script", script=str(path)))
    await made.open()
    return made


async def test_one_that_reads_no_input_gets_its_text_all_the_same(script):
    """A pipe that nobody reads is no error, however long the text."""
    connector = await script("exec <&-; exit 0")

    assert Accepted() == await connector.send(plain(text="x" * 500_000))


async def test_so_many_run_at_once(script, tmp_path):
    """There is room for two, and none while two run."""
    gates = [tmp_path / "m0", tmp_path / "m1"]
    for gate in gates:
        os.mkfifo(gate)
    connector = await script('cat "$2"', arguments=["{id}"], concurrency=2, timeout=60)
    async with Bench(connector) as bench:
        await bench.ready()
        outcomes = [bench.submit(plain(id=gate.name)) for gate in gates]
        assert 0 == connector.room()

        for gate in gates:
            await asyncio.wait_for(asyncio.to_thread(gate.write_text, "go"), PATIENCE)
        done = await asyncio.wait_for(asyncio.gather(*outcomes), PATIENCE)
        await bench.ready()

        assert [Accepted()] * 2 == done


NOT_STARTED = [
    ("no such file", None, "No such file or directory"),
    ("no program", "not a program\n", "Exec format error"),
]


@pytest.mark.parametrize(("what", "text", "why"), NOT_STARTED, ids=[row[0] for row in NOT_STARTED])
async def test_one_that_cannot_be_started_sent_nothing(script, what, text, why):
    """Surely not sent, and the operator's to mend; also in the background."""
    connector = await script("exit 0", background="background")
    connector._path.unlink()
    if text is not None:
        connector._path.write_text(text)
        connector._path.chmod(0o755)

    outcome = await connector.send(plain())

    assert Deferred(Reason.MISCONFIGURED, detail=f"the script cannot be started: {why}") == outcome


@pytest.mark.parametrize("fields", [{"text": "\ud800"}, {"originator": "a\0b"}])
async def test_what_no_argument_can_hold_is_not_sent(script, fields):
    """Half a character and a zero byte are refused before anything runs."""
    connector = await script("exit 0", arguments=["{originator}"])

    outcome = await connector.send(plain(**fields))

    assert Reason.MISCONFIGURED == outcome.reason


@pytest.mark.parametrize(
    ("settings", "wanted"),
    [
        ({"phone_format": "plus"}, "+491701234567"),
        ({"phone_format": "written"}, "0170 1234567"),
        ({"REGEXP": "/^49/0/"}, "01701234567"),
    ],
)
async def test_the_number_is_written_as_the_script_wants_it(script, settings, wanted):
    """By its format, then by the rule."""
    connector = await script("exit 0", **settings)

    assert wanted == connector.argv(plain(to_written="0170 1234567"))[1]


WRONG = [
    ({"arguments": ["{code}"]}, "there is no {code}"),
    ({"rejected": [0]}, "0 is no exit status that says no"),
    ({"rejected": [2], "throttled": [2]}, "the exit status 2 has two meanings"),
    ({"reasons": {"two": "BARRED"}}, "'two' in reasons is no exit status"),
    ({"environment": ["A B"]}, "'A B' cannot be the name of a variable"),
    ({"id_pattern": "("}, "is not a regular expression"),
    ({"regexp": "x"}, "is not of the form"),
]


@pytest.mark.parametrize(("settings", "why"), WRONG)
def test_settings_that_cannot_work_are_refused(settings, why):
    """Before anything is sent."""
    with pytest.raises(ValueError, match=why.replace("{", r"\{")):
        ScriptSettings(type="script", script="x", **settings)


def test_config_check_looks_at_the_file(tmp_path):
    """It is there, it is a program, and nobody else can change it or put another in its place."""
    path = tmp_path / "sending"
    table = {"connectors": {"own": {"type": "script", "script": str(path)}}}

    def told():
        with pytest.raises(ConfigErrors) as errors:
            read(table)
        return [(problem.place, problem.what, problem.mend) for problem in errors.value.problems]

    place = "connectors.own.script"
    missing = (place, f"the file {path} cannot be read (No such file or directory)", "Name a file that is there.")
    assert [missing] == told()
    path.write_text("#!/bin/sh\n")
    path.chmod(0o644)
    assert [(place, f"the file {path} cannot be executed", f"Allow it: chmod u+x {path}")] == told()
    path.chmod(0o757)
    assert [(place, f"anybody may change the file {path}", f"Close it: chmod o-w {path}")] == told()
    path.chmod(0o755)
    tmp_path.chmod(0o777)
    assert [(place, f"anybody may replace the file {path}", f"Close its folder: chmod o-w {tmp_path}")] == told()
    tmp_path.chmod(0o755)
    assert "own" in read(table).connectors


@pytest.mark.parametrize("table", [{"type": "script", "script": "/bin/true"}, {"type": "custom", "file": "x.py"}])
def test_code_is_named_in_the_configuration_file_only(table):
    """Whoever may make connectors over an interface may not thereby run programs."""
    with pytest.raises(ConfigErrors, match="stands in the configuration file only"):
        read_object("connectors", "own", table)


def test_output_is_read_up_to_its_limit(tmp_path):
    """The rest is thrown away, and the program is not held up by it."""
    limits = {"folder": str(tmp_path), "environment": {}, "timeout": PATIENCE, "limit": 5}

    ran = run_program(["/bin/sh", "-c", "printf 0123456789; printf abcdefghij >&2; exit 9"], b"", **limits)

    assert (9, b"01234", b"abcde", False) == (ran.status, ran.output, ran.error, ran.killed)
    assert "01234" not in repr(ran)
    with pytest.raises(NotStarted, match="No such file"):
        run_program(["/nowhere"], b"", **limits)


def test_an_end_is_seen_where_the_system_does_not_tell(tmp_path, monkeypatch):
    """Without descriptors of processes it is looked for now and then."""
    monkeypatch.setattr("smshub.connectors.program._ended", lambda process: None)
    limits = {"folder": str(tmp_path), "environment": {}, "timeout": PATIENCE, "limit": 100}

    ran = run_program(["/bin/sh", "-c", "cat; exit 3"], b"x" * 90, **limits)

    assert (3, b"x" * 90) == (ran.status, ran.output)


def test_it_is_found_by_its_type():
    """The name of the module is the type."""
    assert Connector is connector_class("script")
