"""Handing mail over: which failures are surely not taken, who is asked next, and what an untrusted server gets."""

import ssl
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from smshub.connectors.mail import Mail, SmtpServer
from smshub.connectors.mailservers import MailServers, Stage, judge
from smshub.domain.delivery import Accepted, Deferred, Reason, Rejected, Uncertain
from smshub.simulators.faults import Script
from smshub.simulators.smtp import SmtpSimulator

MAIL = Mail("reader@shop.example", "S", "T")


@pytest.fixture
async def serve():
    """Give a function that runs a simulated mail server and gives it with the settings for it."""
    simulators = []

    async def make(script="", *, name="hub", users=None, tls=None, implicit=False, **settings):
        simulator = SmtpSimulator(Script.parse(script), users=users, tls=tls, implicit=implicit)
        port = await simulator.start()
        simulators.append(simulator)
        values = {"host": "127.0.0.1", "security": "none", "sender": f"{name}@example.org", "timeout": 0.5, **settings}
        return simulator, SmtpServer.model_validate({**values, "port": port})

    yield make
    for simulator in simulators:
        await simulator.stop()


@pytest.fixture(scope="module")
def tls_pair(tmp_path_factory):
    """Make a certificate for 127.0.0.1 that nobody knows; give its file and what a server shows with it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "mail server")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    folder = tmp_path_factory.mktemp("tls")
    ca, private = folder / "hub.crt", folder / "hub.key"
    ca.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(ca, private)
    return ca, context


async def handed(*servers, mail=MAIL, count=1):
    """Hand a mail over so many times; give what each time came to."""
    turns = MailServers([(f"s{place}", server) for place, server in enumerate(servers)])
    outcomes = [await turns.hand_over(mail, f"id{place}") for place in range(count)]
    await turns.close()
    return outcomes


NO_READER = Rejected(Reason.INVALID_RECIPIENT, "550 5.1.1", "s0: the server refused the reader (550 5.1.1)")
BUSY = Deferred(Reason.TEMPORARY, "451 4.7.1", "s0: the server refused the reader (451 4.7.1)")
NOT_WANTED = Rejected(Reason.CONTENT, "554 5.7.1", "s0: the server refused the mail (554 5.7.1)")
NO_ANSWER = "s0: no answer to the mail (SMTP"


@pytest.mark.parametrize(
    ("script", "outcome"),
    [
        ("accept", Accepted(detail="s0")),
        ("delay 20ms", Accepted(detail="s0")),
        ("refuse", NO_READER),
        ("throttle", BUSY),
        ("refuse 554", NOT_WANTED),
        ("drop", Uncertain(detail=f"{NO_ANSWER}ServerDisconnected)")),
        ("hang", Uncertain(detail=f"{NO_ANSWER}ReadTimeoutError)")),
        ("truncate", Uncertain(detail=f"{NO_ANSWER}ServerDisconnected)")),
        ("garbage", Uncertain(detail="s0: the answer to the mail cannot be read")),
    ],
)
async def test_what_a_server_does_becomes_an_outcome(serve, script, outcome):
    """A no is a no at every stage; silence after the mail is uncertain, and so is what cannot be read."""
    _, server = await serve(script)

    assert [outcome] == await handed(server)


@pytest.mark.parametrize(
    ("stage", "code", "said", "expected"),
    [
        (Stage.DOOR, 554, "5.7.1 go away", (Deferred, Reason.MISCONFIGURED, True)),
        (Stage.DOOR, 421, "later", (Deferred, Reason.TEMPORARY, True)),
        (Stage.DOOR, -1, "nonsense", (Deferred, Reason.MISCONFIGURED, True)),
        (Stage.SENDER, 530, "5.7.0 sign in", (Deferred, Reason.BAD_CREDENTIALS, True)),
        (Stage.SENDER, 553, "5.7.1 not yours", (Deferred, Reason.MISCONFIGURED, True)),
        (Stage.SENDER, 552, "5.3.4 too large", (Rejected, Reason.CONTENT, False)),
        (Stage.READER, 550, "5.1.1 nobody", (Rejected, Reason.INVALID_RECIPIENT, False)),
        (Stage.READER, 550, "nobody", (Rejected, Reason.INVALID_RECIPIENT, False)),
        (Stage.READER, 554, "5.7.1 no relaying", (Rejected, Reason.BARRED, True)),
        (Stage.READER, 450, "4.2.0 greylisted", (Deferred, Reason.TEMPORARY, True)),
        (Stage.TEXT, 451, "not now", (Deferred, Reason.TEMPORARY, True)),
        (Stage.TEXT, 250, "what?", (Deferred, Reason.MISCONFIGURED, True)),
        (Stage.END, 451, "disk full", (Deferred, Reason.TEMPORARY, False)),
        (Stage.END, 554, "5.6.0 spam", (Rejected, Reason.CONTENT, False)),
    ],
)
def test_a_no_is_judged_by_its_code_and_its_place(stage, code, said, expected):
    """What is the reader's or the text's fault is final, all else may pass; the server's words are not repeated."""
    outcome, elsewhere = judge(stage, code, said)

    assert expected == (type(outcome), outcome.reason, elsewhere)
    assert said.split(" ", 1)[-1] not in outcome.detail


