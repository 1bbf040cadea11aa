"""How each door that takes several numbers tells those that were refused while the others were taken."""

import json

from smshub.domain.commands import CATALOGUE, NotTaken, Refusal, Refused, SendTexts, Submitted
from smshub.domain.message import Message, State
from smshub.frontends.dialects import native, smshub, smshub_jsonrpc, smshub_soap, textmessages

TAKEN = Message("0" * 32, "0" * 32, "shop", "491701234567", "+491701234567", "Hi", 0, 0, 9, state=State.SENT)
BAD = Refused(Refusal.MALFORMED, "BadNumber", member="to", value="12ab", why="not digits")
SOME = Submitted((TAKEN,), refused=(NotTaken("12ab", BAD),))
WHY = str(BAD)


def test_the_native_door_lists_them_beside_the_messages():
    """Each with the name of its error and its words; where none was refused, the member is not there."""
    told = json.loads(native.encode_submitted(SOME, CATALOGUE))

    assert [{"to": "12ab", "error": "BadNumber", "detail": WHY}] == told["refused"]
    assert ["+491701234567"] == [message["to"] for message in told["messages"]]
    assert b"refused" not in native.encode_submitted(Submitted((TAKEN,)), CATALOGUE)


def test_textmessages_lists_them_beside_the_messages():
    """Each as it was written, with the words that a refused call would have."""
    status, _, body = textmessages.encode_sent(SOME, CATALOGUE)

    assert (200, [{"to": "12ab", "error": WHY}]) == (status, json.loads(body)["refused"])
    assert b"refused" not in textmessages.encode_sent(Submitted((TAKEN,)), CATALOGUE)[2]


def test_textmessages_leaves_the_numbers_of_a_list_to_the_hub():
    """With `partial` a word among several numbers is not refused at once; by itself it still is what it was."""
    body = json.dumps({"Message": "Hi", "PhoneNumber": "491701234567, none"}).encode()

    command = textmessages.decode_send(body, "application/json", client="", partial=True)

    assert SendTexts(("491701234567", "none"), "Hi") == command


def test_smshub_tells_them_in_the_lines_of_the_message():
    """Code 1, since texts were taken; the first line is the vendor's, then one for each that was not."""
    message = f"SMS send success\n12ab was not taken: {WHY}"
    call = smshub_soap.Call("smshubSend", "u", "p", SendTexts((), ""), (), version=smshub_soap.Version.SOAP_11)
    asked = smshub_jsonrpc.Asked((smshub_jsonrpc.Call("smshubSend", "u", "p", SendTexts((), ""), (), id=1),))

    assert {"code": 1, "error": "", "message": message} == smshub.members_of(call, SOME, CATALOGUE)
    assert f"<message>{message}</message>".encode() in smshub_soap.encode(call, SOME).body
    assert message == json.loads(smshub_jsonrpc.encode(asked, [SOME]).body)["result"]["message"]
