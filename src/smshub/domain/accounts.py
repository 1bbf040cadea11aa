"""An account: an authenticated caller and what it may do."""

from enum import StrEnum

import msgspec

from smshub.domain.message import MessageClass
from smshub.domain.otp import OtpPolicy


class Role(StrEnum):
    """What a caller may do beyond sending its own texts and reading what became of them."""

    ADMINISTRATOR = "administrator"  # everything
    OPERATOR = "operator"  # every message and connector, no accounts
    AUDITOR = "auditor"  # reads everything, changes nothing
    ACCOUNT = "account"  # its own messages


# What the settings of one request may override (features of the SMSHub door), as callers write them.
OVERRIDES = ("SMSType", "Sender", "Connector", "Validity", "Class")


# How a recipient may be reached: a number by short messages, an address by mail.
CHANNELS = ("sms", "email")


class Account(msgspec.Struct, frozen=True):
    """
    An authenticated caller.

    `originator` is used where a request names none; `originators` are the others it may name (`*`: any). `country` is
    the region code by which its national numbers are read, None where it sends international digits. `valid_for` is
    the default validity in seconds, None for the default of the class. `rate` is how many messages a second it may
    hand in, None for no limit. `doors` are the dialects it may use, empty for all. `transliterate`: a text that can be
    made GSM 03.38 without changing its meaning (typographic quotes, dashes, accents) is, so that it costs less.
    `flash`: its texts are flash where a request of the SMSHub
    door names no type. `may_override` are those of OVERRIDES that its requests may set. `success_code` is the
    response_code by which the OTP-Pi door tells it yes. `channels` are those of CHANNELS that it may use, empty for
    all; `subject` is that of a mail whose request names none. `otp` is the policy of its codes.
    `partial`: of several receivers in one call the good ones are taken where others are refused. `callback_final`: a
    second answer over a broker tells what became of a text.
    """

    name: str
    role: Role = Role.ACCOUNT
    originator: str = ""
    originators: frozenset[str] = frozenset({"*"})
    country: str | None = None
    message_class: MessageClass = MessageClass.TRANSACTIONAL
    valid_for: float | None = None
    rate: float | None = None
    max_recipients: int = 10_000
    max_segments: int = 10
    doors: frozenset[str] = frozenset()
    transliterate: bool = False
    flash: bool = False
    may_override: frozenset[str] = frozenset({"SMSType", "Sender"})
    success_code: str = "0000"
    partial: bool = False
    callback_final: bool = False
    ussd: bool = False  # whether it may send USSD codes though it is no operator
    channels: frozenset[str] = frozenset()
    subject: str = "Message"
    otp: OtpPolicy = OtpPolicy()

    @property
    def sees_all(self) -> bool:
        """Whether it may read every account's messages."""
        return self.role is not Role.ACCOUNT

    @property
    def audits(self) -> bool:
        """Whether it may read who changed what, and who uses the console: an operator is whom that is about."""
        return self.role in {Role.ADMINISTRATOR, Role.AUDITOR}

    @property
    def operates(self) -> bool:
        """Whether it may change connectors and routes and handle every account's messages."""
        return self.role in {Role.ADMINISTRATOR, Role.OPERATOR}

    @property
    def administers(self) -> bool:
        """Whether it may change accounts."""
        return self.role is Role.ADMINISTRATOR
