"""Every HTTP door of the hub in one ASGI application."""

from collections.abc import Callable, Mapping

from smshub.domain.accounts import Account
from smshub.domain.contracts import Hub
from smshub.domain.signing import Signing
from smshub.frontends.auth import Gatekeeper
from smshub.frontends.carriers import v1, welcome
from smshub.frontends.carriers.cors import Cors
from smshub.frontends.carriers.http import BODY_LIMIT, Caller, Doors, Endpoint, Scope, below, check_door
from smshub.frontends.carriers.metrics import MetricsDoor
from smshub.frontends.carriers.otp import OtpDoor
from smshub.frontends.carriers.otppi import METHODS, OtppiDoor
from smshub.frontends.carriers.otppi import PATHS as OTPPI_PATHS
from smshub.frontends.carriers.receipts import ReceiptsDoor, Taking
from smshub.frontends.carriers.send import DOOR, SendDoor
from smshub.frontends.carriers.sign import SignDoor
from smshub.frontends.carriers.smshub import PATHS, SmshubDoor
from smshub.frontends.carriers.textmessages import LOGIN, SEND, TextMessagesDoor
from smshub.frontends.carriers.traced import Traced
from smshub.frontends.tokens import Tokens

CONSOLE = "/console"


def build_doors(
    *,
    hub: Hub,
    gate: Gatekeeper,
    tokens: Tokens,
    signing: Signing,
    callbacks: Taking,
    public_url: Callable[[], str | None],
    catalogue: Callable[[], Mapping[str, str]],
    console: Endpoint | None = None,
    mount: str = "/",
    body_limit: int = BODY_LIMIT,
) -> Endpoint:
    """Join the hot doors, the documented application and the console; `catalogue` gives the texts of the moment."""
    caller = Caller(gate)
    prefix = mount.rstrip("/")
    smshub = SmshubDoor(hub, gate, catalogue, signing=signing, mount=prefix, body_limit=body_limit)
    send = SendDoor(hub, caller, catalogue, mount=prefix, body_limit=body_limit)

    async def authenticate(scope: Scope) -> Account:
        account = await caller.of(scope)
        check_door(account, DOOR)
        return account

    hot: dict[tuple[str, str], Endpoint] = {("POST", "/v1/messages"): send}
    for path in PATHS:
        hot["POST", path] = smshub.post
        hot["GET", path] = smshub.get
    otppi = OtppiDoor(hub, caller, catalogue, body_limit=body_limit)
    hot |= {(method, path): otppi for method in METHODS for path in OTPPI_PATHS}
    hot |= TextMessagesDoor(hub, tokens, catalogue, body_limit=body_limit).endpoints()
    hot |= OtpDoor(hub, caller, catalogue, mount=prefix, body_limit=body_limit).endpoints()
    hot |= MetricsDoor(hub, caller).endpoints()
    served = {*hot, *([("GET", f"{CONSOLE}/")] if console is not None else ())}
    hot |= welcome.endpoints(prefix, served)
    documented = v1.build(hub, authenticate, catalogue, send, mount=prefix, body_limit=body_limit)
    signs = SignDoor(signing, catalogue, documented)
    rest: Endpoint = ReceiptsDoor(callbacks, catalogue, signs, public_url=public_url, mount=prefix)
    if console is not None:
        rest = below(CONSOLE, console, rest)
    open_to_pages = [f"{prefix}{path}".lower() for path in ("/v1/", LOGIN, SEND)]
    return Traced(Cors(Doors(hot, rest, mount), gate, caller, open_to_pages))
