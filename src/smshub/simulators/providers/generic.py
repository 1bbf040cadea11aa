"""A plain gateway on any other path: it takes whatever looks like a number and a text, under any usual name."""

import json

from smshub.simulators.providers.values import JSON, Answer, Desk, Seen, Text, retry_in

PATH = r"/.*"

TO = ("to", "phone", "mobile", "number", "recipient", "recipients", "destination", "msisdn", "receiver")
TEXT_NAMES = ("text", "message", "sms", "body", "content", "msg", "otp")
FROM = ("from", "sender", "originator", "source")
USER = ("user", "username", "login", "account")
PASSWORD = ("password", "pass", "api_key", "apikey", "token", "secret")


def answer(seen: Seen, desk: Desk) -> Answer:
    """Answer `OK <id>` or `ERROR <code> <words>` by an HTTP status to match; in JSON to a JSON request."""
    as_json = seen.headers.get("content-type", "").startswith(JSON)
    if desk.users and not (desk.knows(*seen.basic()) or desk.knows(seen.get(*USER), seen.get(*PASSWORD))):
        return _no(401, "401", "unauthorized", as_json=as_json)
    if desk.throttled:
        return _no(429, "429", "too many requests", as_json=as_json)
    if desk.refuse is not None:
        known = desk.refuse.isdigit() and 400 <= int(desk.refuse) < 600
        return _no(int(desk.refuse) if known else 400, desk.refuse or "400", "refused", as_json=as_json)
    to, text = seen.get(*TO), seen.get(*TEXT_NAMES)
    if not to or not text:
        return _no(400, "400", "no text" if to else "no number", as_json=as_json)
    taken = Text(to, text, f"sim-{desk.serial()}", seen.get(*FROM))
    if as_json:
        return Answer(200, json.dumps({"status": "accepted", "id": taken.ref}), JSON, taken=(taken,))
    return Answer(200, f"OK {taken.ref}", taken=(taken,))


def _no(status: int, code: str, words: str, *, as_json: bool) -> Answer:
    headers = retry_in(1) if status == 429 else {}
    if as_json:
        return Answer(status, json.dumps({"status": "error", "code": code, "error": words}), JSON, headers)
    return Answer(status, f"ERROR {code} {words}", headers=headers)
