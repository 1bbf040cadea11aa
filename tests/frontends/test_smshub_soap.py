"""The SMSHub SOAP grammar: the vendor's requests in, the vendor's answers out."""

import re
from types import MappingProxyType

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from smshub.domain.accounts import Account
from smshub.domain.commands import (
    CATALOGUE,
    Done,
    HubStatus,
    Refusal,
    Refused,
    SendTexts,
    Status,
    Submitted,
)
from smshub.domain.message import MessageClass
from smshub.domain.signing import Answer as Signature
from smshub.domain.signing import Signed, SignText
from smshub.frontends.dialects import smshub, smshub_soap
from smshub.protocols.soap import SoapError, Version

SENT = Submitted(messages=())
STATUS = Status(
    taking=True,
    why="",
    version="0.1.0",
    node="hub-1",
    uptime=93_784.9,
    queued=17,
    connectors_up=1,
    connectors=2,
    listeners=("http://127.0.0.1:8080", "https://0.0.0.0:8443"),
    memory=50 * 2**20,
)

# The request as the vendor's own client writes it.
VENDOR = (
    '<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/" xmlns:urn="urn:smshub">'
    "<soapenv:Header/><soapenv:Body><urn:smshubSend><username>u</username><password>p</password>"
    "<mobile><String>+35212345</String><String>+4912345</String></mobile><text>hello</text><type>Flash</type>"
    "<sender>ACME</sender><client>c</client><source>127.0.0.1</source></urn:smshubSend></soapenv:Body>"
    "</soapenv:Envelope>"
)


def request(inside: str, operation: str = "smshubSend", namespace: str = "urn:smshub") -> bytes:
    """A request with these parameters."""
    return (
        '<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Body>'
        f'<o:{operation} xmlns:o="{namespace}">{inside}</o:{operation}></e:Body></e:Envelope>'
    ).encode()


def decode(body: bytes) -> smshub_soap.Call:
    """Decode for a caller at 192.0.2.1."""
    return smshub_soap.decode(body, "text/xml", peer="192.0.2.1")


def sends(inside: str) -> SendTexts | HubStatus | Refused:
    """The command of a request that names +49 and the text hi, and besides them what is given."""
    return decode(request(f"<mobile>+49</mobile><text>hi</text>{inside}")).command


def test_the_vendors_request_is_read():
    """The request of the vendor's client gives credentials and a command with every parameter in its place."""
    call = smshub_soap.decode(VENDOR.encode(), "application/xml", peer="192.0.2.1")

    assert (
        smshub_soap.Call(
            operation="smshubSend",
            username="u",
            password="p",
            command=SendTexts(
                to=("+35212345", "+4912345"),
                text="hello",
                originator="ACME",
                flash=True,
                client="c",
                source="127.0.0.1",
            ),
            ignored=(),
            version=Version.SOAP_11,
        )
        == call
    )


def test_the_password_is_not_in_the_repr_of_a_call():
    """A password cannot reach a log through the representation of a call."""
    assert "geheim" not in repr(decode(request("<password>geheim</password>")))


MOBILES = {
    "items of any name": "<mobile><item>1</item><String>2</String><x xmlns='y'>3</x></mobile>",
    "repeated": "<mobile>1</mobile><mobile>2</mobile><mobile>3</mobile>",
    "repeated lists": "<mobile><String>1</String></mobile><mobile><String>2</String><String>3</String></mobile>",
    "a comma list": "<mobile>1, 2,3,</mobile>",
    "comma lists as items": "<mobile>\n <String> 1,2 </String>\n <String/>\n <String>3</String>\n</mobile>",
    "an encoded array": (
        '<mobile xmlns:x="http://www.w3.org/2001/XMLSchema-instance" x:type="c:Array" '
        'c:arrayType="s:string[3]" xmlns:c="http://schemas.xmlsoap.org/soap/encoding/">'
        '<item x:type="s:string">1</item><item x:type="s:string">2</item><item>3</item></mobile>'
    ),
}


