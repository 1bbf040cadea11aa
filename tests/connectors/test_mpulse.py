"""Mpulse: a frame that must be filled in, and that says that nobody has verified it."""

import pytest
from pydantic import ValidationError

from smshub.connectors import mpulse
from smshub.domain.delivery import Accepted

FILLED = {
    "url": "https://gateway.example/send",
    "options": {"msisdn": "{phone}", "body": "{text}"},
    "return_success": "OK",
}


async def test_it_warns_at_every_start(way_out, caplog):
    """With the connector's name, at WARNING."""
    await way_out("mpulse", name="lux", **FILLED)

    assert [("WARNING", True)] == [
        (one.levelname, "lux: the type mpulse is unverified" in one.message) for one in caplog.records
    ]


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"options": {"body": "{text}"}}, "no field of options holds {phone}"),
        ({"options": {"to": "{phone}"}}, "no field of options holds {otp}"),
        ({"return_success": None}, "must say what marks a yes"),
        ({"url": None}, "url"),
    ],
)
def test_a_frame_that_is_not_filled_in_is_refused(more, words):
    """There is no default for what nobody knows."""
    table = {name: value for name, value in {"type": "mpulse", **FILLED, **more}.items() if value is not None}

    with pytest.raises(ValidationError, match=words):
        mpulse.Settings.model_validate(table)


async def test_what_is_filled_in_is_sent(way_out, providers, message):
    """As by the generic gateway: here a form by POST."""
    simulator, url = await providers()
    connector = await way_out("mpulse", **{**FILLED, "url": f"{url}/gateway"})

    outcome = await connector.send(message(text="a & b"))

    assert Accepted() == outcome
    assert ("POST", b"msisdn=491701234567&body=a+%26+b") == (
        simulator.received[0].seen.method,
        simulator.received[0].seen.body,
    )


def test_every_own_setting_says_that_it_is_unverified():
    """Where the reference and the console show it."""
    assert (mpulse.Settings.__doc__ or "").startswith("UNVERIFIED")
    assert all(mpulse.Settings.model_fields[name].description.startswith("Unverified") for name in ("url", "options"))
