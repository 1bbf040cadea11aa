"""Custom callables: what they are given, what they may answer, and that nothing they do harms anybody else."""

import asyncio
import contextlib
import os

import pytest
import structlog

from smshub.conformance import Bench, plain
from smshub.connectors.base import connector_class
from smshub.connectors.custom import Connector, CustomSettings
from smshub.connectors.customcalls import MAX_FRAME, frame, size_of, value_of
from smshub.domain.delivery import Accepted, Deferred, Reason, Rejected, Uncertain

PATIENCE = 30.0

# One callable for most tests: the text says what it does.
GATEWAY = """
import asyncio, os, signal, sys, threading, time
from smshub.connectors.custom import ConnectorError

leaked = []

def send(msg, password):
    what, _, argument = msg.partition(" ")
    if what == "raise":
        raise RuntimeError(argument + password)
    if what == "refuse":
        raise ConnectorError(argument)
    if what == "because":
        raise ConnectorError("no", reason=argument, code="E" + "7" * 100, retry_after=9)
    if what == "return":
        return eval(argument)
    if what == "exit":
        sys.exit(3)
    if what == "die":
        os._exit(int(argument))
    if what == "signal":
        os.kill(os.getpid(), signal.SIGKILL)
    if what == "eat":
        return len(bytearray(8 * 1024 ** 3)) > 0
    if what == "leak":
        leaked.extend(os.open("/dev/null", os.O_RDONLY) for _ in range(160))
    if what == "threads":
        for _ in range(40):
            threading.Thread(target=time.sleep, args=(600,), daemon=True).start()
    if what == "later":
        threading.Timer(0.01, os._exit, [5]).start()
    if what == "hang":
        open(argument, "w").close()
        time.sleep(600)
    if what == "children":
        os.system(f"sleep 600 > {argument} & sleep 600")
    if what == "print":
        print("I am", password, msg)
        print("on the other stream", file=sys.stderr)
        os.write(1, b"raw")
    if what == "flood":
        for _ in range(1_000_000):
            print("x" * 100)
    if what == "speak":
        for number in range(3, 256):
            try:
                os.write(number, b'\\x00\\x00\\x00\\x0f{"accepted":[]}')
            except OSError:
                pass
    return f"{os.getpid()}"
"""


@pytest.fixture
async def custom(tmp_path):
    """Give a maker of connectors to a callable in a file of its own; each lives for the test."""
    async with contextlib.AsyncExitStack() as stack:

        async def make(source=GATEWAY, name="gateway", **settings):
            path = tmp_path / f"{name}.py"
            path.write_text(source, encoding="utf-8")
            quick = {"workers": 1, "timeout": 20.0, "password": "t0psecret"}
            table = {"type": "custom", "file": str(path), **quick, **settings}
            connector = Connector("own", CustomSettings(**table))
            return await stack.enter_async_context(Bench(connector))

        yield make


async def test_it_is_given_the_documented_parameters_that_it_takes(custom):
    """Those that its signature names, and no other."""
    source = "def send(msg, mobile, flash, sender, account, url, proxy, username='u', other='mine', /, *, id):\n"
    source += "    return repr((msg, mobile, flash, sender, account, url, proxy, username, other, id))\n"
    settings = {"account": "acc", "url": "http://127.0.0.1/x", "proxy": "http://127.0.0.1:3128", "username": "me"}
    bench = await custom(source, **settings)

    outcome = await bench.send(plain(text="Grüße 🎉", flash=True, id="m1"))

    given = ("Grüße 🎉", "491701234567", True, "ACME", "acc", "http://127.0.0.1/x", "http://127.0.0.1:3128", "me")
    assert Accepted((repr((*given, "mine", "m1")),)) == outcome


async def test_it_may_take_all_of_them(custom):
    """As keywords; the sender of the settings stands where the message has none."""
    bench = await custom("def send(**all):\n    return repr(sorted(all.items()))\n", sender="1234", phone_format="plus")

    outcome = await bench.send(plain(text="Hi", originator="", id="m1"))

    names = {"account": "", "flash": False, "id": "m1", "mobile": "+491701234567", "msg": "Hi"}
    names |= {"password": "t0psecret", "proxy": "", "sender": "1234", "url": "", "username": ""}
    assert Accepted((repr(sorted(names.items())),)) == outcome


