"""What an operator sets for a link to a SMSC; every parameter of privacyIDEA's SMPP gateway is here too."""

from collections.abc import Mapping
from datetime import UTC, tzinfo
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import BeforeValidator, Field, field_validator, model_validator

from smshub.connectors.base import ConnectorSettings
from smshub.connectors.rewriting import check
from smshub.domain.delivery import Reason
from smshub.protocols.smpp.receipt import Spelling
from smshub.settings import Secret, setting

# privacyIDEA's names for our settings: they are taken as they are, in capitals or not. Its REGEXP, SYSTEM_ID and
# PASSWORD have the same names here.
PRIVACYIDEA: Mapping[str, str] = {
    "smsc_host": "host",
    "smsc_port": "port",
    "system_id": "system_id",
    "password": "password",
    "s_addr_ton": "source_ton",
    "s_addr_npi": "source_npi",
    "s_addr": "source",
    "d_addr_ton": "dest_ton",
    "d_addr_npi": "dest_npi",
    "regexp": "regexp",
}


def _number(written: Any) -> Any:
    """Read `5`, `"5"` and `"0x5"`."""
    if isinstance(written, str):
        try:
            return int(written.strip(), 0)
        except ValueError:
            raise ValueError("must be a number such as 5 or 0x5") from None
    return written


def zone_of(name: str) -> tzinfo:
    """Find a time zone; UTC needs no database of them. Raises KeyError, OSError, ValueError."""
    return UTC if name == "UTC" else ZoneInfo(name)


Octet = Annotated[int, BeforeValidator(_number), Field(ge=0, le=255)]
Address = Annotated[str, Field(max_length=20, pattern=r"^[\x20-\x7E]*$")]


class SmppSettings(ConnectorSettings):
    """A link to a SMSC by SMPP 3.4."""

    host: str = setting("Name or address of the SMSC.", min_length=1)
    port: int = setting("Its port.", 2775, ge=1, le=65_535)
    system_id: str = setting("The name of our account there.", "", max_length=15, pattern=r"^[\x20-\x7E]*$")
    password: Secret | None = setting("Its password, of at most 8 characters: env:NAME or file:PATH.", None)
    system_type: str = setting("The kind of ESME, where the provider asks for one.", "", max_length=12)
    mode: Literal["transceiver", "transmitter", "receiver", "pair"] = setting(
        "How to bind: one transceiver, a transmitter alone (no receipts), a receiver alone (nothing is sent), or a "
        "pair of a transmitter and a receiver.",
        "transceiver",
    )
    window: int = setting(
        "Segments that may wait for their answers; a break of the link can hit so many.", 10, ge=1, le=5_000
    )
    enquire_link: float = setting(
        "Seconds of silence after which the SMSC is asked whether it lives.", 30.0, gt=0, le=3_600
    )
    response_timeout: float = setting("Seconds that an answer is waited for.", 30.0, gt=0, le=600)
    connect_timeout: float = setting("Seconds to connect, TLS included.", 10.0, gt=0, le=120)
    backoff_initial: float = setting("Seconds before the first new try to connect.", 1.0, gt=0, le=60)
    backoff_max: float = setting(
        "Seconds between tries to connect at most, and after a refused password.", 60.0, gt=0, le=3_600
    )
    grace: float = setting("Seconds that answers are waited for when the hub stops.", 10.0, ge=0, le=60)

    tls: bool = setting("Whether the link is encrypted.", False)
    tls_ca: Path | None = setting("File with the certificate authorities to trust in place of the system's.", None)
    tls_name: str | None = setting("The name that the certificate must have, where it is not the host's.", None)
    tls_verify: bool = setting("Whether the SMSC's certificate is verified.", True)
    tls_accept_any_certificate: bool = setting(
        "Must be set as well, to show that it is meant, where tls_verify is off: anybody in between can then read all.",
        False,
    )

    addr_ton: Octet = setting("TON of the addresses whose messages we take, for the bind.", 0)
    addr_npi: Octet = setting("NPI of the addresses whose messages we take, for the bind.", 0)
    address_range: str = setting("The addresses whose messages we take, for the bind.", "", max_length=40)
    source: Address = setting("The sender where a message names none; empty is the provider's default.", "")
    source_ton: Octet | None = setting(
        "TON of every sender; without it each has its own (5 for names, 1 for numbers).", None
    )
    source_npi: Octet | None = setting(
        "NPI of every sender; without it each has its own (0 for names, 1 for numbers).", None
    )
    dest_ton: Octet = setting("TON of recipients.", 1)
    dest_npi: Octet = setting("NPI of recipients.", 1)
    phone_format: Literal["digits", "plus", "written"] = setting(
        "How recipients are written: digits, with a plus, or as the caller wrote it.", "digits"
    )
    regexp: str | None = setting("Rewriting of the number: /pattern/replacement/.", None)
    service_type: str = setting("The SMS application service, such as CMT.", "", max_length=5)
    priority: int = setting("priority_flag of every message.", 0, ge=0, le=3)

    gsm7_alphabet: Literal["gsm7", "iso-8859-1"] = setting(
        "How GSM texts are written: in the alphabet of GSM 03.38 (one septet an octet), or ISO 8859-1 for a SMSC that "
        "converts by itself.",
        "gsm7",
    )
    gsm7_data_coding: Octet = setting("data_coding of GSM texts; for ISO 8859-1 some want 3.", 0)
    ucs2_data_coding: Octet = setting("data_coding of all other texts.", 8)
    long_texts: Literal["udh", "udh16", "sar", "payload"] = setting(
        "How texts of several segments go out: joined by a header with a reference of 8 or 16 bits, by SAR parameters, "
        "or whole as message_payload.",
        "udh",
    )
    validity: bool = setting("Whether the SMSC is told how long a message is of use.", True)

    receipts: bool = setting("Whether delivery reports are asked for.", True)
    receipt_ids: Spelling = setting(
        "How receipts spell ids: same as the answers, decimal or hexadecimal where those are the other, or any.",
        Spelling.ANY,
    )
    receipt_zone: str = setting("The time zone of the times in receipts.", "UTC")
    reasons: dict[str, Reason] = setting(
        'What the provider\'s own status codes mean, such as {"0x45D" = "NO_CREDIT"}; they count before the table.', {}
    )

    @model_validator(mode="before")
    @classmethod
    def _from_privacyidea(cls, table: Any) -> Any:
        """Take privacyIDEA's names."""
        if not isinstance(table, Mapping):
            return table
        return {PRIVACYIDEA.get(str(name).lower(), name): value for name, value in table.items()}

    @field_validator("regexp")
    @classmethod
    def _works(cls, regexp: str | None) -> str | None:
        return check(regexp) if regexp else None

    @field_validator("receipt_zone")
    @classmethod
    def _exists(cls, name: str) -> str:
        try:
            zone_of(name)
        except (KeyError, OSError, ValueError):
            raise ValueError(f"there is no time zone '{name}'") from None
        return name

    @field_validator("reasons")
    @classmethod
    def _codes(cls, reasons: dict[str, Reason]) -> dict[str, Reason]:
        for code in reasons:
            _number(code)
        return reasons

    @model_validator(mode="after")
    def _meant(self) -> Self:
        if not self.tls_verify and not self.tls_accept_any_certificate:
            raise ValueError("tls_verify = false needs tls_accept_any_certificate = true as well")
        return self
