"""`smshub import privacyidea`: what becomes of each gateway, where its secrets go, and what is told."""

import json
import stat
import tomllib

import pytest

from smshub.cli.privacyidea import BadExport, NotCarriedOver, gateway_of, names_of, read_export
from smshub.config import load
from smshub.conformance import plain
from smshub.connectors.base import connector_class, settings_of
from smshub.domain.delivery import Accepted
from smshub.simulators.http import HttpSimulator

MODULES = "privacyidea.lib.smsprovider"
HTTP = f"{MODULES}.HttpSMSProvider.HttpSMSProvider"

# The recipes of privacyIDEA's documents, as its export writes them.
CLICKATELL = {
    "providermodule": HTTP,
    "description": "",
    "options": {
        "URL": "http://api.clickatell.com/http/sendmsg",
        "HTTP_METHOD": "GET",
        "RETURN_SUCCESS": "ID",
        "user": "YOU",
        "password": "cl1ck pass&word",
        "api_id": "12345",
        "text": "Your OTP value is {otp}",
        "to": "{phone}",
    },
    "headers": {},
}
GTX = {
    "providermodule": HTTP,
    "description": "GTX",
    "options": {
        "URL": "https://http.gtx-messaging.net/smsc.php",
        "HTTP_METHOD": "GET",
        "CHECK_SSL": "yes",
        "RETURN_SUCCESS": "200 OK",
        "user": "account",
        "pass": "gtxs3cret",
        "to": "{phone}",
        "text": "Your OTP value is {otp}.",
    },
    "headers": {},
}
TWILIO = {
    "providermodule": HTTP,
    "description": "",
    "options": {
        "URL": "https://api.twilio.com/2010-04-01/Accounts/AC0123456789/Messages",
        "HTTP_METHOD": "POST",
        "USERNAME": "AC0123456789",
        "PASSWORD": "twilios3cret",
        "From": "+15005550006",
        "Body": "{otp}",
        "To": "{phone}",
    },
    "headers": {},
}
SIPGATE = {
    "providermodule": f"{MODULES}.SipgateSMSProvider.SipgateSMSProvider",
    "options": {"USERNAME": "e0", "PASSWORD": "sips3cret", "REGEXP": "/^0/49/", "PROXY": "http://u:pr0xy@127.0.0.1:1"},
}
SMPP = {
    "providermodule": f"{MODULES}.SmppSMSProvider.SmppSMSProvider",
    "options": {
        "SMSC_HOST": "127.0.0.1",
        "SMSC_PORT": "2775",
        "SYSTEM_ID": "hub",
        "PASSWORD": "smpps3",
        "S_ADDR_TON": "0x5",
        "S_ADDR": "ACME",
        "D_ADDR_TON": "1",
    },
}
SMTP = {
    "providermodule": f"{MODULES}.SmtpSMSProvider.SmtpSMSProvider",
    "options": {"MAILTO": "{phone}@sms.example", "SMTPIDENTIFIER": "office", "SUBJECT": "s3", "BODY": "{otp}"},
}
OFFICE = {"server": "mail.example", "port": 587, "username": "u", "password": "mails3cret", "sender": "a@b.example"}


def script(name="sending", **options):
    """Give the definition of a script gateway."""
    module = f"{MODULES}.ScriptSMSProvider.ScriptSMSProvider"
    return {"providermodule": module, "options": {"script": name, "background": "wait", **options}}


def made(definition, name="gw", servers=None, scripts="/s"):
    """Give the table of one gateway."""
    return gateway_of(name, definition, servers or {}, scripts)


