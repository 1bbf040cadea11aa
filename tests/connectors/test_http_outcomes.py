"""What a gateway's answers come to, by its rules and under every fault."""

import pytest

from smshub.connectors.exchange import Response
from smshub.domain.delivery import Accepted, Deferred, Reason, Rejected, Uncertain
from smshub.simulators.faults import Script

RULES = {
    "success_pattern": r"^OK",
    "permanent_failure_pattern": r"^DENIED",
    "temporary_failure_pattern": r"^BUSY",
    "return_fail": "FAIL",
    "id_pattern": r"id=(\w+)",
    "code_pattern": r"code=(\d+)",
    "reasons": {"credit": "NO_CREDIT", "opted out": "OPTED_OUT"},
    "refused_status": [500],
}

ANSWERS = [
    (200, "OK id=a1 id=a2 id=a1", Accepted(("a1", "a2"))),
    (202, "OK", Accepted()),
    (204, "OK", Uncertain(detail="status 204: OK")),
    (200, "DENIED code=7", Rejected(Reason.UNKNOWN, "7", "DENIED code=7")),
    (400, "DENIED code=7", Rejected(Reason.UNKNOWN, "7", "DENIED code=7")),
    (200, "BUSY", Deferred(Reason.TEMPORARY, None, "BUSY")),
    (200, "OK, but no credit code=30", Deferred(Reason.NO_CREDIT, "30", "OK, but no credit code=30")),
    (400, "opted out", Rejected(Reason.OPTED_OUT, None, "opted out")),
    (200, "it did FAIL", Deferred(Reason.UNKNOWN, None, "it did FAIL")),
    (200, "hm", Deferred(Reason.UNKNOWN, None, "hm")),
    (200, " \r\n", Uncertain(detail="an empty answer")),
    (401, "who?", Deferred(Reason.BAD_CREDENTIALS, "401", "who?")),
    (500, "oops", Deferred(Reason.TEMPORARY, "500", "oops")),
    (502, "oops", Uncertain(detail="status 502: oops")),
]


@pytest.mark.parametrize(("status", "body", "expected"), ANSWERS)
async def test_rules_tell_answers_apart(gateway, message, status, body, expected):
    """Refusals that a rule names come first, then the status, then the mark of success."""
    connector = await gateway(url="http://127.0.0.1/", **RULES)

    assert expected == connector.outcome(message(), Response(status, body=body.encode()))


EXACT = [
    ({}, 200, "anything", True),
    ({}, 201, "", True),
    ({}, 202, "ERR", True),
    ({}, 204, "", False),
    ({"return_success": "ID"}, 200, "ID: 1", True),
    ({"return_success": "ID"}, 200, "id: 1", False),
    ({"return_success": "ID"}, 200, "ERR: 105, INVALID", True),
    ({"return_success": "ID"}, 500, "ID: 1", False),
    ({"return_fail": "ERR"}, 200, "ERR: 105", False),
    ({"return_fail": "ERR"}, 200, "err: 105", True),
    ({"return_success": "ID", "return_fail": "ERR"}, 200, "ID or ERR", True),
    ({"return_success": "", "return_fail": "ERR"}, 200, "ERR", False),
]


@pytest.mark.parametrize(("rules", "status", "body", "success"), EXACT)
async def test_the_exact_mode_knows_success_as_privacyidea_does(gateway, message, rules, status, body, success):
    """200, 201 or 202; a substring, case and all; RETURN_FAIL only where there is no RETURN_SUCCESS."""
    connector = await gateway(url="http://127.0.0.1/", mode="exact", **rules)

    outcome = connector.outcome(message(), Response(status, body=body.encode()))

    assert success is isinstance(outcome, Accepted)


async def test_the_safe_mode_hears_a_failure_beside_a_success(gateway, message):
    """An answer that holds both marks is no success."""
    connector = await gateway(url="http://127.0.0.1/", return_success="ID", return_fail="ERR")

    outcome = connector.outcome(message(), Response(200, body=b"ERR: 105, INVALID"))

    assert Deferred(Reason.UNKNOWN, None, "ERR: 105, INVALID") == outcome


BROKE_OFF = Uncertain(detail="the answer broke off, came too slowly or was too large")

FAULTS = [
    ("accept", Accepted()),
    ("refuse 403", Deferred(Reason.BAD_CREDENTIALS, "403", "ERROR 403 refused")),
    ("throttle", Deferred(Reason.THROTTLED, "429", "ERROR 429 too many requests", retry_after=1.0)),
    ("refuse 500", Uncertain(detail="status 500: ERROR 500 refused")),
    ("refuse 502", Uncertain(detail="status 502: ERROR 502 refused")),
    ("refuse 503", Deferred(Reason.TEMPORARY, "503", "ERROR 503 refused")),
    ("delay 10ms", Accepted()),
    ("hang", Uncertain(detail="127.0.0.1 did not answer: timeout")),
    ("late 1s", Uncertain(detail="127.0.0.1 did not answer: timeout")),
    ("drip", Uncertain(detail="127.0.0.1 did not answer: timeout")),
    ("drop", Uncertain(detail="127.0.0.1 did not answer: ServerDisconnectedError")),
    ("garbage", Uncertain(detail="127.0.0.1 did not answer: ClientResponseError")),
    ("truncate", BROKE_OFF),
    ("huge", BROKE_OFF),
    ("redirect", Deferred(Reason.MISCONFIGURED, "302", "the provider redirects, which is not followed")),
]


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize(("fault", "expected"), FAULTS, ids=[fault for fault, _ in FAULTS])
async def test_a_fault_comes_to_an_outcome_and_the_next_message_is_sent(
    gateway, providers, message, fault, expected, method
):
    """One request for each message, whatever happens, and nothing of the first comes to the second."""
    simulator, url = await providers(Script.parse(f"{fault}; accept"))
    options = {"text": "{otp}", "to": "{phone}"}
    connector = await gateway(url=f"{url}/send", method=method, timeout=0.2, id_pattern=r"OK (\S+)", options=options)

    first = await connector.send(message(text="first"))
    second = await connector.send(message(text="second"))

    taken = {text.text: text.ref for text in simulator.texts}
    if isinstance(expected, Accepted):
        expected = Accepted((taken["first"],))
    assert (expected, Accepted((taken["second"],))) == (first, second)
    assert 2 == len(simulator.received)


async def test_a_second_answer_is_not_taken_for_the_next_message(gateway, providers, message):
    """Each of three messages gets the id that was given for it."""
    simulator, url = await providers(Script.parse("duplicate"))
    options = {"text": "{otp}", "to": "{phone}"}
    connector = await gateway(url=f"{url}/send", id_pattern=r"OK (\S+)", options=options)

    outcomes = [await connector.send(message(text=text)) for text in ("one", "two", "three")]

    assert [Accepted((text.ref,)) for text in simulator.texts] == outcomes


async def test_an_answer_names_neither_secret_nor_text_nor_number(gateway, message):
    """What a provider echoes is masked before anybody keeps it."""
    connector = await gateway(url="http://127.0.0.1/", username="u", password="l34kpass", options={"pass": "l34kopt"})
    echoed = "l34kpass l34kopt dTpsMzRrcGFzcw== '+49 170 1234567' 'Your code is 123456' 123456"

    outcome = connector._told(Rejected(Reason.UNKNOWN, "l34kpass", echoed), message())

    mask = "********"
    assert Rejected(Reason.UNKNOWN, mask, f"{mask} {mask} {mask} '{mask}' '{mask}' {mask}") == outcome
