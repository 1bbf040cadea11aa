"""The tables of the configuration file: one class for each, one sentence for each key."""

import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, field_serializer

from smshub.config.broker import BrokerSettings
from smshub.config.frontends import settings_of_frontend
from smshub.config.ldap import Ldap
from smshub.config.otp import OtpPolicySettings, OtpSettings
from smshub.config.retention import Retention
from smshub.config.values import (
    certificate_name,
    channel_name,
    country_code,
    database_url,
    door_name,
    host_and_port,
    mount_path,
    network,
    outside_url,
    override_name,
    prefix,
    proxy_url,
    subject_line,
    web_origin,
)
from smshub.config.values import (
    originator as sender,
)
from smshub.connectors.base import ConnectorSettings, settings_of
from smshub.connectors.mail import SmtpServer, mail_address
from smshub.domain.accounts import Role
from smshub.domain.message import MessageClass
from smshub.domain.retry import LONGEST_VALIDITY, OnUncertain
from smshub.frontends.carriers.frontend_settings import FrontendSettings
from smshub.settings import Secret, Settings, setting, shown_url

Listen = Annotated[str, AfterValidator(host_and_port)]


class Tls(Settings):
    """A second listener, with TLS 1.2 or newer."""

    listen: Listen = setting("Address and port of the TLS listener.", examples=["0.0.0.0:8443"])
    certificate: str = setting("File with the certificate and its chain (PEM).", examples=["hub.crt"])
    key: str = setting("File with the private key (PEM), readable by its owner only.", examples=["hub.key"])
    client_ca: str | None = setting(
        "File with the authority (PEM) that signs the certificates of callers; without it none is asked for.",
        None,
        examples=["callers-ca.crt"],
    )
    client_required: bool = setting("Refuse connections without a certificate of `client_ca`.", default=False)


class Limits(Settings):
    """How much the hub takes at once."""

    body: int = setting("Largest request body, in bytes.", 262_144, ge=1_024, le=16_777_216)
    max_recipients: int = setting(
        "Most recipients in one request, whatever the account allows.", 10_000, ge=1, le=100_000
    )
    queue: int = setting(
        "Most messages waiting to be sent; past it the hub refuses more (503) until it has caught up.",
        10_000_000,
        ge=1,
        le=1_000_000_000,
    )
    connections: int = setting("Most open connections of callers.", 10_000, ge=1, le=1_000_000)
    disk_reserve: int = setting(
        "Bytes that must be free where a SQLite database is; with less the hub refuses texts (503) while it can still"
        " write down what becomes of those it has.",
        67_108_864,
        ge=0,
        le=2**62,
    )
    signing: int = setting("Most calls of smshubSign that wait for their recipient's answer.", 500, ge=1, le=100_000)


class Server(Settings):
    """The hub itself: where it listens, where it keeps its messages."""

    listen: Listen = setting("Address and port of the HTTP listener.", "127.0.0.1:8080")
    database: Annotated[str, AfterValidator(database_url)] = setting(
        "Where messages are kept: sqlite:///FILE, postgresql://USER@HOST/NAME, or env:NAME or file:PATH that holds it.",
        "sqlite:///smshub.db",
    )
    secret: Secret | None = setting(
        "Key of 256 bits (`openssl rand -hex 32`) under which codes and tokens are kept; without it the hub makes a key"
        " file beside the database, readable by its owner only.",
        None,
        examples=["env:SMSHUB_SECRET"],
    )
    tls: Tls | None = setting("A second listener with TLS.", None)
    mount: Annotated[str, AfterValidator(mount_path)] = setting("Path under which a reverse proxy shows the hub.", "/")
    proxy: Annotated[str, AfterValidator(proxy_url)] | None = setting(
        "HTTP proxy for everything that the hub sends out; a connector may have its own.",
        None,
        examples=["http://127.0.0.1:3128"],
    )
    public_url: Annotated[str, AfterValidator(outside_url)] | None = setting(
        "URL under which recipients of texts reach the hub, for the links that it sends them; without it the one that"
        " the caller used.",
        None,
        examples=["https://sms.example"],
    )
    backups: str = setting(
        "Folder for backups of a SQLite database, from where the hub was started.", "backups", min_length=1
    )
    trusted_proxies: list[Annotated[str, AfterValidator(network)]] = setting(
        "Addresses or networks of your own reverse proxies, whose X-Forwarded-For is believed.",
        [],
        examples=[["127.0.0.1"]],
    )
    node: Annotated[str, AfterValidator(lambda name: name or socket.gethostname())] = setting(
        "Name of this node, by which it holds its leases; empty means the name of the host.",
        "",
        validate_default=True,
        max_length=255,
    )
    log_level: Literal["debug", "info", "warning", "error"] = setting("How much is logged.", "info")
    log_format: Literal["text", "json"] = setting("Shape of a line of the log.", "text")
    limits: Limits = setting("How much the hub takes at once.", Limits())

    @field_serializer("database", "proxy")
    def _masked(self, url: str | None) -> str | None:
        return shown_url(url) if url else url