async def test_servers_take_turns_and_sessions_are_kept(serve):
    """Each mail goes to the next server, over the connection that is there already."""
    (one, first), (two, second) = await serve(), await serve(name="backup")

    outcomes = await handed(first, second, count=4)

    assert ["s0", "s1", "s0", "s1"] == [outcome.detail for outcome in outcomes]
    assert [(2, 1), (2, 1)] == [(len(server.mails), server.sessions) for server in (one, two)]
    assert {"backup@example.org"} == {mail.message["From"] for mail in two.mails} | {mail.sender for mail in two.mails}


@pytest.mark.parametrize("script", ["throttle", "refuse 421", "refuse 535"])
async def test_a_server_that_says_no_for_now_is_followed_by_the_next(serve, script):
    """At once, and nothing of the mail was given to the first."""
    (one, first), (two, second) = await serve(script), await serve()

    assert [Accepted(detail="s1")] == await handed(first, second)
    assert ([], 1) == (one.mails, len(two.mails))


async def test_a_server_that_is_not_there_is_asked_last_for_a_while(serve):
    """The first mail finds out, those that follow do not wait for it."""
    _, second = await serve()
    dead, first = await serve()
    await dead.stop()

    outcomes = await handed(first, second, count=3)

    assert ["s1", "s1", "s1"] == [outcome.detail for outcome in outcomes]


async def test_without_an_answer_no_other_server_gets_the_mail(serve):
    """It may have been taken."""
    (one, first), (two, second) = await serve("hang"), await serve()

    (outcome,) = await handed(first, second)

    assert (Uncertain, 1, 0) == (type(outcome), len(one.mails), len(two.mails))


async def test_the_refusal_that_is_soonest_over_is_told(serve):
    """Wrong credentials at one server and greylisting at the other: it is worth another try."""
    _, first = await serve("throttle")
    _, second = await serve("refuse 535")

    outcomes = await handed(first, second, count=2)

    assert [Reason.TEMPORARY] * 2 == [outcome.reason for outcome in outcomes]


async def test_a_session_that_ended_meanwhile_costs_nothing(serve):
    """The server closed it while it was kept: the mail goes over a new one."""
    simulator, server = await serve()
    turns = MailServers([("office", server)])
    await turns.hand_over(MAIL, "id1")
    port = server.port
    await simulator.stop()
    await simulator.start(port=port)

    assert Accepted(detail="office") == await turns.hand_over(MAIL, "id2")
    await turns.close()
    assert (2, 2) == (len(simulator.mails), simulator.sessions)


@pytest.mark.parametrize("users", [{"hub": "right"}, {}])
async def test_credentials_are_used_and_never_told(serve, users):
    """Right ones are signed in with; of wrong ones only the code is told."""
    _, server = await serve(users=users, username="hub", password="right")
    _, other = await serve(users={"hub": "else"}, username="hub", password="right")

    assert [Accepted(detail="s0")] == await handed(server)
    (outcome,) = await handed(other)
    assert Deferred(Reason.BAD_CREDENTIALS, "535", "s0: the server refused the credentials (535)") == outcome


@pytest.mark.parametrize("security", ["starttls", "tls"])
async def test_a_certificate_is_verified(serve, tls_pair, security):
    """A server with an unknown certificate gets nothing; with its authority named it gets the mail, protected."""
    ca, context = tls_pair
    implicit = security == "tls"
    simulator, server = await serve(tls=context, implicit=implicit, security=security)
    trusted = server.model_copy(update={"ca": str(ca)})

    (outcome,) = await handed(server)
    assert (Deferred, Reason.MISCONFIGURED, []) == (type(outcome), outcome.reason, simulator.mails)
    assert [Accepted(detail="s0")] == await handed(trusted)
    assert [True] == [mail.secure for mail in simulator.mails]


async def test_a_certificate_for_another_name_is_not_trusted(serve, tls_pair):
    """Though its authority is."""
    ca, context = tls_pair
    simulator, server = await serve(tls=context, security="starttls", ca=str(ca), host="localhost")

    (outcome,) = await handed(server)

    assert (Reason.MISCONFIGURED, []) == (outcome.reason, simulator.mails)


async def test_nothing_is_said_in_clear_where_protection_is_wanted(serve):
    """A server without STARTTLS gets neither credentials nor a mail."""
    simulator, server = await serve(security="starttls", username="hub", password="secret", users={"hub": "secret"})

    (outcome,) = await handed(server)

    assert (Deferred, []) == (type(outcome), list(simulator.received))
    assert "secret" not in outcome.detail


async def test_a_password_that_is_missing_is_told_by_its_place(serve):
    """The variable is named; another server may have its own."""
    _, server = await serve(username="hub", password="env:NO_SUCH_VARIABLE_HERE")

    (outcome,) = await handed(server)

    assert Reason.BAD_CREDENTIALS is outcome.reason
    assert "NO_SUCH_VARIABLE_HERE" in outcome.detail


async def test_without_any_server_nothing_is_sent():
    """It is the operator's to mend."""
    assert Reason.MISCONFIGURED is (await MailServers([]).hand_over(MAIL, "id")).reason
