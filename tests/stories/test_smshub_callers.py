"""Who calls the SMSHub door: passwords, keys, client certificates, users of a directory; and what they may override."""

import base64
import hashlib
import http.client
import json
import ssl

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from fixtures_hub import free_port
from fixtures_slapd import issue

KEY = "shop-key-of-32-letters-and-more-1"
CALL = {"mobile": ["+491701234567"], "text": "Hello"}
ACCOUNTS = """\
[defaults]
originator = "CITY"

[groups.office]
may_override = ["SMSType", "Sender", "Validity", "Class"]
originator = "OFFICE"

[accounts.admin]
password = "admin-password"
role = "administrator"

[accounts.shop]
password = "shop-password"
api_keys = ["sha256:{digest}"]
may_override = ["connector", "validity"]
certificate = ["sha256:{fingerprint}", "CN=till"]

[accounts.clerk]
password = "clerk-password"
group = "office"
flash = true

[accounts.portal]
certificate = "CN=portal"
api_keys = ["portal-key-of-32-letters-and-more"]
doors = ["smshub"]
"""


def rpc(hub, *, headers=None, method="smshubSend", source="127.0.6.1", **params):
    """Call the door as JSON-RPC; give the HTTP status and the result."""
    call = {"jsonrpc": "2.0", "method": method, "params": {**CALL, **params}, "id": 1}
    answer = hub.call("POST", "/smshub/", call, user=None, headers=headers, source=source)
    return answer.status, (answer.json["result"] if answer.status == 200 else answer.body)


def sends(hub, settings, *, user="shop", **params):
    """Send with settings; give the error."""
    given = {"username": user, "password": f"{user}-password", "settings": settings, **params}
    return rpc(hub, **given)[1]["error"]


@pytest.fixture(scope="module")
def office(make_shared_smsc, make_shared_hub, tmp_path_factory, words):
    """A hub with two message centres, a TLS listener that asks for certificates, and callers of every kind."""
    folder = tmp_path_factory.mktemp("certificates")
    issue(folder, "hub-ca", "hub")
    issue(folder, "ca", "till", "portal", "visitor", "openotp")
    issue(folder, "other", "till-of-others")
    first, second = make_shared_smsc(), make_shared_smsc()
    openotp = x509.load_pem_x509_certificate((folder / "openotp.crt").read_bytes())
    fingerprint = hashlib.sha256(openotp.public_bytes(serialization.Encoding.DER)).hexdigest().upper()
    tables = ACCOUNTS.format(digest=hashlib.sha256(KEY.encode()).hexdigest(), fingerprint=fingerprint)
    tables += words.smpp("first", first.port) + words.smpp("second", second.port) + words.route("first")
    port = free_port()
    tls = f'listen = "127.0.0.1:{port}", certificate = "{folder}/hub.crt", key = "{folder}/hub.key"'
    hub = make_shared_hub(tables, server=f'tls = {{ {tls}, client_ca = "{folder}/ca.crt" }}')
    hub.bound("first", "second")
    return hub, first, second, folder, port


# --- what a request overrides --------------------------------------------------------------------------------------


def test_a_request_names_its_connector_where_the_account_may(office):
    """Past the routes: the text goes out by the second message centre; a name that is not there is told."""
    hub, first, second, *_ = office

    assert "" == sends(hub, "Connector=second", text="by the second")
    second.arrives("CITY -> 491701234567: by the second")
    assert "UnknownConnector" == sends(hub, "Connector=third")
    assert "SettingNotAllowed" == sends(hub, "Connector=second", user="clerk")
    assert [] == [text for text in first.texts if "by the second" in text]


def test_the_blocklist_counts_past_the_routes(office):
    """A connector of one's own choice reaches nobody who is blocked."""
    hub, _, second, *_ = office
    assert hub.call("PUT", "/v1/blocklist/+491709999999", {}, user="admin:admin-password").status < 300

    assert "Blocked" == sends(hub, "Connector=second", mobile=["+491709999999"])
    assert [] == [text for text in second.texts if "491709999999" in text]