class ClassSettings(Settings):
    """What holds for every message of one class."""

    valid_for: float = setting(
        "Seconds after which an undelivered message is worth nothing, where its request names none.",
        86_400.0,
        ge=1,
        le=LONGEST_VALIDITY,
    )
    on_uncertain: OnUncertain = setting(
        "What follows a try whose end nobody knows: resend (once, and it may arrive twice) or hold (for the operator).",
        OnUncertain.RESEND,
    )


class OtpClass(ClassSettings):
    """Codes: short-lived, and sent before everything else."""

    valid_for: float = setting(
        "Seconds after which an undelivered code is worth nothing.", 300.0, ge=1, le=LONGEST_VALIDITY
    )


class BulkClass(ClassSettings):
    """Campaigns: sent when nothing else waits, and never twice without the operator's word."""

    on_uncertain: OnUncertain = setting(
        "What follows a try whose end nobody knows: resend (once, and it may arrive twice) or hold (for the operator).",
        OnUncertain.HOLD,
    )


class Classes(Settings):
    """The three classes of messages."""

    otp: OtpClass = setting("One-time codes.", OtpClass())
    transactional: ClassSettings = setting("What a system tells one person: the default class.", ClassSettings())
    bulk: BulkClass = setting("The same text to many.", BulkClass())

    def of(self, message_class: MessageClass) -> ClassSettings:
        """Give the settings of a class."""
        found: ClassSettings = getattr(self, message_class.value)
        return found


class GroupSettings(Settings):
    """Settings shared by accounts; what an account sets itself comes first."""

    role: Role = setting(
        "What the caller may do: account (its own messages), auditor (read all), operator, administrator.", Role.ACCOUNT
    )
    originator: Annotated[str, AfterValidator(sender)] = setting(
        "Sender that is used where a request names none.", "", examples=["ACME"]
    )
    originators: list[Annotated[str, AfterValidator(sender)]] = setting(
        'Senders that a request may name; ["*"] is any.', ["*"]
    )
    country: Annotated[str, AfterValidator(country_code)] | None = setting(
        "Country (ISO 3166, such as DE) by which national numbers are read; without it all are international.",
        None,
        examples=["DE"],
    )
    message_class: MessageClass = setting(
        "Class of a message whose request names none: otp, transactional or bulk.",
        MessageClass.TRANSACTIONAL,
        alias="class",
    )
    valid_for: float | None = setting(
        "Seconds for which its messages are valid where a request names none; without it the class decides.",
        None,
        ge=1,
        le=LONGEST_VALIDITY,
        examples=[3600],
    )
    rate: float | None = setting(
        "Messages a second that it may hand in; without it there is no limit.", None, gt=0, le=1_000_000, examples=[50]
    )
    max_recipients: int = setting("Most recipients in one request.", 10_000, ge=1, le=100_000)
    max_segments: int = setting("Most segments that one text may need.", 10, ge=1, le=255)
    transliterate: bool = setting(
        "Write typographic quotes, dashes and accents that GSM 03.38 lacks with the letters that it has, so that a text"
        " does not need twice the segments for them.",
        default=False,
    )
    doors: list[Annotated[str, AfterValidator(door_name)]] = setting(
        "Interfaces that it may use, native (/v1), smshub (SOAP, JSON-RPC), textmessages (/api/Login) and otppi"
        " (OTP-Pi's commands); empty means all.",
        [],
    )
    channels: list[Annotated[str, AfterValidator(channel_name)]] = setting(
        "Ways to recipients that it may use, sms (numbers) and email (mail addresses); empty means all.", []
    )
    subject: Annotated[str, AfterValidator(subject_line)] = setting(
        "Subject of its mails whose request names none.", "Message"
    )
    flash: bool = setting(
        "Show its texts at once and keep nothing (flash) where a request at the SMSHub door names no type.",
        default=False,
    )
    may_override: list[Annotated[str, AfterValidator(override_name)]] = setting(
        "What the `settings` of a request at the SMSHub door may set: SMSType, Sender, Connector, Validity, Class.",
        ["SMSType", "Sender"],
    )
    success_code: Literal["0000", "000"] = setting(
        "Answer of the OTP-Pi door that means yes: 0000 as OTP-Pi has it, or 000 as its publisher's samples have it.",
        "0000",
    )
    partial: bool = setting(
        "Of several receivers in one call take the good ones, and tell those that are refused; without it one bad"
        " number refuses the whole call.",
        default=False,
    )
    callback_final: bool = setting(
        "Tell over a broker, in a second answer on the same callback_topic, what became of a text.", default=False
    )
    ussd: bool = setting(
        "Let it send USSD codes through modems, and see which they are, though it is no operator.", default=False
    )
    cors_origins: list[Annotated[str, AfterValidator(web_origin)]] = setting(
        "Origins whose pages may call in a browser's name.", [], examples=[["https://shop.example"]]
    )
    otp: OtpPolicySettings | None = setting("What its one-time passwords are like, where they differ.", None)
    disabled: bool = setting("Refuse every call of it.", default=False)


