"""The settings: what an operator may write, and what is refused."""

import pytest
from pydantic import ValidationError

from smshub.connectors.base import connector_class, settings_of
from smshub.connectors.smpp import Connector, SmppSettings
from smshub.settings import Secret


def _settings(**table):
    return settings_of({"type": "smpp", "host": "smsc.example", **table})


def test_the_type_is_the_modules_name():
    """Type = "smpp" loads this connector."""
    assert Connector is connector_class("smpp")


def test_the_table_of_privacyideas_gateway_is_taken():
    """Every parameter of its SMPP gateway by its own name, TON and NPI as 5 or 0x5."""
    gateway = {
        "SMSC_HOST": "smsc.example",
        "SMSC_PORT": "2776",
        "SYSTEM_ID": "hub",
        "PASSWORD": "env:SECRET",
        "S_ADDR_TON": "0x5",
        "S_ADDR_NPI": "1",
        "S_ADDR": "privacyIDEA",
        "D_ADDR_TON": 2,
        "D_ADDR_NPI": "0x8",
        "REGEXP": "/^0/0049/",
    }

    expected = SmppSettings(
        type="smpp",
        host="smsc.example",
        port=2776,
        system_id="hub",
        password=Secret("env:SECRET"),
        source_ton=5,
        source_npi=1,
        source="privacyIDEA",
        dest_ton=2,
        dest_npi=8,
        regexp="/^0/0049/",
    )
    assert expected == settings_of({"type": "smpp", **gateway})


@pytest.mark.parametrize(
    ("table", "name"),
    [
        ({"window": 0}, "window"),
        ({"port": 70_000}, "port"),
        ({"system_id": "x" * 16}, "system_id"),
        ({"source_ton": 256}, "source_ton"),
        ({"dest_npi": "five"}, "dest_npi"),
        ({"regexp": "s/x/y/"}, "regexp"),
        ({"receipt_zone": "Nowhere"}, "receipt_zone"),
        ({"receipt_zone": "../../etc/passwd"}, "receipt_zone"),
        ({"reasons": {"RTHROTTLED": "THROTTLED"}}, "reasons"),
        ({"mode": "both"}, "mode"),
        ({"tls_verify": False}, "tls_accept_any_certificate"),
        ({"windw": 5}, "windw"),
    ],
)
def test_what_cannot_work_is_refused_by_its_name(table, name):
    """The error names the key."""
    with pytest.raises(ValidationError) as caught:
        _settings(**table)

    assert name in str(caught.value)


def test_the_password_is_never_shown():
    """Neither a repr nor what is written for others has it."""
    settings = _settings(password="hunter2")

    assert "hunter2" not in repr(settings) + settings.model_dump_json()


def test_every_setting_has_its_sentence():
    """What the example file and the reference show."""
    assert all(field.description for field in SmppSettings.model_fields.values())