def test_settings_lie_over_each_other(office):
    """What is said of all, of the group, of the account and in the request: each covers the one before."""
    hub, first, *_ = office
    for user, settings, text, shown in [
        ("shop", "", "of all", "CITY -> 491701234567: of all"),
        ("clerk", "", "of the group", "OFFICE -> 491701234567 flash: of the group"),
        ("clerk", "SMSType=Normal,SMSHub.Sender=DESK", "of the request", "DESK -> 491701234567: of the request"),
    ]:
        assert "" == sends(hub, settings, user=user, text=text)
        first.arrives(shown)


def test_class_and_validity_are_those_of_the_request(office):
    """They are written with the message, as if the account had them."""
    hub, first, *_ = office

    assert "" == sends(hub, "Class=bulk,Validity=77", user="clerk", text="classy")
    first.arrives("OFFICE -> 491701234567 flash: classy")

    found = next(one for one in hub.messages(**{"class": "bulk"}))
    assert ("clerk", "bulk") == (found["account"], found["class"])
    assert "BadValidity" == sends(hub, "Validity=0", user="clerk")


@pytest.mark.parametrize(
    ("settings", "error"),
    [
        ("LoginMode=LDAP", "UnknownSetting"),
        ("Validity", "BadSetting"),
        ("Validity=1,Validity=2", "BadSetting"),
        ("Class=otp", "SettingNotAllowed"),
        ("Sender=ACME", "SettingNotAllowed"),
        ("SMSType=Loud", "BadSetting"),
    ],
)
def test_a_setting_that_is_not_heeded_is_refused(office, settings, error):
    """Each with a name of its own, and nothing is sent."""
    assert error == sends(office[0], settings)


# --- who calls -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("header", ["WA-API-Key", "X-API-Key"])
def test_a_key_is_enough(office, header):
    """Without username and password the key names the account; its digest in the file is no key."""
    hub, first, *_ = office

    assert 1 == rpc(hub, headers={header: KEY}, text=f"by {header}")[1]["code"]
    first.arrives(f"CITY -> 491701234567: by {header}")
    digest = "sha256:" + hashlib.sha256(KEY.encode()).hexdigest()
    assert 401 == rpc(hub, headers={header: digest}, source="127.0.6.2")[0]


def test_a_wrong_key_is_401_whatever_else_is_right(office):
    """The vendor's clients look at the status for that alone; the password of the body does not help, nor SOAP."""
    hub = office[0]
    right = {"username": "shop", "password": "shop-password"}

    for source, params, method in [("127.0.6.3", right, "smshubSend"), ("127.0.6.4", {}, "smshubStatus")]:
        status, body = rpc(hub, headers={"WA-API-Key": "wrong"}, source=source, method=method, **params)
        assert (401, b"Invalid username or password\n") == (status, body)
    soap = hub.call("POST", "/smshub/", b"<x/>", user=None, headers={"WA-API-Key": "wrong"}, source="127.0.6.5")
    assert (401, 'ApiKey realm="smshub"') == (soap.status, soap.headers["www-authenticate"])


def test_key_and_password_are_of_one_account(office):
    """Together they must mean the same caller; each right and of two accounts is refused as wrong."""
    hub = office[0]
    for user, code in [("shop", 1), ("clerk", 0)]:
        _, result = rpc(
            hub, headers={"WA-API-Key": KEY}, username=user, password=f"{user}-password", source=f"127.0.6.{10 + code}"
        )
        assert code == result["code"]
    _, result = rpc(hub, headers={"WA-API-Key": KEY}, username="shop", password="wrong", source="127.0.6.12")
    assert (0, "AuthFailed") == (result["code"], result["error"])


def over_tls(office, certificate, **params):
    """Call the door over TLS with a client certificate, or none; give the result."""
    call = {"jsonrpc": "2.0", "method": "smshubSend", "params": {**CALL, **params}, "id": 1}
    return posted(office, certificate, "/smshub/", call)[1]["result"]


def posted(office, certificate, path, body, **headers):
    """Post JSON over TLS with a client certificate, or none; give the HTTP status and what was answered."""
    *_, folder, port = office
    context = ssl.create_default_context(cafile=folder / "hub-ca.crt")
    if certificate:
        context.load_cert_chain(folder / f"{certificate}.crt", folder / f"{certificate}.key")
    connection = http.client.HTTPSConnection("127.0.0.1", port, context=context, timeout=20)
    try:
        connection.request("POST", path, json.dumps(body), {"Content-Type": "application/json", **headers})
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())
    finally:
        connection.close()