@pytest.mark.parametrize("what", MOBILES)
def test_mobiles_are_read_however_they_are_written(what):
    """Each way to write three mobiles gives the three."""
    assert (
        SendTexts(to=("1", "2", "3"), text="hi", client="192.0.2.1")
        == decode(request(f"{MOBILES[what]}<text>hi</text>")).command
    )


def says(**members: object) -> SendTexts:
    """The command of `sends` with these members."""
    return SendTexts(**{"to": ("+49",), "text": "hi", "client": "192.0.2.1", **members})


BAD_REQUEST = "BadRequest"
PARAMETERS = [
    ("", says()),
    ("<type>Normal</type>", says()),
    ("<type> fLASH </type>", says(flash=True)),
    ("<type/>", says()),
    ("<type>Silent</type>", BAD_REQUEST),
    ("<sender> ACME </sender>", says(originator="ACME")),
    ("<sender/>", says()),
    ("<client>OpenOTP 1</client>", says(client="OpenOTP 1")),
    ("<client> </client>", says()),
    ("<client>a\nb</client>", BAD_REQUEST),
    (f"<client>{'a' * 256}</client>", BAD_REQUEST),
    ("<source>10.0.0.1</source>", says(source="10.0.0.1")),
    ("<source> 2001:db8::1 </source>", says(source="2001:db8::1")),
    ("<source/>", says()),
    ("<source>localhost</source>", "ServerError"),
    ("<source>10.0.0.256</source>", "ServerError"),
    ("<source>010.0.0.1</source>", "ServerError"),
    ("<source>fe80::1%&lt;script&gt;</source>", "ServerError"),
    ("<settings>SMSType=Flash</settings>", says(flash=True)),
    ("<settings>SMSHub.SMSType=Flash, smshub.sender = ACME ,</settings>", says(flash=True, originator="ACME")),
    ("<settings>SMSType=Flash</settings><type>Normal</type>", says()),
    ("<settings>Sender=ACME</settings><sender>SHOP</sender>", says(originator="SHOP")),
    ("<settings>Connector=backup-1,Validity=60.5</settings>", says(connector="backup-1", valid_for=60.5)),
    ("<settings>smshub.CLASS=OTP</settings>", says(message_class=MessageClass.OTP)),
    ("<settings>SMSType=Loud</settings>", "BadSetting"),
    ("<settings>Validity=1e9</settings>", "BadSetting"),
    ("<settings>Validity=-1</settings>", "BadSetting"),
    ("<settings>Class=vip</settings>", "BadSetting"),
    ("<settings>Connector=</settings>", "BadSetting"),
    ("<settings>Connector=../etc</settings>", "BadSetting"),
    ("<settings>Sender</settings>", "BadSetting"),
    ("<settings>Sender=A,SMSHub.Sender=B</settings>", "BadSetting"),
    ("<settings>LoginMode=LDAP</settings>", "UnknownSetting"),
    ("<settings> , </settings>", says()),
    ("<text>again</text>", BAD_REQUEST),
    ("<type>Flash</type><type>Normal</type>", BAD_REQUEST),
    ("<sender><String>ACME</String></sender>", BAD_REQUEST),
]


@pytest.mark.parametrize(("inside", "expected"), PARAMETERS)
def test_a_parameter_means_what_the_document_says(inside, expected):
    """Each parameter becomes the member beside it, or the vendor's refusal."""
    command = sends(inside)

    assert expected == (command.error if isinstance(command, Refused) else command)


INCOMPLETE = ["<text>hi</text>", "<mobile/><text>hi</text>", "<mobile>,</mobile><text>hi</text>", "<mobile>1</mobile>"]


@pytest.mark.parametrize("inside", INCOMPLETE)
def test_no_mobile_and_no_text_are_bad_requests(inside):
    """The vendor calls both an invalid request."""
    command = decode(request(inside)).command

    assert isinstance(command, Refused)
    assert (Refusal.MALFORMED, BAD_REQUEST) == (command.refusal, command.error)