TABLES = [
    (
        CLICKATELL,
        {
            "type": "http",
            "mode": "exact",
            "phone_format": "written",
            "url": "http://api.clickatell.com/http/sendmsg",
            "method": "GET",
            "return_success": "ID",
            "check_ssl": True,
            "send_data_as_json": False,
            "options": {
                "user": "YOU",
                "password": "file:gw.option_password.secret",
                "api_id": "12345",
                "text": "Your OTP value is {otp}",
                "to": "{phone}",
            },
        },
        {"gw.option_password.secret": "cl1ck pass&word"},
    ),
    (
        TWILIO,
        {
            "type": "http",
            "mode": "exact",
            "phone_format": "written",
            "url": "https://api.twilio.com/2010-04-01/Accounts/AC0123456789/Messages",
            "method": "POST",
            "username": "AC0123456789",
            "password": "file:gw.password.secret",
            "check_ssl": True,
            "send_data_as_json": False,
            "options": {"From": "+15005550006", "Body": "{otp}", "To": "{phone}"},
        },
        {"gw.password.secret": "twilios3cret"},
    ),
    (
        SIPGATE,
        {
            "type": "sipgate",
            "api": "xmlrpc",
            "username": "e0",
            "password": "file:gw.password.secret",
            "proxy": "file:gw.proxy.secret",
            "regexp": "/^0/49/",
        },
        {"gw.password.secret": "sips3cret", "gw.proxy.secret": "http://u:pr0xy@127.0.0.1:1"},
    ),
    (
        SMPP,
        {
            "type": "smpp",
            "host": "127.0.0.1",
            "port": 2775,
            "mode": "transmitter",
            "receipts": False,
            "phone_format": "written",
            "system_id": "hub",
            "password": "file:gw.password.secret",
            "source": "ACME",
            "source_ton": 5,
            "source_npi": 0,
            "dest_ton": 1,
            "dest_npi": 0,
        },
        {"gw.password.secret": "smpps3"},
    ),
    (
        script(REGEXP="/^49/0/", background="background"),
        {
            "type": "script",
            "script": "/s/sending",
            "phone_format": "written",
            "background": "background",
            "regexp": "/^49/0/",
        },
        {},
    ),
]


@pytest.mark.parametrize(("definition", "table", "secrets"), TABLES, ids=[row[1]["type"] for row in TABLES])
def test_a_gateway_becomes_a_connector(definition, table, secrets):
    """Key by key, with every secret put aside."""
    gateway = made(definition)

    assert (table, secrets) == (gateway.table, gateway.secrets)
    assert not [secret for secret in secrets.values() if secret in repr(gateway)]


def test_a_mail_gateway_brings_its_server():
    """The server of the export becomes one of the hub's."""
    gateway = made(SMTP, servers={"office": {**OFFICE, "tls": True}})

    assert {
        "type": "smtp",
        "server": "office",
        "mailto": "{phone}@sms.example",
        "subject": "s3",
        "body": "{otp}",
        "phone_format": "written",
    } == gateway.table
    assert {
        "office": {
            "host": "mail.example",
            "sender": "a@b.example",
            "port": 587,
            "security": "starttls",
            "username": "u",
            "password": "file:smtp-office.password.secret",
        }
    } == gateway.smtp
    assert {"smtp-office.password.secret": "mails3cret"} == gateway.secrets


def test_what_could_be_taken_for_a_reference_or_is_a_secret_is_put_aside():
    """A literal that begins like a reference, a header that is named like a secret, a key in the address."""
    options = {
        "URL": "https://u:p4ss@127.0.0.1/?apikey=k3y",
        "ref": "file:x",
        "token": "{otp}",
        "PARAMETER": "{'a': 1}",
    }
    gateway = made({"providermodule": HTTP, "options": options, "headers": {"Authorization": "Bearer b", "X": "y"}})

    assert {
        "gw.url.secret": "https://u:p4ss@127.0.0.1/?apikey=k3y",
        "gw.option_ref.secret": "file:x",
        "gw.header_authorization.secret": "Bearer b",
    } == gateway.secrets
    assert ({"a": "1"}, {"ref": "file:gw.option_ref.secret", "token": "{otp}"}) == (
        gateway.table["parameters"],
        gateway.table["options"],
    )


LEFT_OUT = [
    ({"providermodule": f"{MODULES}.FirebaseProvider.FirebaseProvider"}, "push messages"),
    ({"providermodule": "some.Where"}, "nobody here knows its module 'Where'"),
    ({}, "nobody here knows its module 'none'"),
    ({"providermodule": HTTP, "options": {"HTTP_METHOD": "GET"}}, "it has no URL"),
    ({"providermodule": HTTP, "options": {"URL": "http://a/", "TIMEOUT": "soon"}}, "its TIMEOUT 'soon' is no number"),
    ({"providermodule": HTTP, "options": {"URL": "http://a/", "PARAMETER": "x"}}, "its PARAMETER is no table"),
    ({**SMPP, "options": {"SMSC_HOST": "h"}}, "it has no SMSC_PORT"),
    ({**SMPP, "options": {"SMSC_HOST": "h", "SMSC_PORT": "x"}}, "its SMSC_PORT 'x' is no number"),
    ({**SIPGATE, "options": {"USERNAME": "u"}}, "it has no PASSWORD"),
    (script("../evil"), "is no name of a file"),
    (SMTP, "the mail server 'office' is not in the export"),
]


