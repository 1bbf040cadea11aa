"""What the rooms of the house promise each other."""

from collections.abc import Callable
from typing import Protocol, runtime_checkable

import msgspec

from smshub.domain.accounts import Account
from smshub.domain.challenges import Counted, Leave
from smshub.domain.commands import Command, Reply
from smshub.domain.delivery import Balance, Outcome, Receipt
from smshub.domain.incoming import Incoming, ModemView, UssdAnswered
from smshub.domain.message import Message


class Capabilities(msgspec.Struct, frozen=True):
    """
    What a way out can do.

    `texts` are for numbers, `mail` is for addresses. `idempotent`: it recognises a repeated submission of the same
    message id, so an uncertain try may just be repeated.
    """

    receipts: bool = False
    flash: bool = False
    idempotent: bool = False
    texts: bool = True
    mail: bool = False


class ConnectorState(msgspec.Struct, frozen=True):
    """Whether a connector can send now (`up`), and in words why not or what was last wrong (`error`)."""

    up: bool
    error: str | None = None


class Events(Protocol):
    """What a connector tells the engine. Every call returns at once."""

    def changed(self) -> None:
        """There may be room again, or the state has changed."""

    def receipt(self, receipt: Receipt, stored: Callable[[], None]) -> None:
        """A delivery report came; `stored` is called when it is on disk, and only then may it be acknowledged."""

    def exchanged(self, message: Message, request: str, answer: str) -> None:
        """So was said in a try, for people to look at; whatever is secret is masked. `answer` may be empty."""

    def incoming(self, text: Incoming, stored: Callable[[], None]) -> None:
        """A text came in; `stored` is called when it is on disk, and only then may it be taken off where it was."""


Settle = Callable[[Outcome], None]


class Connector(Protocol):
    """
    A way out: one configured connection to a provider.

    The engine calls `submit` only after the attempt is on disk and only while `room()` is positive, and waits for
    `settle`. A connector keeps no queue, retries nothing and decides nothing: it says what a try came to.
    """

    name: str
    capabilities: Capabilities

    def room(self) -> int:
        """How many messages it would take now (0 while it is down); a segment that waits for its answer uses one."""

    def state(self) -> ConnectorState:
        """Tell whether it can send now."""

    def submit(self, message: Message, settle: Settle) -> None:
        """
        Begin to send; `settle` is called exactly once, later, with what it came to.

        It never raises: whatever goes wrong is an outcome. A message whose bytes have not left is Deferred, one whose
        bytes may have left is Uncertain.
        """

    async def run(self, events: Events) -> None:
        """
        Live until cancelled: connect, reconnect with backoff, report receipts.

        When cancelled it takes no more, waits for what is in flight for a bounded time, settles the rest as
        Uncertain and says goodbye to its peer.
        """


class Metered(Protocol):
    """
    A connector whose provider may tell what is left on the account there.

    The engine asks every `balance_every` seconds, while the connector is up, and warns below `low_credit`.
    """

    name: str
    low_credit: float | None
    balance_every: float

    async def fetch_balance(self) -> Balance | None:
        """Ask for the balance; None where the provider tells none, or not now. It never raises."""


class Polled(Protocol):
    """A connector whose provider can be asked what became of a message (`polls` is true)."""

    name: str
    polls: bool

    async def fetch_receipt(self, ref: str) -> Receipt | None:
        """Ask for the report on what has this id; None where there is none yet, or not now."""


@runtime_checkable
class ModemHost(Protocol):
    """What a connector with modems can do besides."""

    def modems(self) -> tuple[ModemView, ...]:
        """Tell every modem, there or not."""

    async def ussd(self, code: str, modem: str) -> UssdAnswered:
        """
        Send a USSD code through one of them and give what the network says.

        Raises `Refused`: the code is none, the modem is not there, the network does not answer.
        """


class Hub(Protocol):
    """What every door talks to."""

    async def handle(self, account: Account, command: Command) -> Reply:
        """
        Carry out a command for an account; a Submitted is returned only when it is on disk.

        Raises `Refused`.
        """


class Guard(Protocol):
    """What keeps codes from being asked for without end: limits of recipients, accounts, addresses and countries."""

    async def check(self, account: Account, to: str, source: str, now: float) -> Leave:
        """
        Let one code, or its repeat, be sent, before anything is stored.

        `to` is the recipient as it is stored, `source` the address of the person behind the request, where it is known.
        What it gives is handed over with the message before anything else is waited for. Raises `Refused`.
        """

    def unsent(self, leave: Leave) -> None:
        """Learn that what was let through was not sent after all."""

    def typed(self, account: Account, to: str, now: float) -> Counted | None:
        """Tell what is to be written where a code for this recipient is right."""

    async def verified(self, account: Account, to: str, now: float) -> None:
        """Learn that a code for this recipient was right."""


class Gate(Protocol):
    """Who is calling."""

    async def authenticate(self, username: str, password: str, *, source: str) -> Account:
        """
        Tell the account of these credentials; failures from the same source are slowed.

        Raises `Refused` (UNAUTHENTICATED or LIMITED).
        """

    async def authenticate_key(self, key: str, *, source: str) -> Account:
        """
        Tell the account of an API key.

        Raises `Refused` (UNAUTHENTICATED or LIMITED).
        """
