"""The client finds its hub and its credentials, and tells in one line what went wrong."""

import base64
import datetime as dt
import ipaddress
import socket
import ssl
import threading

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from smshub.cli.client import Client, segment
from smshub.cli.failure import Failed
from smshub.cli.profile import Flags, Profile, find_profile


def test_without_anything_it_is_the_hub_of_this_machine(folder):
    """The default address, and no credentials."""
    assert Profile("http://127.0.0.1:8080") == find_profile(Flags(), {})


def test_the_command_line_comes_first(folder):
    """Its credentials are taken whole: no key of the environment is mixed in."""
    (folder / "pass").write_text("one\nignored\n")
    flags = Flags(url="http://a/", username="me", password_file=folder / "pass")

    found = find_profile(flags, {"SMSHUB_URL": "http://b", "SMSHUB_API_KEY": "key"})

    assert Profile("http://a", "me", "one", source="the command line") == found


def test_the_environment_comes_before_files(folder):
    """A password there and a name on the command line go together."""
    write_profile(folder, 'url = "http://c"\napi_key = "key"\n')

    found = find_profile(Flags(username="me"), {"SMSHUB_PASSWORD": "one"})

    assert Profile("http://127.0.0.1:8080", "me", "one", source="the environment") == found


def test_a_profile_in_this_folder_is_found(folder):
    """The address of the environment may be used with the credentials of the file."""
    write_profile(folder, 'url = "http://c"\nusername = "me"\npassword = "one"\n')

    assert Profile("http://c", "me", "one", source=".smshub/client.toml") == find_profile(Flags(), {})


def test_a_profile_that_others_may_read_is_warned_about(folder):
    """It is used all the same."""
    write_profile(folder, 'api_key = "key"\n', mode=0o644)

    found = find_profile(Flags(), {})

    assert "key" == found.api_key
    assert (
        "others may read .smshub/client.toml, which holds a secret; close it: chmod 600 .smshub/client.toml",
    ) == found.warnings


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ('user = "me"', ".smshub/client.toml: unknown key 'user'. Known: url, username, password, api_key."),
        ("url = 1", ".smshub/client.toml: url: must be text in quotes"),
        ("url = ", ".smshub/client.toml: cannot be read as TOML (TOMLDecodeError)"),
    ],
)
def test_a_wrong_profile_is_told(folder, text, line):
    """Each fault is one line."""
    write_profile(folder, text)

    with pytest.raises(Failed, match=r".+") as caught:
        find_profile(Flags(), {})

    assert (line, 2) == (str(caught.value), caught.value.status)


def write_profile(folder, text, mode=0o600):
    """Write the profile of this folder."""
    (folder / ".smshub").mkdir()
    (folder / ".smshub" / "client.toml").write_text(text)
    (folder / ".smshub" / "client.toml").chmod(mode)


def test_a_profile_never_shows_its_secrets():
    """Not in a traceback either."""
    assert "hunter2" not in repr(Profile("http://a", "me", "hunter2", "hunter2"))


def test_credentials_go_in_headers(hub):
    """Basic for a name and a password, X-API-Key for a key."""
    hub.answer(200, {})

    Client(Profile(hub.url, "shöp", "hünter2")).get("/v1/x", to="+49", state=None)
    Client(Profile(hub.url, api_key="key")).post("/v1/x", {"a": 1})

    first, second = hub.asked
    assert "/v1/x?to=%2B49" == first.path
    assert f"Basic {base64.b64encode('shöp:hünter2'.encode()).decode()}" == first.headers["Authorization"]
    assert ("POST", {"a": 1}, "key") == (second.method, second.body, second.headers["X-API-Key"])


def test_the_path_of_a_mounted_hub_is_kept(hub):
    """A hub behind /sms is asked there."""
    hub.answer(200, {})

    Client(Profile(f"{hub.url}/sms")).get("/v1/x")

    assert "/sms/v1/x" == hub.asked[0].path


def test_names_in_paths_are_escaped():
    """A name cannot leave its place in the path."""
    assert ["a%2Fb", "%2E%2E", "%3Fx", "a%20b"] == [segment(name) for name in ("a/b", "..", "?x", "a b")]


@pytest.mark.parametrize("url", ["ftp://a", "127.0.0.1:8080", "http://", "http://a:x", "http://me:hunter2@a"])
def test_an_address_that_cannot_be_is_refused(url):
    """Without saying a password that stands in it."""
    with pytest.raises(Failed) as caught:
        Client(Profile(url))

    assert "hunter2" not in str(caught.value)
    assert str(caught.value).startswith("the URL of the hub must look like")