async def test_it_may_be_async_and_of_any_name(custom):
    """What can be awaited is."""
    source = "import asyncio\nasync def deliver(msg):\n    await asyncio.sleep(0)\n    return [msg, 'b']\n"
    bench = await custom(source, function="deliver")

    assert Accepted(("a", "b")) == await bench.send(plain(text="a"))


async def test_it_may_be_of_a_module(tmp_path, monkeypatch):
    """A dotted name, found where Python finds modules."""
    (tmp_path / "parcel").mkdir()
    (tmp_path / "parcel" / "gateway.py").write_text("def send(msg):\n    return msg\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    connector = Connector("own", CustomSettings(type="custom", module="parcel.gateway"))
    async with Bench(connector) as bench:
        assert Accepted(("a",)) == await bench.send(plain(text="a"))


async def test_it_may_import_what_is_beside_it_but_not_replace_a_library(custom, tmp_path):
    """Its folder comes last on the path."""
    (tmp_path / "json.py").write_text("raise SystemExit('not this one')")
    (tmp_path / "beside.py").write_text("NAME = 'beside'")
    bench = await custom("import beside, json\ndef send(msg):\n    return json.dumps(beside.NAME)\n")

    assert Accepted(('"beside"',)) == await bench.send(plain())


MEANINGS = [
    ("return True", Accepted()),
    ("return 'a-1'", Accepted(("a-1",))),
    ("return ('a', 'b')", Accepted(("a", "b"))),
    ("return 'x' * 10**7", Accepted()),
    ("return ['x'] * 10**6", Accepted(("x",) * 16)),
    ("return False", Deferred(Reason.UNKNOWN, None, "it returned False")),
    ("refuse no such gateway", Deferred(Reason.UNKNOWN, None, "no such gateway")),
    ("because INVALID_RECIPIENT", Rejected(Reason.INVALID_RECIPIENT, "E" + "7" * 63, "no")),
    ("because THROTTLED", Deferred(Reason.THROTTLED, "E" + "7" * 63, "no", 9.0)),
    ("because NONSENSE", Deferred(Reason.UNKNOWN, "E" + "7" * 63, "no", 9.0)),
    ("return None", "it returned None, which says neither yes nor no"),
    ("return 1", "it returned int, which says neither yes nor no"),
    ("return ''", "it returned an empty str, which says neither yes nor no"),
    ("return []", "it returned an empty list, which says neither yes nor no"),
    ("return [1]", "which says neither yes nor no"),
    ("return b'a'", "it returned bytes, which says neither yes nor no"),
    ("raise abc", "RuntimeError: "),
    ("exit", "SystemExit: 3"),
    ("eat", "MemoryError"),
]


async def test_what_it_comes_to(custom):
    """True and ids are yes, False and ConnectorError are no, anything else is neither: one worker stands it all."""
    bench = await custom()
    began = await bench.send(plain(text="pid"))

    for text, expected in MEANINGS:
        # The words are kept from the mask here, since these texts are the words.
        outcome = bench.connector.outcome(plain(text="?"), await answer_to(bench, text))
        if isinstance(expected, str):
            assert (Reason.CRASHED, True) == (outcome.reason, expected in (outcome.detail or "")), text
            assert isinstance(outcome, Uncertain)
        else:
            assert expected == outcome, text

    assert began == await bench.send(plain(text="pid"))


async def answer_to(bench, text):
    """Ask the idle worker for its bare answer."""
    worker = bench.connector._idle[-1]
    return await worker.call(bench.connector.values(plain(text=text)), PATIENCE)


DEATHS = [("die 0", "exit status 0"), ("die 7", "exit status 7"), ("signal", "signal 9")]


@pytest.mark.parametrize(("text", "how"), DEATHS)
async def test_one_that_dies_is_replaced(custom, text, how):
    """Nobody knows what became of that text; the next one has a new worker."""
    bench = await custom()

    first = await bench.send(plain(text=text))
    second = await bench.send(plain(id="second", text="pid"))

    assert Uncertain(Reason.CRASHED, f"its process ended within the call ({how})") == first
    assert isinstance(second, Accepted)


async def test_one_that_blocks_is_killed_and_others_go_on(custom, tmp_path):
    """While it hangs, this connector's other worker and another connector send; after its time it is replaced."""
    gone = tmp_path / "hanging"
    os.mkfifo(gone)
    bench = await custom(workers=2, timeout=2.0)
    other = await custom("def send(msg):\n    return True\n", name="other")
    await bench.ready()

    hanging = bench.submit(plain(id="hanging", text=f"hang {gone}"))
    with await asyncio.wait_for(asyncio.to_thread(gone.open, "rb"), PATIENCE):
        for n in range(10):
            assert Accepted() == await asyncio.wait_for(other.send(plain(id=f"o{n}")), PATIENCE)
        assert isinstance(await bench.send(plain(id="beside", text="pid")), Accepted)
        assert not hanging.done()

    assert Uncertain(detail="it did not return within 2 s") == await asyncio.wait_for(hanging, PATIENCE)
    assert isinstance(await bench.send(plain(id="after", text="pid")), Accepted)


async def test_the_children_of_one_that_blocks_go_with_it(custom, tmp_path):
    """Its whole process group is killed: a pipe that a child holds open is closed."""
    alive = tmp_path / "alive"
    os.mkfifo(alive)
    bench = await custom(timeout=1.0)
    left = asyncio.ensure_future(asyncio.to_thread(alive.read_bytes))

    outcome = await bench.send(plain(text=f"children {alive}"))

    assert Uncertain(detail="it did not return within 1 s") == outcome
    assert b"" == await asyncio.wait_for(left, PATIENCE)


async def test_one_that_ends_between_two_calls_costs_no_text(custom):
    """A worker that is gone is not asked; the text goes to a new one."""
    bench = await custom()
    await bench.send(plain(text="later"))
    worker = bench.connector._idle[-1]
    await asyncio.wait_for(worker._reader.read(), PATIENCE)

    assert isinstance(await bench.send(plain(id="second", text="pid")), Accepted)


@pytest.mark.parametrize("text", ["leak", "threads"])
async def test_one_that_leaves_much_behind_is_replaced(custom, text):
    """Open files and threads go with the process, before they run out."""
    bench = await custom()
    first = await bench.send(plain(text=text))

    assert isinstance(first, Accepted)
    assert first != await bench.send(plain(id="second", text="pid"))


async def test_a_worker_serves_so_many_calls(custom):
    """What leaks slowly goes with it."""
    bench = await custom(calls=2)

    pids = [await bench.send(plain(id=f"m{n}", text="pid")) for n in range(4)]

    assert (True, True, False) == (pids[0] == pids[1], pids[2] == pids[3], pids[1] == pids[2])


async def test_what_it_prints_is_logged_masked_and_cut(custom):
    """Neither the secret nor the text; not without end; what goes past Python's streams goes nowhere."""
    bench = await custom()

    with structlog.testing.capture_logs() as lines:
        await bench.send(plain(text="print 918273"))
        await bench.send(plain(id="second", text="flood"))

    first, second = lines
    assert {
        "event": "custom.wrote",
        "log_level": "info",
        "connector": "own",
        "message": plain().id,
        "words": "I am ******** ******** on the other stream",
    } == first
    assert 200 == len(second["words"])


async def test_what_it_writes_to_the_hub_itself_is_no_answer(custom):
    """A frame of its own making is not taken for the worker's; its worker is replaced."""
    bench = await custom()

    outcomes = [await bench.send(plain(id=f"m{n}", text=text)) for n, text in enumerate(["speak", "pid"])]

    assert Uncertain(Reason.CRASHED, "its process ended within the call (it was ended)") == outcomes[0]
    assert isinstance(outcomes[1], Accepted)


async def test_an_exception_tells_no_secret(custom):
    """Its words are masked like a provider's."""
    bench = await custom()

    outcome = await bench.send(plain(text="raise key="))

    assert Uncertain(Reason.CRASHED, "RuntimeError: key=********") == outcome


LOADING = [
    ("def send(:", "SyntaxError"),
    ("import nowhere_at_all", "ModuleNotFoundError: No module named 'nowhere_at_all'"),
    ("raise SystemExit('no')", "SystemExit: no"),
    ("import os; os._exit(9)", "its process ended while it was loaded (exit status 9)"),
    ("def other(): pass", "AttributeError: "),
    ("def send(msg, error): pass", "TypeError: it takes 'error', which is none of msg, mobile,"),
    ("import time; time.sleep(600)", "it was not loaded within 2 s"),
]


@pytest.mark.parametrize(("source", "why"), LOADING)
async def test_one_that_cannot_be_loaded_sent_nothing(custom, source, why):
    """Surely not sent, and the state says why before anything is sent; a mended file works at once."""
    bench = await custom(source, timeout=2.0)
    await bench.ready()

    told = bench.connector.state().error
    outcome = await bench.send(plain())
    (bench.connector._file).write_text("def send(msg):\n    return True\n")
    mended = await bench.send(plain(id="second"))

    assert (True, True) == (why in told, isinstance(outcome, Deferred) and why in outcome.detail)
    assert (Reason.MISCONFIGURED, Accepted()) == (outcome.reason, mended)


async def test_an_edited_file_is_loaded_anew(custom):
    """Without a restart: each call sees the file as it is."""
    bench = await custom("def send(msg):\n    return 'old'\n")

    first = await bench.send(plain())
    bench.connector._file.write_text("def send(msg):\n    return 'newer'\n")
    second = await bench.send(plain(id="second"))

    assert (Accepted(("old",)), Accepted(("newer",))) == (first, second)


async def test_the_workers_see_only_what_was_named(custom, monkeypatch):
    """A secret of the hub's own environment is not handed on, nor is the connector's in the environment."""
    monkeypatch.setenv("SMSHUB_SECRET", "not yours")
    bench = await custom("import os, sys\ndef send(msg):\n    return repr(sorted(os.environ)) + repr(sys.argv)\n")

    (told,) = (await bench.send(plain())).refs

    assert ("SMSHUB_SECRET" in told, "t0psecret" in told) == (False, False)


async def test_workers_end_with_the_connector(custom, tmp_path):
    """None is left when its life is over, also not the one that is in the middle of a call."""
    gone = tmp_path / "hanging"
    os.mkfifo(gone)
    bench = await custom(workers=2)
    idle = int((await bench.send(plain(text="pid"))).refs[0])
    bench.connector.grace = 0.05
    hanging = bench.submit(plain(id="hanging", text=f"hang {gone}"))
    (await asyncio.wait_for(asyncio.to_thread(gone.open, "rb"), PATIENCE)).close()

    await bench.stop()

    assert Uncertain(Reason.CRASHED, "the hub stopped before the provider answered") == hanging.result()
    with pytest.raises(ProcessLookupError):
        os.killpg(idle, 0)


WRONG = [
    ({}, "name either a file or a module"),
    ({"file": "a.py", "module": "a"}, "name either a file or a module"),
    ({"module": "a-b"}, "'a-b' cannot be the name of a module"),
    ({"file": "a.py", "function": "a.b"}, "function"),
    ({"file": "a.py", "proxy": "nowhere"}, "must begin with http"),
    ({"file": "a.py", "workers": 0}, "workers"),
]


@pytest.mark.parametrize(("settings", "why"), WRONG)
def test_settings_that_cannot_work_are_refused(settings, why):
    """Before anything is loaded."""
    with pytest.raises(ValueError, match=why):
        CustomSettings(type="custom", **settings)


def test_what_is_shown_of_the_settings_holds_no_secret(tmp_path):
    """Neither the password nor those in addresses."""
    address = "http://me:s3cret1@127.0.0.1/?token=s3cret2"
    settings = CustomSettings(type="custom", file="a.py", password="s3cret3", url=address, proxy=address)

    assert "s3cret" not in f"{settings!r}{settings.model_dump()}{settings.model_dump_json()}"


def test_a_frame_is_bounded():
    """Neither an empty nor an immense one is read, nor one that is no object."""
    framed = frame({"a": "é"})

    assert ({"a": "é"}, len(framed) - 4) == (value_of(framed[4:]), size_of(framed[:4]))
    for size in (0, 1, MAX_FRAME + 1, 2**32 - 1):
        with pytest.raises(ValueError, match="no sensible length"):
            size_of(size.to_bytes(4, "big"))
    with pytest.raises(ValueError, match="no object"):
        value_of(b"[]")


def test_it_is_found_by_its_type():
    """The name of the module is the type."""
    assert Connector is connector_class("custom")
