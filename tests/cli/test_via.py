"""`smshub send --via`: what goes over the wire at each interface, and what is said of the answer. The blocklist too."""

import pytest

from smshub.cli.via import Text, otppi_document


def test_otppi_is_sent_as_its_clients_send_it(hub, ask):
    """A request for each recipient, with the time, an id and the end of the validity; the answer names the message."""
    hub.answer(200, {"command": "send-sms", "response_code": "0000", "data": {"modemID": "", "result": "m1"}})

    ran = ask("send", "--via", "otppi", "--to", "+491", "--to", "0812", "--text", "Hi", "--valid-for", "60")

    assert (0, "m1 +491 accepted\nm1 0812 accepted\n") == (ran.status, ran.out)
    assert ["/api/sms", "/api/sms"] == [one.path for one in hub.asked]
    assert "send-sms" == hub.asked[0].body["command"]
    data = hub.asked[1].body["data"]
    assert ("0812", "Hi", 60) == (data["receiver"], data["message"], data["expiration"] - data["date_time"])


def test_an_otppi_document_has_no_member_that_says_nothing():
    """Without a validity there is no expiration; the time is whole seconds."""
    document = otppi_document("0812", Text(["0812"], "Hi"), at=1629685778.9)

    assert 1629685778 == document["data"].pop("date_time")
    assert isinstance(document["data"].pop("id"), int)
    assert {"command": "send-sms", "data": {"receiver": "0812", "message": "Hi"}} == document


def test_otppi_says_no_with_its_code(hub, ask):
    """The error is told with the number and the code."""
    hub.answer(200, {"command": "send-sms", "response_code": "1102", "error": "'1' is on the blocklist.", "data": {}})

    ran = ask("send", "--via", "otppi", "--to", "1", "--text", "x")

    assert (1, "smshub: 1: '1' is on the blocklist. (response_code 1102)\n") == (ran.status, ran.err)


def test_soap_is_sent_as_the_wsdl_has_it(hub, ask):
    """An envelope in rpc style with the credentials in it, every text escaped; the answer may be pretty."""
    members = "<code>0</code>\n<error>NoRoute</error>\n<message>No route leads to &apos;1&apos;.</message>"
    envelope = '<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Body>{}</e:Body></e:Envelope>'
    hub.answer(200, envelope.format(f"<smshubSendResponse>{members}</smshubSendResponse>").encode())

    ran = ask("send", "--via", "soap", "--to", "1", "--text", "a < b & c")

    assert (1, "smshub: No route leads to '1'.\n") == (ran.status, ran.err)
    assert "text/xml; charset=utf-8" == hub.asked[0].headers["Content-Type"]
    assert b"<mobile>1</mobile><text>a &lt; b &amp; c</text><type>Normal</type>" in hub.asked[0].body


def test_jsonrpc_is_sent_with_the_credentials_in_the_call(hub, ask):
    """As SMSHub's callers do it; no id is told."""
    hub.answer(200, {"jsonrpc": "2.0", "result": {"code": 1, "error": "", "message": "ok"}, "id": 1})

    ran = ask("send", "--via", "jsonrpc", "--to", "1", "--to", "2", "--text", "x", "--from", "ACME", "--flash")

    assert (0, "- 1 accepted\n- 2 accepted\n") == (ran.status, ran.out)
    assert {
        "username": "shop",
        "password": "hunter2",
        "mobile": "1,2",
        "text": "x",
        "type": "Flash",
        "sender": "ACME",
    } == hub.asked[0].body["params"]


@pytest.mark.parametrize("answer", [b"<html>", b"[]", b'{"result": null}'])
@pytest.mark.parametrize("name", ["soap", "jsonrpc"])
def test_another_servers_answer_is_told_in_one_line(hub, ask, answer, name):
    """Whatever comes back that is not of the interface."""
    hub.answer(200, answer)

    ran = ask("send", "--via", name, "--to", "1", "--text", "x")

    assert 1 == ran.status
    assert "is it the right URL?" in ran.err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--via", "otppi", "--from", "ACME"), "this way in cannot carry --from"),
        (("--via", "otppi", "--send-at", "x", "--class", "otp"), "cannot carry --class, --send-at"),
        (("--via", "soap", "--reference", "r"), "cannot carry --reference"),
        (("--via", "pigeon"), "there is no way in 'pigeon'"),
    ],
)
def test_what_a_way_cannot_carry_is_refused_before_anything_is_sent(hub, ask, words, said):
    """An option that would be lost is an error of usage."""
    ran = ask("send", "--to", "1", "--text", "x", *words)

    assert 2 == ran.status
    assert said in ran.err
    assert [] == hub.asked


def test_a_text_without_an_id_cannot_be_followed(hub, ask):
    """SMSHub's answer tells none; the text is accepted all the same."""
    hub.answer(200, {"jsonrpc": "2.0", "result": {"code": 1}, "id": 1})

    ran = ask("send", "--via", "jsonrpc", "--to", "1", "--text", "x", "--wait")

    assert (1, "smshub: jsonrpc tells no ids to wait for; the text is accepted\n") == (ran.status, ran.err)


def test_block_unblock_and_blocklist(hub, ask):
    """The number is one part of the path; the list is a table."""
    hub.answer(200, {"to": "491", "blocked_at": "t", "blocked_by": "admin", "reason": "asked"})
    hub.answer(200, {"detail": "491 is unblocked"})
    hub.answer(200, {"blocked": [{"to": "491", "blocked_at": "t", "blocked_by": "admin", "reason": ""}], "next": None})

    ran = [ask("block", "+491", "--reason", "asked"), ask("unblock", "+49/1"), ask("blocklist")]

    assert ["491 is blocked\n", "491 is unblocked\n", "number  since  by     reason\n491     t      admin\n"] == [
        one.out for one in ran
    ]
    assert [("PUT", "/v1/blocklist/%2B491"), ("DELETE", "/v1/blocklist/%2B49%2F1"), ("GET", "/v1/blocklist")] == [
        (one.method, one.path.partition("?")[0]) for one in hub.asked
    ]
    assert {"reason": "asked"} == hub.asked[0].body


def test_textmessages_logs_in_and_sends_with_the_token(hub, ask):
    """The pair is in the body of the login and in no header; the token goes as Bearer; ids are told."""
    hub.answer(200, b'"aaa.bbb.ccc"')
    hub.answer(
        200, {"messages": [{"id": "m1", "to": "1", "status": "SENDING"}, {"id": "m2", "to": "2", "status": "QUEUED"}]}
    )

    ran = ask("send", "--via", "textmessages", "--to", "1", "--to", "2", "--text", "x")

    assert (0, "m1 1 SENDING\nm2 2 QUEUED\n") == (ran.status, ran.out)
    login, send = hub.asked
    assert ("/api/Login", {"ProgramSID": "shop", "ProgramKey": "hunter2"}) == (login.path, login.body)
    assert "Authorization" not in login.headers
    assert ("/api/TextMessages", {"Message": "x", "PhoneNumber": "1,2"}) == (send.path, send.body)
    assert "Bearer aaa.bbb.ccc" == send.headers["Authorization"]


def test_textmessages_says_no_in_the_hubs_words(hub, ask):
    """The text of a refusal is the line for the user."""
    hub.answer(401, b"Invalid ProgramSID or ProgramKey\n")

    ran = ask("send", "--via", "textmessages", "--to", "1", "--text", "x")

    assert (1, "smshub: Invalid ProgramSID or ProgramKey\n") == (ran.status, ran.err)