@pytest.mark.parametrize(("definition", "why"), LEFT_OUT)
def test_what_has_no_counterpart_is_left_out_with_the_reason(definition, why):
    """Also what privacyIDEA could not send by either."""
    with pytest.raises(NotCarriedOver, match=why):
        made(definition)


GATEWAYS = {"a": TWILIO}
SHAPES = [
    json.dumps({"smsgateway": GATEWAYS, "policy": {}}),
    json.dumps(GATEWAYS),
    json.dumps([{"name": "a", "id": 3, **TWILIO}]),
    json.dumps({"jsonrpc": "2.0", "result": {"status": True, "value": [{"name": "a", **TWILIO}]}}),
    repr({"smsgateway": GATEWAYS, "smtpserver": None}),
    f"\n{GATEWAYS!r}\n",
]


@pytest.mark.parametrize("text", SHAPES)
def test_an_export_is_read_in_each_of_its_shapes(text):
    """A whole one, a section of one, what the API answers; as JSON and as Python writes it."""
    export = read_export(text)

    assert (["a"], TWILIO["options"]) == (list(export["smsgateway"]), export["smsgateway"]["a"]["options"])


UNREADABLE = [
    ("smsgateway:\n  a:\n    options: {}\n", "write the export of privacyIDEA as JSON"),
    ("", "write the export of privacyIDEA as JSON"),
    ("{", "it cannot be read"),
    ("{'a': __import__('os').system('true')}", "it cannot be read"),
    ("[" * 100_000, "it cannot be read"),
    ("{}", "no gateway definition"),
    ('{"smsgateway": []}', "no gateway definition"),
    ('{"smsgateway": 1}', "no definitions by their names"),
    ("[1, 2]", "no gateway definition"),
]


@pytest.mark.parametrize(("text", "why"), UNREADABLE, ids=range(len(UNREADABLE)))
def test_what_is_no_export_is_refused(text, why):
    """Nothing in it is ever run."""
    with pytest.raises(BadExport, match=why):
        read_export(text)


def test_names_are_made_to_fit_and_stay_apart():
    """A connector's name has fewer characters to choose from."""
    names = dict(names_of({"a b": 1, "a/b": 2, "a-b": 3, "Grüße": 4, "..": 5, "x" * 99: 6}))

    assert {
        "a b": "a-b",
        "a/b": "a-b-2",
        "a-b": "a-b-3",
        "Grüße": "Gr-e",
        "..": "gateway",
        "x" * 99: "x" * 60,
    } == names


@pytest.fixture
def export(folder):
    """Write an export with everything in it."""
    (folder / "scripts").mkdir()
    (folder / "scripts" / "sending").write_text("#!/bin/sh\n")
    (folder / "scripts" / "sending").chmod(0o755)
    gateways = {
        "Clickatell 1": CLICKATELL,
        "gtx": GTX,
        "twilio": TWILIO,
        "sip": SIPGATE,
        "smpp": SMPP,
        "own script": script(),
        "mail": SMTP,
        "mail2": SMTP,
        "fire\nbase": {"providermodule": f"{MODULES}.FirebaseProvider.FirebaseProvider"},
        "gone": script("gone"),
    }
    path = folder / "export.json"
    path.write_text(json.dumps({"smsgateway": gateways, "smtpserver": {"office": OFFICE}}))
    return path