def test_parameters_of_other_names_are_told():
    """What a later client may send besides is passed over, and listed for the log."""
    assert ("context", "timeout") == decode(request("<context>1</context><text>a</text><timeout>9</timeout>")).ignored


@pytest.mark.parametrize("operation", ["smshubStatus", "smssendStatus"])
def test_a_status_needs_no_credentials(operation):
    """Both spellings of the status are asked without parameters."""
    call = decode(request("", operation))

    assert (HubStatus(), True) == (call.command, call.anonymous)


@pytest.mark.parametrize("namespace", ["urn:smshub", "http://www.rcdevs.com/wsdl/smshub/"])
def test_the_namespaces_of_the_wsdl_are_taken(namespace):
    """The body's namespace and the target namespace both name our operations."""
    assert "smshubSend" == decode(request("", namespace=namespace)).operation


def test_an_operation_without_a_namespace_is_taken():
    """A request written by hand may leave the namespace out."""
    body = VENDOR.replace("urn:smshubSend", "smshubSend").encode()

    assert "smshubSend" == decode(body).operation


FAULTS = {
    "another namespace": (request("", namespace="urn:openotp"), "there is no such operation"),
    "another operation": (request("", operation="smshubDrop"), "there is no such operation"),
    "a nested list": (request("<mobile><a><b>1</b></a></mobile>"), "a parameter is nested too deep"),
    "a document type": (b"<!DOCTYPE x>" + VENDOR.encode(), "a document type is not allowed"),
    "no SOAP": (b"<x/>", "the document is not one envelope with one body"),
}


@pytest.mark.parametrize("what", FAULTS)
def test_what_is_no_call_of_ours_is_a_fault(what):
    """A fault with the status 500 says what was wrong (SOAP 1.1 §6.2)."""
    body, why = FAULTS[what]
    with pytest.raises(SoapError) as caught:
        decode(body)
    answer = smshub_soap.refuse(body, caught.value)

    assert (500, "text/xml; charset=utf-8") == (answer.status, answer.content_type)
    assert f"<faultcode>SOAP-ENV:Client</faultcode><faultstring>{why}</faultstring>".encode() in answer.body


def test_a_fault_of_1_2_has_the_status_400():
    """In SOAP 1.2 a sender's fault is a bad request of HTTP (SOAP 1.2 part 2 §7.5.2.2)."""
    body = request("", "other").replace(b"http://schemas.xmlsoap.org/soap/envelope/", Version.SOAP_12.value.encode())
    with pytest.raises(SoapError) as caught:
        decode(body)
    answer = smshub_soap.refuse(body, caught.value)

    assert (400, "application/soap+xml; charset=utf-8") == (answer.status, answer.content_type)


HEAD = (
    '<?xml version="1.0" encoding="UTF-8"?>\n'
    '<SOAP-ENV:Envelope xmlns:SOAP-ENV="http://schemas.xmlsoap.org/soap/envelope/" xmlns:ns1="urn:smshub">'
    "<SOAP-ENV:Body>"
)
TAIL = "</SOAP-ENV:Body></SOAP-ENV:Envelope>\n"


def failure(error: str, message: str) -> bytes:
    """The answer to a smshubSend that failed."""
    return (
        f"{HEAD}<ns1:smshubSendResponse><code>0</code><error>{error}</error><message>{message}</message>"
        f"</ns1:smshubSendResponse>{TAIL}"
    ).encode()


@pytest.mark.parametrize("text", ["Tom & Jerry", "1 < 2", "a</text"])
def test_a_text_that_was_not_escaped_is_a_bad_request(text):
    """The vendor's client escapes nothing; what it then sends is answered in the operation's own words."""
    body = VENDOR.replace("hello", text).encode()
    with pytest.raises(SoapError) as caught:
        decode(body)

    assert smshub.Answer(200, "text/xml; charset=utf-8", failure("BadRequest", "Invalid SMS request")) == (
        smshub_soap.refuse(body, caught.value)
    )


