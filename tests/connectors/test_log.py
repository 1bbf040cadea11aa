"""The way out for trying out writes texts down."""

import json

import pytest

from smshub.connectors.base import connector_class
from smshub.connectors.log import Connector, LogSettings
from smshub.domain.delivery import Accepted, Deferred, Reason


async def write(message, **settings):
    """Send one message through a connector of these settings."""
    connector = Connector("trial", LogSettings(type="log", **settings))
    await connector.open()
    try:
        return await connector.send(message)
    finally:
        await connector.close()


async def test_a_text_goes_to_standard_output(message, capsys):
    """One JSON object a line."""
    outcome = await write(message(flash=True))

    line = json.loads(capsys.readouterr().out)
    assert Accepted(("01HZX",)) == outcome
    assert ("491701234567", "ACME", "Your code is 123456", True) == (
        line["to"],
        line["from"],
        line["text"],
        line["flash"],
    )


async def test_texts_are_added_to_a_file_that_only_its_owner_reads(message, tmp_path):
    """What is there already stays."""
    path = tmp_path / "texts"

    await write(message(text="Grüße"), file=str(path))
    await write(message(text="two\nlines"), file=str(path))

    assert ["Grüße", "two\nlines"] == [json.loads(line)["text"] for line in path.read_text().splitlines()]
    assert 0o600 == path.stat().st_mode & 0o777


async def test_a_full_disk_gives_the_message_back(message):
    """Nothing was written down, so nothing was sent."""
    connector = Connector("trial", LogSettings(type="log", file="/dev/full"))
    await connector.open()

    outcome = await connector.send(message())

    assert Deferred(Reason.TEMPORARY, detail="the file cannot be written (No space left on device)") == outcome
    with pytest.raises(OSError, match="No space"):
        await connector.close()


def test_it_is_found_by_its_type():
    """The name of the module is the type."""
    assert Connector is connector_class("log")