def test_a_hub_that_is_not_there_says_how_to_start_one():
    """The line names the address and the command."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"

    with pytest.raises(Failed) as caught:
        Client(Profile(url)).get("/v1/x")

    assert f"there is no hub at {url}; start one with: smshub serve --config smshub.toml" == str(caught.value)


def test_silence_is_told_and_a_submission_may_have_been_taken():
    """Nobody knows what became of a POST without an answer."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        client = Client(Profile(f"http://127.0.0.1:{silent.getsockname()[1]}"), timeout=0.05)

        with pytest.raises(
            Failed, match=r"did not answer in 0\.05 s; it may have been done, look before you repeat it"
        ):
            client.post("/v1/messages", {})
        with pytest.raises(Failed, match=r"did not answer in 0\.05 s$"):
            client.get("/v1/messages")


REFUSALS = [
    ({"detail": "The text is empty.", "member": "text"}, 422, "text: The text is empty."),
    ({"detail": "Not yours."}, 403, "Not yours."),
    ({"title": "Busy"}, 503, "Busy"),
    ({}, 500, "the hub answered with status 500"),
    ({"detail": "Wrong."}, 401, "Wrong. (from the environment)"),
]


@pytest.mark.parametrize(("problem", "status", "line"), REFUSALS)
def test_a_refusal_is_told_in_the_words_of_the_hub(hub, problem, status, line):
    """The member at fault comes first."""
    hub.answer(status, problem)

    with pytest.raises(Failed) as caught:
        Client(Profile(hub.url, "a", "b", source="the environment")).get("/v1/x")

    assert (line, 1) == (str(caught.value), caught.value.status)


@pytest.mark.parametrize("raw", [b"<html>", b"[1]", b"[" * 100_000, b"\xff"])
def test_another_server_is_not_taken_for_a_hub(hub, raw):
    """Whatever it answers."""
    hub.answer(200, raw)

    with pytest.raises(Failed, match="answers with status 200 and not as a hub does"):
        Client(Profile(hub.url)).get("/v1/x")


def test_a_redirect_is_not_followed(hub):
    """Credentials go to the hub and nowhere else."""
    hub.answer(302, {"title": "Found"})

    with pytest.raises(Failed, match="Found"):
        Client(Profile(hub.url, api_key="key")).get("/v1/x")
    assert 1 == len(hub.asked)


def test_a_certificate_is_verified(folder, certificate):
    """One that nobody vouches for is refused before a credential is sent; --ca names its authority."""
    with tls_server(certificate) as (url, read):
        with pytest.raises(Failed, match=r"is not trusted .*name its authority with --ca FILE"):
            Client(Profile(url, api_key="key")).get("/v1/x")
        assert {} == Client(Profile(url, api_key="key", ca=certificate)).get("/v1/x")

    assert b"X-API-Key: key" in read[0]
    assert 1 == len(read)


def test_credentials_in_clear_over_a_network_are_noticed():
    """Loopback and https are not a network in clear."""
    told = {
        url: Client(Profile(url, api_key="key", source="x")).exposed
        for url in ("http://sms.example", "https://sms.example", "http://127.0.0.1:1", "http://[::1]:1")
    }

    assert [True, False, False, False] == list(told.values())


def test_pages_are_walked(hub):
    """The cursor of one page asks for the next, until enough have come."""
    hub.answer(200, {"messages": [1, 2], "next": "c2"})
    hub.answer(200, {"messages": [3, 4], "next": "c3"})

    assert [1, 2, 3] == list(Client(Profile(hub.url)).pages("/v1/messages", "messages", 3, state="SENT"))
    assert ["/v1/messages?limit=3&state=SENT", "/v1/messages?limit=1&cursor=c2&state=SENT"] == [
        one.path for one in hub.asked
    ]


@pytest.fixture
def certificate(tmp_path):
    """A certificate for 127.0.0.1 that signs itself, with its key in the same file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "hub")])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path / "hub.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(private + made.public_bytes(serialization.Encoding.PEM))
    return path


class tls_server:  # noqa: N801 - reads as a function where it is used
    """Answer `{}` to whoever completes the handshake, and keep what was sent."""

    def __init__(self, certificate):
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(certificate)
        self.read: list[bytes] = []

    def __enter__(self):
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.thread = threading.Thread(target=self.serve)
        self.thread.start()
        return f"https://127.0.0.1:{self.listening.getsockname()[1]}", self.read

    def serve(self):
        """Take two connections: one that is refused by the client, one that is not."""
        for _ in range(2):
            plain, _address = self.listening.accept()
            with plain:
                plain.settimeout(5)
                try:
                    with self.context.wrap_socket(plain, server_side=True) as peer:
                        self.read.append(peer.recv(65_536))
                        peer.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
                except (ssl.SSLError, OSError):
                    continue

    def __exit__(self, *_):
        self.thread.join(5)
        self.listening.close()
