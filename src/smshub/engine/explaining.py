"""What would be done with a text, told without doing it."""

from collections.abc import Callable

from smshub.domain.accounts import Account
from smshub.domain.addresses import blocking_key, is_address
from smshub.domain.commands import Explain, Explained, SendTexts
from smshub.domain.numbers import parse_originator
from smshub.domain.text import measure, why_not_gsm7
from smshub.engine.accepting import draft, recipient_of
from smshub.engine.blocklist import Blocked
from smshub.engine.dispatcher import Dispatcher


async def explain(
    account: Account, command: Explain, *, dispatcher: Dispatcher, blocked: Blocked, clock: Callable[[], float]
) -> Explained:
    """Tell a text's encoding, segments and ways; nothing is sent. Raises `Refused`."""
    asked = SendTexts(
        to=(command.to,),
        text=command.text,
        originator=command.originator,
        message_class=command.message_class,
        flash=command.flash,
    )
    drafted = draft(account, asked, clock(), dispatcher.policy)
    to = recipient_of(account, command.to)
    mail = is_address(to)
    measured = measure(command.text)
    originator = parse_originator(drafted.originator)
    ways = dispatcher.explain(to, account.name, drafted.message_class)
    foreign = () if mail else why_not_gsm7(command.text)
    notes = [f"{character!r} is not in GSM 03.38" for character in foreign]
    if blocking_key(to) in blocked.asked:
        notes.append("the recipient is on the blocklist: it would be refused")
    taking = next((dispatcher.outlets[way.connector] for way in ways if way.taken), None)
    if taking is not None and drafted.flash and not mail and not taking.connector.capabilities.flash:
        notes.append(f"{taking.name} cannot send flash texts: it would go as a normal one")
    if taking is None:
        notes.append("no connector can send it now: it would wait in the queue, or be refused where no route leads")
    return Explained(
        to=to,
        originator=originator.value,
        originator_ton=originator.ton,
        originator_npi=originator.npi,
        encoding=drafted.encoding,
        characters=measured.characters,
        units=measured.characters if mail else measured.units,
        segments=drafted.segments,
        message_class=drafted.message_class,
        valid_for=drafted.expires_at - drafted.due_at,
        ways=ways,
        notes=tuple(notes),
    )