def test_success_is_written_byte_by_byte():
    """The prefixes and the text are the vendor's, the error is an empty element."""
    expected = (
        f"{HEAD}<ns1:smshubSendResponse><code>1</code><error/><message>SMS send success</message>"
        f"</ns1:smshubSendResponse>{TAIL}"
    ).encode()

    assert smshub.Answer(200, "text/xml; charset=utf-8", expected) == smshub_soap.encode(decode(VENDOR.encode()), SENT)


REFUSALS = [
    (Refused(Refusal.UNAUTHENTICATED, "AuthFailed"), "AuthFailed", "Invalid username or password"),
    (Refused(Refusal.MALFORMED, "EmptyText"), "BadRequest", "Invalid SMS request"),
    (Refused(Refusal.MALFORMED, "NoRecipient"), "BadRequest", "Invalid SMS request"),
    (Refused(Refusal.MALFORMED, "BadType", value="x"), "BadRequest", "Invalid SMS request"),
    (Refused(Refusal.MALFORMED, "ServerError", member="source"), "ServerError", "Server Error"),
    (None, "ServerError", "Server Error"),
    (
        Refused(Refusal.MALFORMED, "BadNumber", value="<0>", why="too short"),
        "BadNumber",
        "'&lt;0&gt;' is not a number that can be reached: too short.",
    ),
    (Refused(Refusal.BLOCKED, "Blocked", value="+49"), "Blocked", "'+49' is on the blocklist."),
    (Refused(Refusal.NO_ROUTE, "NoRoute", value="+49"), "NoRoute", "No route leads to '+49'."),
    (
        Refused(Refusal.LIMITED, "AuthSlowed", seconds=10),
        "AuthSlowed",
        "Too many failed attempts; try again in 10 s.",
    ),
    (Refused(Refusal.UNAVAILABLE, "QueueFull"), "QueueFull", "The hub's queue is full; send again later."),
]


@pytest.mark.parametrize(("refused", "error", "message"), REFUSALS)
def test_a_refusal_is_code_0_with_its_error(refused, error, message):
    """The vendor's ids stand where the vendor has one, the catalogue's own names elsewhere."""
    assert failure(error, message) == smshub_soap.encode(decode(VENDOR.encode()), refused).body


def test_an_account_overrides_what_it_may():
    """The type and the sender by default, the rest where the account says so; what it may not is named."""
    call = decode(request("<mobile>+49</mobile><text>hi</text><settings>Validity=60,Class=otp,Sender=A</settings>"))

    with pytest.raises(Refused) as caught:
        smshub.command_for(call, Account(name="shop"))
    assert ("SettingNotAllowed", {"name": "Class"}) == (caught.value.error, caught.value.values)
    allowed = Account(name="shop", may_override=frozenset({"Validity", "Class", "Sender"}))
    assert says(originator="A", valid_for=60.0, message_class=MessageClass.OTP) == smshub.command_for(call, allowed)


@pytest.mark.parametrize(
    ("inside", "flash"),
    [("", True), ("<type>Normal</type>", False), ("<settings>SMSType=Normal</settings>", False)],
)
def test_an_account_has_a_type_of_its_own(inside, flash):
    """Flash by the account's settings, until the request says otherwise in either way."""
    call = decode(request(f"<mobile>+49</mobile><text>hi</text>{inside}"))

    assert says(flash=flash) == smshub.command_for(call, Account(name="shop", flash=True))