def test_what_is_written_passes_the_check_and_holds_no_secret(run, folder, export):
    """Each secret is in a file of its own that only its owner reads; what was left out is named."""
    ran = run("import", "privacyidea", str(export), "--scripts", str(folder / "scripts"))

    text = (folder / "smshub-part.toml").read_text()
    config = load(folder / "smshub-part.toml")
    secrets = sorted(folder.glob("*.secret"))
    assert (0, "") == (ran.status, ran.err)
    assert ["Clickatell-1", "gtx", "twilio", "sip", "smpp", "own-script", "mail", "mail2"] == list(config.connectors)
    assert [] == [secret for secret in ("cl1ck", "s3cret", "smpps3", "pr0xy") if secret in text + ran.out]
    assert 7 == len(secrets)
    assert {0o600} == {stat.S_IMODE(path.stat().st_mode) for path in [*secrets, folder / "smshub-part.toml"]}
    assert "not carried over: fire base: it sends push messages, not texts" in ran.out
    assert "not carried over: gone: script: the file" in ran.out
    assert "# Not carried over: fire base: it sends push" in text
    assert {"office"} == tomllib.loads(text)["smtp"].keys()
    assert 0 == run("config", "check", "--config", "smshub-part.toml").status


def test_nothing_that_is_there_is_overwritten(run, folder, export):
    """Neither the output nor a secret, nor is anything else written then."""
    (folder / "gtx.option_pass.secret").write_text("mine")

    ran = run("import", "privacyidea", str(export), "--output", "part.toml")

    assert (2, "smshub: gtx.option_pass.secret is there already; nothing was written\n") == (ran.status, ran.err)
    assert ("mine", False) == ((folder / "gtx.option_pass.secret").read_text(), (folder / "part.toml").exists())
    assert 1 == len(list(folder.glob("*.secret")))


def test_a_hidden_secret_is_asked_for(run, folder):
    """An export from the API hides them; the file to write is named, and the check asks for it."""
    hidden = {**GTX, "options": {**GTX["options"], "pass": "__CENSORED__"}}
    (folder / "e.json").write_text(json.dumps({"gtx": hidden}))

    ran = run("import", "privacyidea", "e.json", "--output", "part.toml")

    assert "the export hides a secret; write it to gtx.option_pass.secret with mode 0600" in ran.out
    assert "gtx.option_pass.secret" in run("config", "check", "--config", "part.toml").err


def test_where_nothing_can_be_carried_over_nothing_is_written(run, folder):
    """The status says so."""
    (folder / "e.json").write_text(json.dumps({"f": {"providermodule": "a.FirebaseProvider"}}))

    ran = run("import", "privacyidea", "e.json")

    assert (1, "not carried over: f: it sends push messages, not texts\n", ["e.json"]) == (
        ran.status,
        ran.out,
        [path.name for path in folder.iterdir()],
    )


@pytest.mark.parametrize(("name", "raw"), [("none", None), ("bytes", b"\xff"), ("yaml", b"a: 1")])
def test_a_file_that_cannot_be_read_is_one_line(run, folder, name, raw):
    """With what to do instead."""
    if raw is not None:
        (folder / name).write_bytes(raw)

    ran = run("import", "privacyidea", name)

    assert (2, True, 1) == (ran.status, ran.err.startswith(f"smshub: {name}"), ran.err.count("\n"))


@pytest.mark.parametrize(
    ("definition", "path", "provider", "text"),
    [
        (CLICKATELL, "/http/sendmsg", "clickatell", "Your OTP value is 012345"),
        (GTX, "/smsc.php", "gtx", "Your OTP value is 012345."),
        (TWILIO, "/2010-04-01/Accounts/AC0123456789/Messages", "twilio", "012345"),
    ],
)
async def test_the_documented_recipes_send_when_they_are_here(tmp_path, definition, path, provider, text):
    """Imported and set to the simulator's address, each is taken by the provider that it is for."""
    simulator = HttpSimulator()
    async with simulator.running() as address:
        options = {**definition["options"], "URL": address + path}
        gateway = made({**definition, "options": options})
        for name, secret in gateway.secrets.items():
            (tmp_path / name).write_text(secret)
        table = json.loads(json.dumps(gateway.table).replace("file:", f"file:{tmp_path}/"))
        connector = connector_class(table["type"])("gw", settings_of(table))
        await connector.open()
        outcome = await connector.send(plain(text="012345", to_written="491701234567"))
        await connector.close()

    assert Accepted() == outcome
    assert [(provider, "491701234567", text)] == [
        (one.provider, one.taken[0].to, one.taken[0].text) for one in simulator.received
    ]