class AccountSettings(GroupSettings):
    """One caller: its credentials and what it may do."""

    username: str | None = setting(
        "Name for signing in; without it the name of the table.",
        None,
        min_length=1,
        max_length=255,
        pattern=r"^[^:\x00-\x1f\x7f]+$",
    )
    password: Secret | None = setting(
        "Its password: env:NAME, file:PATH, or an argon2 or bcrypt hash.", None, examples=["env:SHOP_PASSWORD"]
    )
    api_keys: list[Secret] = setting(
        "Keys that sign in without a name, sent as X-API-Key; two let you change one without a pause.",
        [],
        examples=[["file:shop.key"]],
    )
    program_sid: str | None = setting(
        "Its ProgramSID at POST /api/Login.",
        None,
        min_length=1,
        max_length=255,
        pattern=r"^[^\x00-\x1f\x7f]+$",
        examples=["6ymXUTPf"],
    )
    program_key: Secret | None = setting(
        "Its ProgramKey: env:NAME, file:PATH, or an argon2 or bcrypt hash; a changed one ends its tokens.",
        None,
        examples=["env:SHOP_KEY"],
    )
    token_life: int = setting(
        "Seconds for which a token of POST /api/Login is valid.", 15_724_800, ge=60, le=315_360_000
    )
    support_email: Annotated[str, AfterValidator(mail_address)] | None = setting(
        "Address that is told when its program_key has changed or its tokens were ended.",
        None,
        examples=["web-team@shop.example"],
    )
    support_smtp: str | None = setting(
        "Name of the [smtp] server by which it is told; without it the first one.", None, examples=["office"]
    )
    certificate: Annotated[
        list[Annotated[str, AfterValidator(certificate_name)]],
        BeforeValidator(lambda value: [value] if isinstance(value, str) else value),
    ] = setting(
        "Client certificate that signs in without a name: its fingerprint (sha256:...) or the common name of its"
        " subject (CN=...); a list of them lets you change one without a pause. Needs server.tls.client_ca.",
        [],
        examples=["CN=openotp.example"],
    )
    group: str | None = setting("Group whose settings it shares.", None, examples=["hospital"])


class RouteConnector(Settings):
    """A connector of a route, with its priority and weight."""

    name: str = setting("Name of the connector.")
    priority: int = setting("Lower comes first; without it, its place in the list.", 0, ge=0, le=1_000)
    weight: int = setting("Share among connectors of the same priority.", 1, ge=1, le=1_000)