# Doors that take a certificate too: a request of each, and the status it is answered with.
ELSEWHERE = {
    "/v1/messages": ({"to": "+491701234567", "text": "by certificate"}, 202),
    "/v1/explain": ({"to": "+491701234567", "text": "by certificate"}, 200),
    "/api/sms": ({"command": "send-sms", "data": {"receiver": "+491701234567", "message": "by certificate"}}, 200),
}


@pytest.mark.parametrize("path", ELSEWHERE)
def test_a_certificate_is_enough_at_other_doors(office, path):
    """It names the account where there are no credentials, and is of the same account where there are."""
    body, status = ELSEWHERE[path]
    own, others = (
        "Basic " + base64.b64encode(pair.encode()).decode() for pair in ("shop:shop-password", "clerk:clerk-password")
    )

    assert status == posted(office, "till", path, body)[0]
    assert status == posted(office, "till", path, body, Authorization=own)[0]
    assert 401 == posted(office, "till", path, body, Authorization=others)[0]
    assert 401 == posted(office, "till", path, body, Authorization="Basic eA==")[0]
    for certificate in ("visitor", ""):
        assert 401 == posted(office, certificate, path, body)[0]
        assert status == posted(office, certificate, path, body, Authorization=own)[0]


@pytest.mark.parametrize("name", ["till", "portal", "openotp"])
def test_a_certificate_is_enough(office, name):
    """By the name of its subject or by its fingerprint, it names the account without a password."""
    assert 1 == over_tls(office, name, text=f"sealed by {name}")["code"]
    office[1].arrives(f"CITY -> 491701234567: sealed by {name}")


def test_a_certificate_of_nobodys_says_nothing(office):
    """One that the authority has signed and no account names, and none at all: the password counts."""
    for certificate in ("visitor", ""):
        assert "AuthFailed" == over_tls(office, certificate)["error"]
        assert 1 == over_tls(office, certificate, username="shop", password="shop-password")["code"]


def test_certificate_and_password_are_of_one_account(office):
    """A certificate of one account with the password of another is refused."""
    assert "AuthFailed" == over_tls(office, "portal", username="shop", password="shop-password")["error"]
    assert 1 == over_tls(office, "till", username="shop", password="shop-password")["code"]


def test_a_certificate_of_another_authority_does_not_come_in(office):
    """Its handshake fails, though its name is one that an account has."""
    with pytest.raises((ssl.SSLError, ConnectionError)):
        over_tls(office, "till-of-others")


@pytest.mark.needs("slapd")
def test_a_user_of_the_directory_sends(make_hub, slapd, words):
    """By name and password of the directory, under settings of a group, told apart from an account of the same name."""
    ldap = f"""\
[ldap]
url = "{slapd.url}"
ca = "{slapd.ca}"
base = "ou=people,dc=example,dc=org"
bind = {{ dn = "cn=smshub,dc=example,dc=org", password = "hub-password" }}
groups = {{ "cn=hospital,ou=groups,dc=example,dc=org" = "hospital" }}

[groups.hospital]
may_override = ["Class"]

[connectors.log]
type = "log"
file = "sent"
"""
    hub = make_hub(words.accounts + ldap + words.route("log"))

    sent = rpc(hub, username="anna", password="anna-password", settings="Class=otp")[1]
    refused = rpc(hub, username="bert", password="bert-password")[1]
    native = hub.call("POST", "/v1/messages", {"to": "+491701234567", "text": "Hello"}, user="carl:carl-password")

    assert (1, "AuthFailed", 202) == (sent["code"], refused["error"], native.status)
    assert ["ldap:carl", "ldap:anna"] == [one["account"] for one in hub.messages()]
    assert "anna-password" not in hub.log
    slapd.stop()
    try:
        assert "DirectoryDown" == rpc(hub, username="twin", password="twin-password")[1]["error"]
        basic = hub.call("GET", "/v1/messages", user="twin:twin-password")
        assert (503, "DirectoryDown") == (basic.status, basic.json["error"])
    finally:
        slapd.start()
