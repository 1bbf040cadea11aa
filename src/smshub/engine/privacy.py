"""
What is kept so that whoever finds the database learns nothing from it, under keys made from the server's own.

Texts of codes are sealed before they are written, and opened in one place only, where they are read to be sent. What a
digest could be searched for (codes, numbers) has a keyed one. People are never shown the text of a code.
"""

import hmac
from collections.abc import Iterable

import msgspec

from smshub.domain.commands import SendTexts
from smshub.domain.message import Message, MessageClass
from smshub.domain.references import DIGESTED
from smshub.engine.sealing import PREFIX, Broken, Seal, is_sealed

# What stands in the place of a text that is not shown, and of one that is not kept any more.
SEALED = "(sealed)"
ERASED = "(erased)"
# What stands in the place of an erased recipient begins so; no number and no address does.
PSEUDONYM = "erased:"

_DIGITS = 20  # of a pseudonym, in hexadecimal: 80 bits
_KEY_DIGITS = 4


class Privacy:
    """Seals and digests under the server's key; what another key has sealed cannot be opened."""

    def __init__(self, key: bytes) -> None:
        self._texts = Seal(key, "texts of codes")
        self._documents = Seal(key, "parked documents")
        self._requests = hmac.digest(key, b"smshub requests", "sha256")
        self._recipients = hmac.digest(key, b"smshub erased recipients", "sha256")
        self._named = PSEUDONYM + hmac.digest(self._recipients, b"key", "sha256").hex()[:_KEY_DIGITS]

    # --- texts of codes ---------------------------------------------------------------------------------------------

    def sealed(self, messages: tuple[Message, ...]) -> tuple[Message, ...]:
        """Give messages of one submission as they are written: those with codes without a readable text."""
        if messages[0].message_class is not MessageClass.OTP:
            return messages
        return tuple(
            msgspec.structs.replace(message, text=self._texts.close(message.text, message.id)) for message in messages
        )

    def opened(self, message: Message) -> Message | None:
        """
        Give a message of the database with the text to send.

        None where there is none any more: it was erased, or sealed under another key.
        """
        if message.message_class is not MessageClass.OTP:
            return message if message.text else None
        if not is_sealed(message.text):  # of a version that sealed none
            return message if message.text else None
        try:
            return msgspec.structs.replace(message, text=self._texts.open(message.text, message.id))
        except Broken:
            return None

    # --- documents --------------------------------------------------------------------------------------------------

    def close_document(self, document: bytes, name: str) -> bytes:
        """Seal a document under its name."""
        return self._documents.close_bytes(document, name)

    def open_document(self, kept: bytes, name: str) -> bytes:
        """Give a document back, empty where it was sealed under another key."""
        if not kept.startswith(PREFIX.encode()):
            return kept
        try:
            return self._documents.open_bytes(kept, name)
        except Broken:
            return b""

    # --- digests ----------------------------------------------------------------------------------------------------

    def fingerprint(self, command: SendTexts) -> str:
        """
        Tell two requests with one reference apart: a keyed digest of all that makes a difference to what is sent.

        A reference that is itself a digest of the request says all there is to say.
        """
        if command.reference is not None and command.reference.startswith(DIGESTED):
            return self.reference(command.reference)
        content = msgspec.structs.replace(command, client="", source="", reference=None)
        return self._digest(msgspec.json.encode(content))

    def reference(self, reference: str) -> str:
        """Give a reference as it is kept: where it is a digest of a request, which may hold a code, a keyed one."""
        return DIGESTED + self._digest(reference.encode()) if reference.startswith(DIGESTED) else reference

    def _digest(self, content: bytes) -> str:
        return hmac.digest(self._requests, content, "sha256").hex()

    # --- recipients -------------------------------------------------------------------------------------------------

    def pseudonym(self, recipient: str) -> str:
        """Give what stands in the place of a recipient that was erased, the same each time."""
        digest = hmac.digest(self._recipients, recipient.encode("utf-8", "surrogatepass"), "sha256")
        return f"{self._named}:{digest.hex()[:_DIGITS]}"

    def is_ours(self, pseudonym: str) -> bool:
        """Whether a pseudonym was made under this key, so that it can be recognised."""
        return pseudonym.startswith(f"{self._named}:")


def shown(message: Message) -> Message:
    """Give a message as people see it: without the code, and with a word where its text was erased."""
    if not message.text:
        return msgspec.structs.replace(message, text=ERASED)
    if message.message_class is MessageClass.OTP:
        return msgspec.structs.replace(message, text=SEALED)
    return message


def all_shown(messages: Iterable[Message]) -> tuple[Message, ...]:
    """Give messages as people see them."""
    return tuple(map(shown, messages))