SIGNS = [
    ("", SignText(to=("+49",), text="hi", timeout=90.0, client="192.0.2.1")),
    ("<timeout>30</timeout><client>c</client>", SignText(to=("+49",), text="hi", timeout=30.0, client="c")),
    ("<timeout>100000</timeout>", SignText(to=("+49",), text="hi", timeout=300.0, client="192.0.2.1")),
    ("<timeout>0</timeout>", BAD_REQUEST),
    ("<timeout>-1</timeout>", BAD_REQUEST),
    ("<timeout>soon</timeout>", BAD_REQUEST),
    ("<source>nowhere</source>", "ServerError"),
]


@pytest.mark.parametrize(("inside", "expected"), SIGNS)
def test_smshub_sign_is_read(inside, expected):
    """The usual wait where none is named, five minutes at most, and the vendor's refusals."""
    command = decode(request(f"<mobile>+49</mobile><text>hi</text>{inside}", operation="smshubSign")).command

    assert expected == (command.error if isinstance(command, Refused) else command)


@pytest.mark.parametrize(
    ("answer", "body"),
    [
        (Signature.ACCEPTED, b"<code>1</code><error/><message>The recipient has accepted.</message>"),
        (Signature.REFUSED, b"<code>0</code><error>SignRefused</error><message>The recipient has refused.</message>"),
        (
            Signature.EXPIRED,
            b"<code>0</code><error>SignTimeout</error><message>The recipient has not answered in time.</message>",
        ),
    ],
)
def test_smshub_sign_is_answered(answer, body):
    """Code 1 is the recipient's yes; a no and silence are code 0 with ids of our own."""
    call = decode(request("", operation="smshubSign"))

    assert (
        b"<ns1:smshubSignResponse>" + body + b"</ns1:smshubSignResponse>"
        in smshub_soap.encode(call, Signed(answer)).body
    )


def test_the_status_is_2_where_nothing_would_leave():
    """A hub that takes texts and has no connector that is up is not willing, and says why."""
    answer = smshub_soap.encode(decode(request("", operation="smshubStatus")), replace(STATUS, connectors_up=0)).body

    assert b"<status>2</status>" in answer
    assert b"(takes no messages: no connector is up)" in answer


def test_every_refusal_has_a_row():
    """No refusal of the hub's is without an answer."""
    assert set(Refusal) == set(smshub.ERRORS)


def test_every_error_named_here_is_in_the_catalogue():
    """An operator can change the text of each id that this grammar writes of itself."""
    named = smshub.BAD_REQUESTS | {error for error in smshub.ERRORS.values() if error} | {"ServerError", "SendSuccess"}
    named |= {error or "SignSuccess" for error in smshub.SIGNATURES.values()}

    assert set() == named - set(CATALOGUE)


def test_an_operator_can_change_every_text():
    """The texts come from the catalogue that is passed in; what is missing there keeps its own."""
    catalogue = MappingProxyType({"SendSuccess": "Versandt", "AuthFailed": "Wer da?"})
    call = decode(VENDOR.encode())
    refused = Refused(Refusal.UNAUTHENTICATED, "AuthFailed")

    assert b"<message>Versandt</message>" in smshub_soap.encode(call, SENT, catalogue).body
    assert failure("AuthFailed", "Wer da?") == smshub_soap.encode(call, refused, catalogue).body
    assert b"<message>Server Error</message>" in smshub_soap.encode(call, None, catalogue).body


def test_a_request_of_1_2_is_answered_in_1_2():
    """The answer's envelope and content type are those of the version that was asked in."""
    body = VENDOR.replace("http://schemas.xmlsoap.org/soap/envelope/", Version.SOAP_12.value)
    answer = smshub_soap.encode(decode(body.encode()), SENT)

    assert "application/soap+xml; charset=utf-8" == answer.content_type
    assert b'<SOAP-ENV:Envelope xmlns:SOAP-ENV="http://www.w3.org/2003/05/soap-envelope"' in answer.body


# What the vendor's client looks for in the message of a status.
LINES = "Server:.*System:.*Listener:.*Uptime:.*Cluster Node:.*Local Memory:.*Shared Memory:.*Connectors:.*"


