"""The debug view: what was said to a provider and answered, with everything secret masked."""

import contextlib
import http.server
import threading

import pytest

HTTP = """\
[connectors.http]
type = "http"
URL = "http://127.0.0.1:{port}/send?key=url-secret-0815"
HTTP_METHOD = "POST"
USERNAME = "me"
PASSWORD = "pass-secret-4711"
RETURN_SUCCESS = "OK"
debug = "{debug}"
[connectors.http.options]
to = "{{phone}}"
text = "{{otp}}"
token = "token-secret-1234"
"""
SECRETS = ("url-secret-0815", "pass-secret-4711", "token-secret-1234", "491701234567", "987654", "bWU6cGFzcy1z")


class Provider(http.server.BaseHTTPRequestHandler):
    """Says what it is told to, and repeats everything that it was asked."""

    says = "OK"

    def do_POST(self):
        """Answer."""
        body = self.rfile.read(int(self.headers["content-length"])).decode()
        answer = f"{self.says}: you sent {self.path} {body} {self.headers['authorization']}".encode()
        self.send_response(200)
        self.send_header("content-length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *words):
        """Be quiet."""


@pytest.fixture
def provider():
    """Give a provider on a free port."""
    handler = type("Handler", (Provider,), {})
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    handler.port = server.server_port
    yield handler
    server.shutdown()
    server.server_close()
    thread.join()


def exchanges(hub, words, message_id):
    """Give what was said about a message."""
    return hub.call("GET", f"/v1/messages/{message_id}/exchanges", user=words.admin).json["exchanges"]


def test_what_a_provider_refused_can_be_read_afterwards(make_hub, words, provider):
    """Request and answer of the failed try, without a secret, the number or the code; nothing of what went well."""
    hub = make_hub(words.accounts + HTTP.format(port=provider.port, debug="failures") + words.route("http"))
    fine = hub.send(text="Your code is 111222")
    hub.ends(fine, "SENT")
    provider.says = "ERR 7"
    failed = hub.send(text="Your code is 987654")
    (said,) = words.wait_for(lambda: exchanges(hub, words, failed)[:1])
    shown = hub.run("message", "show", failed, "--debug").stdout

    assert said["request"].startswith(f"POST http://127.0.0.1:{provider.port}/send")
    assert "ERR 7: you sent" in said["answer"]
    assert [] == [secret for secret in SECRETS if secret in str(said)]
    assert [] == exchanges(hub, words, fine)
    assert "" == shown  # the shop may not read it
    assert 403 == hub.call("GET", f"/v1/messages/{failed}/exchanges").status
    with contextlib.suppress(AssertionError):
        hub.call("POST", f"/v1/messages/{failed}/cancel", user=words.admin)


def test_all_of_it_is_kept_where_the_operator_wants_it(make_hub, words, provider):
    """Of what went well too."""
    hub = make_hub(words.accounts + HTTP.format(port=provider.port, debug="all") + words.route("http"))
    fine = hub.send(text="Your code is 987654")
    (said,) = words.wait_for(lambda: exchanges(hub, words, fine))

    assert (1, True) == (said["attempt"], said["answer"].startswith("200\n\nOK: you sent"))
    assert [] == [secret for secret in SECRETS if secret in str(said)]


def test_a_message_centre_that_refuses_is_told_by_its_status(make_smsc, make_hub, words):
    """The status as the specification names it, and no text."""
    smsc = make_smsc("refuse ESME_RINVDSTADR")
    hub = make_hub(words.accounts + words.smpp("smsc", smsc.port) + words.route("smsc"))
    hub.bound("smsc")
    failed = hub.send(text="Your code is 987654")
    (said,) = words.wait_for(lambda: exchanges(hub, words, failed))

    assert "0x0000000B (ESME_RINVDSTADR)" in said["answer"]
    assert [] == [secret for secret in SECRETS if secret in str(said)]


def test_a_program_that_fails_is_told_in_a_line(make_hub, words, tmp_path):
    """Ways out without requests and answers tell what the try came to, and nothing of the text."""
    program = tmp_path / "send"
    program.write_text("#!/bin/sh\ncat > /dev/null\nexit 3\n")
    program.chmod(0o700)
    table = f'[connectors.own]\ntype = "script"\nscript = "{program}"\n'
    hub = make_hub(words.accounts + table + words.route("own"))
    failed = hub.send(text="Your code is 987654")
    (said,) = words.wait_for(lambda: exchanges(hub, words, failed)[:1])

    assert ("a text of 1 segments, GSM7, by script", True) == (said["request"], said["answer"].startswith("Deferred"))
    assert [] == [secret for secret in SECRETS if secret in str(said)]
