"""What accounts may do, how they sign in, and the operator's own words for errors."""

import re

NARROW = "narrow:narrow-password"
KEY = "narrow-key-of-32-letters-and-more"
SOAPY = (
    '<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body><u:smshubSend xmlns:u="urn:smshub">'
    "<username>{user}</username><password>{user}-password</password><mobile>+491701234567</mobile>"
    "<text>{text}</text></u:smshubSend></s:Body></s:Envelope>"
)


def soap(hub, user, text="Hello"):
    """Send by SOAP as an account whose password is named after it; give the error and the message."""
    body = SOAPY.format(user=user, text=text).encode()
    answer = hub.call("POST", "/smshub/", body, user=None, headers={"Content-Type": "text/xml"})
    found = re.search(r"<error>(.*)</error><message>(.*)</message>", answer.body.decode())
    return found.groups() if found else (answer.status, answer.body)


def test_an_account_sends_as_whom_it_may(shared):
    """A sender of its list goes through, another is forbidden by name."""
    sent = {"to": "+491701234567", "text": "as the bank", "from": "Bank"}

    assert 202 == shared.hub.call("POST", "/v1/messages", sent, user=NARROW).status
    shared.smsc.arrives("Bank -> 491701234567: as the bank")
    answer = shared.hub.call("POST", "/v1/messages", {**sent, "from": "Police"}, user=NARROW)
    assert (403, "OriginatorNotAllowed", "from") == (answer.status, answer.json["error"], answer.json["member"])


def test_an_account_keeps_to_its_doors(shared):
    """One that may use /v1 alone is refused by SOAP, and the other way round; who it is was checked before."""
    error, message = soap(shared.hub, "narrow")
    assert ("DoorClosed", "This account may not use this interface (smshub).") == (error, message)
    assert ("AuthFailed", "Invalid username or password") == soap(shared.hub, "nobody")

    answer = shared.hub.call("GET", "/v1/messages", user="soapy:soapy-password")
    assert (403, "DoorClosed") == (answer.status, answer.json["error"])


def test_a_hashed_password_signs_in(shared):
    """A bcrypt hash in the file is as good as the password."""
    body = SOAPY.format(user="soapy", text="bcrypt speaks").encode()

    answer = shared.hub.call("POST", "/smshub/", body, user=None, headers={"Content-Type": "text/xml"})

    assert b"<code>1</code>" in answer.body
    shared.smsc.arrives("- -> 491701234567: bcrypt speaks")


def test_api_keys_sign_in_under_either_header(shared):
    """X-API-Key and the vendor's WA-API-Key name the account without a password; a wrong key is 401."""
    for name in ("X-API-Key", "WA-API-Key", "wa-api-key"):
        sent = {"to": "0170 1234567", "text": f"by {name}"}
        answer = shared.hub.call("POST", "/v1/messages", sent, user=None, headers={name: KEY})
        assert 202 == answer.status
        shared.smsc.arrives(f"ACME -> 491701234567: by {name}")
    wrong = shared.hub.call("GET", "/v1/messages", user=None, headers={"X-API-Key": KEY[:-1]}, source="127.0.3.1")
    assert 401 == wrong.status


def test_an_account_has_limits_of_its_own(shared):
    """Recipients and segments are counted against the account's limits."""
    three = shared.hub.call("POST", "/v1/messages", {"to": ["+491701234567"] * 3, "text": "Hello"}, user=NARROW)
    long = shared.hub.call("POST", "/v1/messages", {"to": "+491701234567", "text": "x" * 307}, user=NARROW)

    assert (400, "TooManyRecipients") == (three.status, three.json["error"])
    assert (400, "TextTooLong") == (long.status, long.json["error"])


def test_the_operators_words_show_at_every_door(shared):
    """A text of the [errors] table replaces the default, its placeholders filled, in JSON and in SOAP."""
    answer = shared.hub.call("POST", "/v1/messages", {"to": "+491701234567", "text": "x" * 1531})

    assert "Zu lang: 11 Teile, erlaubt sind 10." == answer.json["detail"]
    assert ("TextTooLong", "Zu lang: 11 Teile, erlaubt sind 10.") == soap(shared.hub, "shop", "x" * 1531)


def test_another_accounts_message_is_not_there(shared):
    """Whose message it is not gets the very answer of an id that nobody was given; who may see all sees it."""
    message_id = shared.hub.send(user=NARROW, to="+491701234567", text="mine alone")

    strange = shared.hub.call("GET", f"/v1/messages/{message_id}")
    missing = shared.hub.call("GET", f"/v1/messages/{message_id[::-1]}")

    assert (404, missing.body) == (strange.status, strange.body)
    assert 404 == shared.hub.call("POST", f"/v1/messages/{message_id}/cancel", {}).status
    assert [] == [one for one in shared.hub.call("GET", "/v1/messages").json["messages"] if one["id"] == message_id]
    assert "mine alone" == shared.hub.message(message_id)["text"]


def test_only_an_operator_changes_the_hub(shared):
    """A plain account may neither look at the hub's objects nor make one, and none is made."""
    for method, path, body in [
        ("GET", "/v1/connectors", None),
        ("GET", "/v1/accounts", None),
        ("PUT", "/v1/connectors/mine", {"type": "log"}),
        ("PUT", "/v1/accounts/me", {"password": "x", "role": "administrator"}),
        ("DELETE", "/v1/routes/default", None),
        ("POST", "/v1/connectors/smsc/test", {"to": "+491701234567", "text": "Hello"}),
    ]:
        answer = shared.hub.call(method, path, body)
        assert (403, "Forbidden") == (answer.status, answer.json["error"])
    assert ["smsc"] == list(shared.hub.connectors())