@pytest.mark.parametrize("operation", ["smshubStatus", "smssendStatus"])
def test_a_status_is_answered_in_the_vendors_lines(operation):
    """Status 1 and eight lines, under the name that was asked."""
    body = smshub_soap.encode(decode(request("", operation)), STATUS).body.decode()

    assert f"{HEAD}<ns1:{operation}Response><status>1</status><message>Server: smshub 0.1.0\nSystem: " in body
    assert body.endswith(
        "\nListener: http://127.0.0.1:8080 https://0.0.0.0:8443\nUptime: 1 d 02:03:04\nCluster Node: hub-1\n"
        "Local Memory: 50.0 MiB\nShared Memory: none\nConnectors: 1 of 2 up, 17 messages queued</message>"
        f"</ns1:{operation}Response>{TAIL}"
    )
    assert re.search(LINES, repr(body))


def test_a_hub_that_takes_nothing_has_status_2():
    """Status 2 says that new requests are not accepted, and why."""
    status = Status(False, "the disk is full", "0.1.0", "hub-1", 0.0, 0, 0, 0, (), 0)
    body = smshub_soap.encode(decode(request("", "smshubStatus")), status).body.decode()

    assert "<status>2</status><message>Server: smshub 0.1.0 (takes no messages: the disk is full)\n" in body
    assert re.search(LINES, repr(body))


def test_a_status_that_is_refused_has_status_2():
    """A hub that cannot tell its status does not accept requests either."""
    call = decode(request("", "smshubStatus"))
    refused = Refused(Refusal.UNAVAILABLE, "Stopping")

    assert (
        b"<status>2</status><message>The hub is stopping; send again in a moment.</message>"
        in smshub_soap.encode(call, refused).body
    )


def test_a_reply_to_something_else_is_a_fault_of_ours():
    """A call is not answered with a reply that means something else."""
    with pytest.raises(TypeError):
        smshub_soap.encode(decode(VENDOR.encode()), Done("done"))


def test_the_wsdl_has_the_callers_address():
    """The address is filled in, escaped, and no placeholder is left."""
    written = smshub_soap.wsdl('https://hub/smshub/?a="b"&c').decode()

    assert '<soap:address location="https://hub/smshub/?a=&quot;b&quot;&amp;c"/>' in written
    assert "{" not in written


def test_the_wsdl_names_the_operations_that_there_are():
    """Nothing is promised that is not answered."""
    named = re.findall(r'<soap:operation soapAction="(\w+)"/>', smshub_soap.wsdl("http://hub/").decode())

    assert sorted(smshub.OPERATIONS) == sorted(named)


def test_the_wsdl_has_the_parameters_in_order():
    """Positional parameters, of a PHP call or of JSON-RPC, are read in the order of the WSDL."""
    message = smshub_soap.wsdl("http://hub/").decode().partition('"smshubSendRequest">')[2].partition("</message>")[0]

    assert list(smshub.PARAMETERS) == re.findall(r'<part name="(\w+)"', message)


MEMBERS = st.sampled_from([*smshub.PARAMETERS, "other"])
VALUES = st.text(alphabet="a1+, =%.:\n", max_size=8) | st.sampled_from(
    ["Flash", "SMSType=Flash", "10.0.0.1", "::1", "<String>+49</String>", "<a><b/></a>", "<![CDATA[&]]>"]
)


@given(st.lists(st.tuples(MEMBERS, VALUES), max_size=12))
def test_any_parameters_are_a_command_or_a_refusal(members):
    """Whatever the parameters hold, there is an answer to write."""
    body = request("".join(f"<{name}>{value}</{name}>" for name, value in members))
    try:
        call = decode(body)
    except SoapError as error:
        answer = smshub_soap.refuse(body, error)
    else:
        answer = smshub_soap.encode(call, call.command if isinstance(call.command, Refused) else SENT)

    assert (b"Fault" in answer.body) == (answer.status == 500)
