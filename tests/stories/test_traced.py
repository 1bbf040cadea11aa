"""A request's own id: in the log beside the message's, and back with the answer."""

import json

import pytest


@pytest.fixture
def hub(make_hub, words):
    """Give a hub that tells everything, as JSON."""
    return make_hub(
        words.accounts + '[connectors.log]\ntype = "log"\nfile = "sent"\n' + words.route("log"),
        server='log_level = "debug"\nlog_format = "json"',
    )


def lines(hub, event):
    """Give the lines of the log that tell an event."""
    read = [json.loads(line) for line in hub.log.splitlines() if line.startswith("{")]
    return [line for line in read if line["event"] == event]


def test_a_request_is_followed_to_its_message_and_on_to_the_try(hub, words):
    """The id in the header, the line that ties it to the message, the line of the try; no text and no number."""
    body = {"to": "+491701234567", "text": "Secret words 987654"}
    answer = hub.call("POST", "/v1/messages", body, headers={"X-Request-Id": "req-4711/a=b"})
    message_id = answer.json["messages"][0]["id"]
    hub.ends(message_id, "SENT")

    assert "req-4711/a=b" == answer.headers["x-request-id"]
    assert ["req-4711/a=b"] == [one["request_id"] for one in lines(hub, "text.accepted")]
    assert [message_id] == [one["message"] for one in lines(hub, "text.accepted")]
    assert [message_id] == [one["message"] for one in words.wait_for(lambda: lines(hub, "attempt.settled"))]
    assert [] == [secret for secret in ("987654", "491701234567") if secret in hub.log]


@pytest.mark.parametrize("value", ["two words", "x" * 129, "\u00fc".encode().decode("latin-1"), '"quoted"'])
def test_what_is_no_plain_word_is_left_out(hub, value):
    """So that nobody writes lines of their own into the log or the answer."""
    answer = hub.call("POST", "/v1/messages", {"to": "+491701234567", "text": "x"}, headers={"X-Request-Id": value})

    assert (202, False) == (answer.status, "x-request-id" in answer.headers)
    assert [{}] == [{key for key in one if key == "request_id"} or {} for one in lines(hub, "text.accepted")]
