"""The TLS listener: what trusts its certificate gets in, what is older than TLS 1.2 does not."""

import json
import socket
import ssl
import subprocess
import urllib.request
import warnings

import pytest


def test_a_client_that_trusts_the_certificate_is_served(shared):
    """Python's own client with the hub's certificate as its authority reads the hub's life over TLS 1.2 or newer."""
    context = ssl.create_default_context(cafile=shared.certificate)
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context))

    with opener.open(f"https://127.0.0.1:{shared.tls_port}/livez", timeout=10) as answer:
        assert 200 == answer.status
    with (
        socket.create_connection(("127.0.0.1", shared.tls_port), 10) as plain,
        context.wrap_socket(plain, server_hostname="127.0.0.1") as wrapped,
    ):
        assert wrapped.version() in {"TLSv1.2", "TLSv1.3"}


def test_the_command_line_trusts_the_authority_it_is_given(shared):
    """`--ca` makes the command line trust the certificate; without it, it says in a line why it does not."""
    url = f"https://127.0.0.1:{shared.tls_port}"
    words = ("send", "--url", url, "--to", "+491701234567", "--text", "sealed")

    done = shared.hub.run(*words, "--ca", str(shared.certificate))
    refused = shared.hub.run(*words)

    assert (0, "") == (done.returncode, done.stderr)
    shared.smsc.arrives("ACME -> 491701234567: sealed")
    assert (1, 1) == (refused.returncode, len(refused.stderr.splitlines()))
    assert "--ca" in refused.stderr


@pytest.mark.needs("curl")
def test_curl_sends_over_tls(shared):
    """The hub answers curl, with the certificate as its authority, and the text arrives."""
    done = subprocess.run(
        [
            *("curl", "-sS", "--cacert", str(shared.certificate), "-u", "shop:shop-password"),
            *("-H", "Content-Type: application/json", "-d", '{"to": "+491701234567", "text": "curled"}'),
            f"https://127.0.0.1:{shared.tls_port}/v1/messages",
        ],
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )

    assert 1 == len(json.loads(done.stdout)["messages"])
    shared.smsc.arrives("ACME -> 491701234567: curled")


def handshake(port, version):
    """Try a handshake in one version of TLS only, with any cipher; give the version that came of it."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_ciphers("ALL:@SECLEVEL=0")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = version
        context.maximum_version = version
    with socket.create_connection(("127.0.0.1", port), 10) as plain, context.wrap_socket(plain) as wrapped:
        return wrapped.version()


def test_what_is_older_than_tls_1_2_is_refused(shared):
    """The same client gets in with TLS 1.2 and 1.3, and with nothing that is older."""
    for version in (ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1):
        # The alert may be lost with the connection, which the hub cuts.
        with pytest.raises(ssl.SSLError, match=r"(?i)protocol.version|EOF"):
            handshake(shared.tls_port, version)
    assert "TLSv1.2" == handshake(shared.tls_port, ssl.TLSVersion.TLSv1_2)
    assert "TLSv1.3" == handshake(shared.tls_port, ssl.TLSVersion.TLSv1_3)


def test_plain_http_on_the_tls_port_is_no_door(shared):
    """Credentials that are sent there in clear get no answer."""
    with socket.create_connection(("127.0.0.1", shared.tls_port), 10) as plain:
        plain.sendall(b"GET /livez HTTP/1.1\r\nHost: hub\r\n\r\n")
        answer = plain.recv(4096)

    assert not answer.startswith(b"HTTP/1.1 200")
