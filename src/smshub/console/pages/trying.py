"""Try it: send a text and watch it, see which way it would take, ask for a code and check it."""

import secrets
import time
from typing import Any, Final

from starlette.responses import Response

from smshub.console.roles import Action
from smshub.console.timeline import repeatable
from smshub.console.visiting import STATUS, Form, Page, Visit
from smshub.domain.challenges import OtpRequested, OtpVerified, RequestOtp, VerifyOtp
from smshub.domain.commands import Explain, Explained, Refused, SendTexts, ShowMessage, Shown, Submitted
from smshub.domain.message import FINAL, MessageClass

# A text that was sent here is watched for so many seconds.
WATCHED: Final = 120.0
_CLASSES: Final = (("", "the usual one"), *((one.value, one.value) for one in MessageClass))


async def show(visit: Visit) -> Response:
    """Show the forms; that of a text is filled in with what an earlier message was, where one is named (`again`)."""
    again = visit.form.some("again")
    if again is None:
        return _page(visit)
    message = (await visit.ask(ShowMessage(again), Shown)).message
    if not repeatable(message):
        return visit.go(f"/messages/{message.id}", "This text cannot be written again.")
    fields = {"to": message.to_written, "text": message.text, "from": message.originator or ""}
    fields |= {"class": message.message_class.value, "flash": "1" if message.flash else ""}
    return _page(visit, filled=Form({name: (value,) for name, value in fields.items()}))


async def send(visit: Visit) -> Response:
    """Send a text. Its reference came with the form, so that sending the form twice sends one text."""
    form = visit.form
    command = SendTexts(
        to=(form.text("to"),),
        text=form.raw("text"),
        originator=form.some("from"),
        message_class=_class_of(form),
        flash=form.ticked("flash"),
        reference=form.some("reference"),
        client="console",
        source=visit.source,
    )
    try:
        submitted = await visit.ask(command, Submitted)
    except Refused as refused:
        return _page(visit, STATUS[refused.refusal], send_problem=visit.words(refused))
    shown = await visit.ask(ShowMessage(submitted.messages[0].id), Shown)
    return _page(visit, shown=shown, watching=True)


async def explain(visit: Visit) -> Response:
    """Tell what would be done with a text."""
    form = visit.form
    command = Explain(form.text("to"), form.raw("text"), form.some("from"), _class_of(form), form.ticked("flash"))
    try:
        explained = await visit.ask(command, Explained)
    except Refused as refused:
        return _page(visit, STATUS[refused.refusal], send_problem=visit.words(refused))
    return _page(visit, explained=explained)


async def follow(visit: Visit) -> Response:
    """Tell what has become of a text: a part of the page that asks again until there is nothing more to come."""
    shown = await visit.ask(ShowMessage(visit.path("id")), Shown)
    young = time.time() - shown.message.created_at < WATCHED
    return visit.page("try_message.html", shown=shown, watching=young and shown.message.state not in FINAL)


async def request_code(visit: Visit) -> Response:
    """Send a code."""
    form = visit.form
    command = RequestOtp(to=form.text("otp_to"), reference=form.text("otp_reference"), source=visit.source)
    try:
        requested = await visit.ask(command, OtpRequested)
    except Refused as refused:
        return _page(visit, STATUS[refused.refusal], otp_problem=visit.words(refused))
    return _page(visit, asked=(requested.to, requested.reference), expires_at=requested.expires_at)


async def check_code(visit: Visit) -> Response:
    """Check a code."""
    form = visit.form
    to, reference = form.text("otp_to"), form.text("otp_reference")
    try:
        verified = await visit.ask(VerifyOtp(to, reference, form.text("code"), source=visit.source), OtpVerified)
    except Refused as refused:
        return _page(visit, STATUS[refused.refusal], otp_problem=visit.words(refused), asked=(to, reference))
    again = (to, reference) if verified.tries_left and verified.verdict.value == "MISMATCH" else None
    return _page(visit, verified=verified, asked=again)


def _page(visit: Visit, status: int = 200, **values: Any) -> Response:
    filled = visit.form if visit.request.method == "POST" else Form({})
    empty = {
        "send_problem": "",
        "otp_problem": "",
        "shown": None,
        "watching": False,
        "explained": None,
        "asked": None,
        "expires_at": None,
        "verified": None,
        "filled": filled,
        "classes": _CLASSES,
        "reference": f"console-{secrets.token_hex(8)}",
    }
    return visit.page("try.html", status, **{**empty, **values})


def _class_of(form: Form) -> MessageClass | None:
    written = form.text("class")
    return MessageClass(written) if written in set(MessageClass) else None


PAGES = (
    Page("GET", "/try", Action.EXPLAIN, show, "Try it"),
    Page("POST", "/try/send", Action.SEND, send),
    Page("POST", "/try/explain", Action.EXPLAIN, explain),
    Page("GET", "/try/message/{id}", Action.MESSAGES, follow),
    Page("POST", "/try/code", Action.OTP, request_code),
    Page("POST", "/try/check", Action.OTP, check_code),
)
