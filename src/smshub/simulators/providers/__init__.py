"""
The simulated HTTP providers: one file each, with its `PATH` and a pure `answer`.

They answer with the words of the real ones, their errors included, so that a connector can be tried without an account.
"""

import re
from collections.abc import Callable, Mapping

from smshub.simulators.providers import aql, clickatell, clickatelljson, generic, gtx, ovh, sipgate, twilio, vonage
from smshub.simulators.providers.values import Answer, Call, Desk, Fate, Seen

# The first whose path fits answers; the generic one fits any.
PROVIDERS: tuple[tuple[str, str, Callable[[Seen, Desk], Answer]], ...] = (
    ("clickatell", clickatell.PATH, clickatell.answer),
    ("clickatell rest", clickatelljson.REST_PATH, clickatelljson.rest),
    ("clickatell platform", clickatelljson.PLATFORM_PATH, clickatelljson.platform),
    ("clickatell one", clickatelljson.ONE_PATH, clickatelljson.one),
    ("aql", aql.PATH, aql.answer),
    ("aql v2", aql.V2_PATH, aql.v2),
    ("gtx", gtx.PATH, gtx.answer),
    ("twilio", twilio.PATH, twilio.answer),
    ("vonage", vonage.PATH, vonage.answer),
    ("ovh", ovh.PATH, ovh.answer),
    ("ovh http2sms", ovh.HTTP2SMS_PATH, ovh.http2sms),
    ("sipgate", sipgate.PATH, sipgate.rest),
    ("sipgate xmlrpc", sipgate.RPC_PATH, sipgate.xmlrpc),
    ("generic", generic.PATH, generic.answer),
)

# Those that report of their own accord: each makes the call that tells what became of a text.
REPORTERS: Mapping[str, Callable[[Seen, Desk, Fate], Call | None]] = {
    "clickatell": clickatell.report,
    "clickatell rest": clickatell.report,
    "clickatell platform": clickatelljson.platform_report,
    "clickatell one": clickatelljson.one_report,
    "aql": aql.report,
    "twilio": twilio.report,
    "vonage": vonage.report,
    "ovh": ovh.report,
    "ovh http2sms": ovh.report,
}


def provider_of(path: str) -> tuple[str, Callable[[Seen, Desk], Answer]]:
    """Find who answers on a path."""
    return next((name, answer) for name, pattern, answer in PROVIDERS if re.fullmatch(pattern, path, re.DOTALL))
