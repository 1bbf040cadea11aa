"""The settings of an HTTP gateway: privacyIDEA's names, secrets, and what cannot work."""

import pytest
from pydantic import ValidationError

from smshub.connectors.http import HttpSettings
from smshub.connectors.rewriting import BadRule
from smshub.settings import MASK, Secret

URL = "http://127.0.0.1/send"


def settings(**table):
    """Read a table."""
    return HttpSettings.model_validate({"type": "http", "url": URL, **table})


def test_every_parameter_is_taken_by_the_name_privacyidea_gives_it():
    """In capitals, with yes and no, as its documents write them."""
    read = HttpSettings.model_validate(
        {
            "type": "http",
            "URL": URL,
            "HTTP_METHOD": "POST",
            "USERNAME": "u",
            "PASSWORD": "p",
            "RETURN_SUCCESS": "ID",
            "RETURN_FAIL": "ERR",
            "PROXY": "http://proxy:3128",
            "HTTP_PROXY": "http://proxy:3129",
            "HTTPS_PROXY": "http://proxy:3130",
            "PARAMETER": {"api_id": "7"},
            "CHECK_SSL": "no",
            "TIMEOUT": "2.5",
            "REGEXP": "/^0/0049/",
            "SEND_DATA_AS_JSON": "yes",
        }
    )

    assert ("POST", "u", Secret("p"), "ID", "ERR") == (
        read.method,
        read.username,
        read.password,
        read.return_success,
        read.return_fail,
    )
    assert ("http://proxy:3128", "http://proxy:3129", "http://proxy:3130") == (
        read.proxy,
        read.http_proxy,
        read.https_proxy,
    )
    assert ({"api_id": "7"}, False, 2.5, "/^0/0049/", True) == (
        read.parameters,
        read.check_ssl,
        read.timeout,
        read.regexp,
        read.send_data_as_json,
    )


def test_json_has_a_short_name():
    """`json = true` is what most would write."""
    assert settings(json=True).send_data_as_json


def test_a_setting_under_two_names_is_refused():
    """Nobody could say which one counts."""
    with pytest.raises(ValidationError, match="'HTTP_METHOD' is given twice"):
        settings(method="GET", HTTP_METHOD="POST")


def test_secrets_are_masked_and_references_shown(monkeypatch):
    """By their form (a reference) or their name; a template is none. Neither dump nor repr tells a secret."""
    read = settings(
        url="http://u:l34k1@host/?apikey=l34k2",
        password="l34k3",
        proxy="http://u:l34k4@proxy:1",
        https_proxy="http://u:l34k5@proxy:1",
        options={
            "pass": "l34k6",
            "to": "{phone}",
            "auth": {"token": "l34k7", "otp_key": "{otp}"},
            "user": "env:USER_7",
        },
        parameters={"secret": "l34k8"},
        headers={"Authorization": "Bearer l34k9", "X-Id": "file:/run/id", "Accept": "text/plain"},
    )

    dumped = read.model_dump()

    assert "l34k" not in repr(dumped) + read.model_dump_json()
    assert {
        "pass": MASK,
        "to": "{phone}",
        "auth": {"token": MASK, "otp_key": "{otp}"},
        "user": "env:USER_7",
    } == dumped["options"]
    assert {"Authorization": MASK, "X-Id": "file:/run/id", "Accept": "text/plain"} == dumped["headers"]
    assert "http://u:********@host/?apikey=********" == dumped["url"]
    assert "http://u:********@proxy:1" == dumped["https_proxy"]


@pytest.mark.parametrize(
    ("table", "why"),
    [
        ({"url": "sms.example.com/send"}, "must begin with http"),
        ({"proxy": "proxy:3128"}, "must begin with http"),
        ({"method": "DELETE"}, "it must be GET, POST or PUT"),
        ({"mode": "strict"}, "'safe' or 'exact'"),
        ({"regexp": "s/x/y/"}, "not of the form"),
        ({"success_pattern": "("}, "not a regular expression"),
        ({"reasons": {"(": "CONTENT"}}, "not a regular expression"),
        ({"reasons": {"ERR": "BROKEN"}}, "INVALID_RECIPIENT"),
        ({"headers": {"Content-Length": "5"}}, "cannot be set as a header"),
        ({"headers": {"X Y": "5"}}, "cannot be set as a header"),
        ({"headers": {"X": 5}}, "must be a text"),
        ({"options": {"to": "1"}, "parameters": {"to": "2"}}, "both an option and a parameter"),
        ({"timeout": 0}, "greater than 0"),
        ({"connections": 0}, "greater than or equal to 1"),
        ({"return_sucess": "ID"}, "Extra inputs"),
    ],
)
def test_what_cannot_work_is_refused(table, why):
    """The error names the setting and what it needs."""
    with pytest.raises(ValidationError, match=why):
        settings(**table)


def test_an_error_does_not_repeat_a_secret():
    """A bad address may hold a password."""
    with pytest.raises(ValidationError) as caught:
        settings(url="htp://u:l34k@host/")

    assert "l34k" not in str(caught.value)


def test_the_exact_mode_takes_what_privacyidea_takes():
    """A method that is neither GET nor POST, and a rule that does nothing."""
    read = settings(mode="exact", method="post", regexp="s/x/y/")

    assert ("post", "s/x/y/") == (read.method, read.regexp)


def test_a_bad_rule_is_a_value_error():
    """So that settings can tell of it."""
    assert issubclass(BadRule, ValueError)