def _in_order(value: Any) -> Any:
    """Read names as tables, and give each its place in the list as its priority where it names none."""
    if not isinstance(value, list | tuple):
        return value
    tables = [{"name": item} if isinstance(item, str) else item for item in value]
    return [
        {"priority": place, **table} if isinstance(table, Mapping) else table for place, table in enumerate(tables, 1)
    ]


class RouteSettings(Settings):
    """Which connectors reach which numbers; the longest prefix wins."""

    name: str | None = setting(
        "Name of the route; without it, its prefixes.", None, min_length=1, max_length=255, examples=["europe"]
    )
    prefixes: list[Annotated[str, AfterValidator(prefix)]] = setting(
        'Beginnings of international numbers, digits only; "" is the default route. "@" is all mail, "@example.org" the'
        " mail of a domain.",
        examples=[["49", "43"]],
    )
    connectors: Annotated[list[RouteConnector], BeforeValidator(_in_order)] = setting(
        "Connectors in order: names, or tables with name, priority and weight.", examples=[["carrier-a", "carrier-b"]]
    )
    accounts: list[str] = setting("Accounts that it serves; empty means all.", [])
    classes: list[MessageClass] = setting("Classes that it serves; empty means all.", [])


class ErrorText(Settings):
    """Your own words for one answer of the hub."""

    text: str = setting(
        "The words; what stands in braces is filled in.", min_length=1, max_length=1_000, examples=["No, sorry."]
    )


def _read_connector(value: Any) -> Any:
    """Read a connector's table by its type."""
    return settings_of(value) if isinstance(value, Mapping) else value


class Config(Settings):
    """The whole configuration."""

    server: Server = setting("The hub itself.", Server())
    classes: Classes = setting("The classes of messages.", Classes())
    defaults: GroupSettings = setting(
        "Settings of all accounts, where neither the account nor its group has its own.", GroupSettings()
    )
    groups: dict[str, GroupSettings] = setting("Settings shared by accounts.", {})
    accounts: dict[str, AccountSettings] = setting("The callers.", {})
    connectors: dict[str, Annotated[ConnectorSettings, BeforeValidator(_read_connector)]] = setting("The ways out.", {})
    routes: list[RouteSettings] = setting("Which connectors reach which numbers.", [])
    frontends: list[Annotated[FrontendSettings, BeforeValidator(settings_of_frontend)]] = setting(
        "Doors on message brokers.", []
    )
    smtp: dict[str, SmtpServer] = setting("Mail servers, for connectors and for mail of the hub's own.", {})
    otp: OtpSettings = setting("One-time passwords.", OtpSettings())
    retention: Retention = setting("How long what is kept.", Retention())
    ldap: Ldap | None = setting("A directory of users beside the accounts.", None)
    broker: BrokerSettings | None = setting("The WebSocket message broker, off unless written.", None)
    errors: dict[str, str] = setting("Your own words for the answers of the hub, by their names.", {})

    @property
    def named_routes(self) -> dict[str, RouteSettings]:
        """Every route by its name; one without a name is called by what it serves (`49-43`, `default-otp`)."""
        named: dict[str, RouteSettings] = {}
        for route in self.routes:
            name = route.name or _name_of(route)
            count = 2
            while name in named:
                name = f"{route.name or _name_of(route)}-{count}"
                count += 1
            named[name] = route
        return named

    @property
    def named_frontends(self) -> dict[str, FrontendSettings]:
        """Every door on a broker by its name."""
        return {frontend.title: frontend for frontend in self.frontends}


def _name_of(route: RouteSettings) -> str:
    prefixes = [prefix or "default" for prefix in route.prefixes]
    return "-".join([*prefixes, *route.accounts, *route.classes])


def username_of(name: str, account: AccountSettings) -> str:
    """Tell the name by which an account signs in."""
    return account.username or name


def database_of(server: Server) -> str:
    """Tell the URL of the database as a plain text; a password in it is in clear."""
    return str.__str__(server.database)


def sqlite_file(server: Server) -> Path | None:
    """Tell the file of a SQLite database; None where the database is another, or in memory."""
    url = database_of(server)
    file = url.partition(":///")[2].partition("?")[0] if url.startswith("sqlite") else ""
    return Path(file) if file and file != ":memory:" else None
