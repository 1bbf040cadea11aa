"""`smshub connector new` and `check`: connectors of one's own."""

import os
import sys

import pytest

from smshub.conformance.files import KINDS, NoCase, kind_of, new_files


@pytest.fixture(autouse=True)
def _as_it_was(monkeypatch):
    """Forget the folders and modules of a test."""
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setattr(sys, "modules", dict(sys.modules))


def test_a_new_connector_passes_its_check_at_once(run, folder):
    """As it was written, by its own case; the table says what was tried."""
    new = run("connector", "new", "parcel")
    ran = run("connector", "check", "parcel.py")

    rows = {line.split("  ")[0]: line for line in ran.out.splitlines()}
    assert (0, 0, "") == (new.status, ran.status, ran.err)
    assert ["parcel.py", "test_parcel.py"] == sorted(path.name for path in folder.iterdir() if path.is_file())
    assert "parcel: 30 passed, 0 failed, 1 not tried" == ran.out.splitlines()[-1]
    assert "Rejected INVALID_RECIPIENT" in rows["refused recipient"]
    assert "Uncertain" in rows["silence after the request"]
    assert "not tried" in rows["flash"]


def test_a_connector_that_lies_fails_its_check(run, folder):
    """It takes any answer for a yes: the table says where, and the status is 1."""
    run("connector", "new", "parcel")
    source = (folder / "parcel.py").read_text()
    (folder / "parcel.py").write_text(
        source.replace("        answer = response.json()\n", "        return Accepted()\n")
    )

    ran = run("connector", "check", "parcel.py")

    failed = [line for line in ran.out.splitlines() if "FAILED" in line]
    assert 1 == ran.status
    assert any(line.startswith("no credit") and "wanted Deferred NO_CREDIT" in line for line in failed)
    assert any(line.startswith("status 500") for line in failed)


def test_a_custom_one_that_fails_silently_is_found_out(run, folder):
    """It calls any trouble a no, also where the text may have left."""
    (folder / "sly.py").write_text(
        "import urllib.request, urllib.parse\n"
        "from smshub.connectors.custom import ConnectorError\n"
        "def send(msg, mobile, url):\n"
        "    try:\n"
        "        data = urllib.parse.urlencode({'to': mobile, 'text': msg}).encode()\n"
        "        return urllib.request.urlopen(url, data, timeout=1).read().startswith(b'OK')\n"
        "    except Exception as error:\n"
        "        raise ConnectorError(str(error))\n"
    )

    ran = run("connector", "check", "sly.py", "timeout=2")

    failed = {line.split("  ")[0] for line in ran.out.splitlines() if "FAILED" in line}
    assert 1 == ran.status
    assert {"silence after the request", "closed without an answer", "redirect"} <= failed
    assert "accepted" not in failed


def test_a_program_that_asks_nobody_is_tried_as_far_as_it_goes(run, folder):
    """What needs the server is not tried, and that is no failure."""
    (folder / "quiet").write_text("#!/bin/sh\ncat > /dev/null\n")
    (folder / "quiet").chmod(0o755)

    ran = run("connector", "check", "quiet")

    assert 0 == ran.status
    assert "it did not ask the server whose address it was given" in ran.out


@pytest.mark.parametrize("kind", KINDS)
def test_new_files_are_never_written_over(run, folder, kind):
    """Whichever of the two is there, neither is written."""
    (folder / "test_parcel.py").write_text("mine")

    ran = run("connector", "new", "parcel", "--kind", kind)

    assert (2, "smshub: test_parcel.py is there already\n") == (ran.status, ran.err)
    assert ["test_parcel.py"] == [path.name for path in folder.iterdir()]


@pytest.mark.parametrize("kind", KINDS)
def test_every_template_is_python_and_of_its_kind(tmp_path, kind):
    """A script is a program; nothing of the template's own name is left."""
    for name, (text, is_program) in new_files("parcel", kind).items():
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o755 if is_program else 0o644)
        compile(text, name, "exec")
        assert "NAME" not in text.replace("env:NAME", "").replace("file:NAME", "")

    own = tmp_path / ("parcel" if kind == "script" else "parcel.py")
    assert (kind, kind == "script") == (kind_of(own), os.access(own, os.X_OK))


@pytest.mark.parametrize("name", ["a-b", "1a", "A", "../a", ""])
def test_a_name_is_one_of_a_module(run, folder, name):
    """Nothing is written under any other."""
    ran = run("connector", "new", name)

    assert (2, []) == (ran.status, list(folder.iterdir()))


BAD_FILES = [
    ("none.py", None, "cannot be read as Python"),
    ("broken.py", "def (", "cannot be read as Python"),
    ("empty.py", "", "neither a class Connector nor a function send"),
    ("alone.py", "class Connector: pass", "there is no alone"),
    ("text", "hello", "is no program"),
]


@pytest.mark.parametrize(("name", "text", "why"), BAD_FILES)
def test_what_cannot_be_tried_is_one_line(run, folder, name, text, why):
    """With what it lacks."""
    if text is not None:
        (folder / name).write_text(text)

    ran = run("connector", "check", name)

    assert (2, 1) == (ran.status, ran.err.count("\n"))
    assert why.replace("there is no alone", "there is no test_alone.py") in ran.err


def test_a_case_that_cannot_be_loaded_is_one_line(run, folder):
    """Whatever its file does."""
    (folder / "parcel.py").write_text("class Connector: pass")
    (folder / "test_parcel.py").write_text("raise RuntimeError('no')")

    ran = run("connector", "check", "parcel.py")

    assert (2, "smshub: test_parcel.py has no CASE that can be loaded: RuntimeError: no\n") == (ran.status, ran.err)
    with pytest.raises(NoCase):
        new_files("Not One", "http")
