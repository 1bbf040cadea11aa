"""
What a gateway of privacyIDEA is in the hub's own settings. Pure: an export in, tables, secrets and remarks out.

A gateway definition has a module, a description, options and headers; an option that bears the name of a parameter of
its module is that parameter, any other is a field of the request.
"""

import ast
import json
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from smshub.connectors.redaction import address_secrets, sensitive

CENSORED = "__CENSORED__"

# Parameters of the HTTP gateway that keep their names, in small letters; the rest are options.
_HTTP = ("URL", "HTTP_METHOD", "USERNAME", "RETURN_SUCCESS", "RETURN_FAIL", "REGEXP", "PROXY", "HTTP_PROXY")
_HTTP_OTHERS = ("HTTPS_PROXY", "PASSWORD", "CHECK_SSL", "SEND_DATA_AS_JSON", "TIMEOUT", "PARAMETER")
_TAGGED = re.compile(r"\{(?:otp|phone)\}")


class BadExport(ValueError):
    """A file that holds no gateway definitions that can be read; the message says what it may be."""


class NotCarriedOver(Exception):
    """A gateway has no counterpart; the message says why."""


@dataclass(slots=True)
class Gateway:
    """
    One gateway as a connector: its table, in which a secret stands as `file:NAME`, and the secrets by those names.

    A secret that the export does not hold is None. `remarks` are what behaves differently here.
    """

    name: str
    table: dict[str, Any] = field(default_factory=dict)
    smtp: dict[str, dict[str, Any]] = field(default_factory=dict)
    secrets: dict[str, str | None] = field(default_factory=dict, repr=False)
    remarks: list[str] = field(default_factory=list)

    def secret(self, key: str, value: str, owner: str | None = None) -> str:
        """Put a secret aside, and give the reference to the file that will hold it."""
        file = f"{owner or self.name}.{re.sub('[^A-Za-z0-9_-]', '_', key).lower()}.secret"
        self.secrets[file] = None if value == CENSORED else value
        return f"file:{file}"


def read_export(text: str) -> Mapping[str, Mapping[str, Mapping[str, Any]]]:
    """
    Read an export: its sections `smsgateway` and `smtpserver`, each definition by its name.

    Takes JSON and a literal of Python; a whole export, one section of it, or what the API answers. Raises `BadExport`.
    """
    document = _document(text)
    if isinstance(document, dict) and isinstance(document.get("result"), dict):
        document = document["result"].get("value")
    if isinstance(document, dict) and ("smsgateway" in document or "smtpserver" in document):
        sections = {name: _by_name(document.get(name) or {}) for name in ("smsgateway", "smtpserver")}
    else:
        sections = {"smsgateway": _by_name(document), "smtpserver": {}}
    if not any("providermodule" in one for one in sections["smsgateway"].values()):
        raise BadExport("there is no gateway definition in it (a section smsgateway with providermodule, options)")
    return sections


def _document(text: str) -> Any:
    if not text.lstrip("\ufeff \t\r\n").startswith(("{", "[")):
        raise BadExport("it is neither JSON nor a literal of Python; write the export of privacyIDEA as JSON")
    with suppress(ValueError, RecursionError):
        return json.loads(text.lstrip("\ufeff"))
    try:
        return ast.literal_eval(text.strip())
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        raise BadExport("it cannot be read, neither as JSON nor as a literal of Python") from None


def _by_name(section: Any) -> dict[str, Mapping[str, Any]]:
    """Give definitions by their names, however they stand."""
    if isinstance(section, list):
        section = {str(one.get("name") or one.get("identifier")): one for one in section if isinstance(one, dict)}
    if not isinstance(section, dict):
        raise BadExport("there are no definitions by their names in it")
    return {str(name): one for name, one in section.items() if isinstance(one, dict)}


def gateway_of(
    name: str, definition: Mapping[str, Any], servers: Mapping[str, Mapping[str, Any]], scripts: str
) -> Gateway:
    """
    Make the connector of a gateway definition; `name` is the connector's.

    `servers` are the mail servers of the export, `scripts` is the folder of the scripts. Raises `NotCarriedOver`.
    """
    module = str(definition.get("providermodule") or definition.get("module") or "").rpartition(".")[2]
    made = Gateway(name)
    options = _texts(definition.get("options"))
    match module:
        case "HttpSMSProvider":
            _http(made, options, _texts(definition.get("headers")))
        case "SipgateSMSProvider":
            _sipgate(made, options)
        case "SmppSMSProvider":
            _smpp(made, options)
        case "ScriptSMSProvider":
            _script(made, options, scripts)
        case "SmtpSMSProvider":
            _smtp(made, options, servers)
        case "FirebaseProvider":
            raise NotCarriedOver("it sends push messages, not texts")
        case _:
            raise NotCarriedOver(f"nobody here knows its module '{module or 'none'}'")
    return made


def _texts(table: Any) -> dict[str, str]:
    """Give options as privacyIDEA keeps them: texts."""
    if not isinstance(table, Mapping):
        return {}
    return {str(key): value if isinstance(value, str) else json.dumps(value) for key, value in table.items()}


def _wanted(options: Mapping[str, str], *names: str) -> None:
    for name in names:
        if not options.get(name):
            raise NotCarriedOver(f"it has no {name}, without which privacyIDEA does not send either")


def _http(made: Gateway, options: dict[str, str], headers: dict[str, str]) -> None:
    """Make a generic gateway that writes the very bytes that privacyIDEA writes."""
    _wanted(options, "URL")
    table: dict[str, Any] = {"type": "http", "mode": "exact", "phone_format": "written"}
    for name in (*_HTTP, "HTTPS_PROXY"):
        if value := options.get(name):
            key = {"HTTP_METHOD": "method"}.get(name, name.lower())
            hidden = key in {"url", "proxy", "http_proxy", "https_proxy"} and _has_secret(value)
            table[key] = made.secret(key, value) if hidden else value
    if password := options.get("PASSWORD"):
        table["password"] = made.secret("password", password)
    table["check_ssl"] = options.get("CHECK_SSL", "yes") == "yes"
    table["send_data_as_json"] = options.get("SEND_DATA_AS_JSON", "no") == "yes"
    if timeout := options.get("TIMEOUT"):
        table["timeout"] = _number(timeout, "TIMEOUT", float)
    if fixed := options.get("PARAMETER"):
        table["parameters"] = _parameters(made, fixed)
    known = {*_HTTP, *_HTTP_OTHERS}
    fields = {key: _field(made, f"option.{key}", value) for key, value in options.items() if key not in known}
    if fields:
        table["options"] = fields
    if headers:
        table["headers"] = {key: _field(made, f"header.{key}", value) for key, value in headers.items()}
    if not table["check_ssl"]:
        made.remarks.append("certificates are not verified (CHECK_SSL); anybody in between can read the texts")
    if not options.get("RETURN_SUCCESS") and not options.get("RETURN_FAIL"):
        made.remarks.append("any answer with status 200 counts as taken; set return_success or success_pattern")
    made.table = table


def _parameters(made: Gateway, written: str) -> dict[str, Any]:
    """Read the fixed fields of an old definition: an object of JSON or of Python. Raises `NotCarriedOver`."""
    try:
        fields = _document(written)
    except BadExport:
        fields = None
    if not isinstance(fields, dict):
        raise NotCarriedOver("its PARAMETER is no table of fields")
    return {key: _field(made, f"parameter.{key}", value) for key, value in _texts(fields).items()}


def _field(made: Gateway, place: str, value: str) -> str:
    """Give a field as it may stand in the configuration."""
    named = place.partition(".")[2]
    hidden = value == CENSORED or (sensitive(named) and value and not _TAGGED.search(value))
    # What begins like a reference would be taken for one.
    return made.secret(place, value) if hidden or value.startswith(("env:", "file:")) else value


def _sipgate(made: Gateway, options: dict[str, str]) -> None:
    _wanted(options, "USERNAME", "PASSWORD")
    table = {"type": "sipgate", "api": "xmlrpc", "username": options["USERNAME"]}
    table["password"] = made.secret("password", options["PASSWORD"])
    if proxy := options.get("PROXY"):
        table["proxy"] = made.secret("proxy", proxy) if _has_secret(proxy) else proxy
    if rule := options.get("REGEXP"):
        table["regexp"] = rule
        made.remarks.append("REGEXP counts here; privacyIDEA passes over it for sipgate")
    made.table = table


def _smpp(made: Gateway, options: dict[str, str]) -> None:
    _wanted(options, "SMSC_HOST", "SMSC_PORT")
    table: dict[str, Any] = {
        "type": "smpp",
        "host": options["SMSC_HOST"],
        "port": _number(options["SMSC_PORT"], "SMSC_PORT", int),
        "mode": "transmitter",
        "receipts": False,
        "phone_format": "written",
    }
    if system_id := options.get("SYSTEM_ID"):
        table["system_id"] = system_id
    if password := options.get("PASSWORD"):
        table["password"] = made.secret("password", password)
    for theirs, ours in (("S_ADDR", "source"), ("D_ADDR", "dest")):
        table[f"{ours}_ton"] = _number(options.get(f"{theirs}_TON") or "0", f"{theirs}_TON", int)
        table[f"{ours}_npi"] = _number(options.get(f"{theirs}_NPI") or "0", f"{theirs}_NPI", int)
    if source := options.get("S_ADDR"):
        table["source"] = source
        made.remarks.append("S_ADDR is the sender only of texts that name none of their own")
    if rule := options.get("REGEXP"):
        table["regexp"] = rule
    made.remarks.append('it sends only, as privacyIDEA does; mode = "transceiver", receipts = true brings receipts')
    made.table = table


def _script(made: Gateway, options: dict[str, str], scripts: str) -> None:
    _wanted(options, "script")
    file = options["script"]
    if "/" in file or file in {".", ".."}:
        raise NotCarriedOver(f"its script '{file}' is no name of a file")
    table: dict[str, Any] = {"type": "script", "script": f"{scripts.rstrip('/')}/{file}", "phone_format": "written"}
    table["background"] = "background" if options.get("background") == "background" else "wait"
    if rule := options.get("REGEXP"):
        table["regexp"] = rule
    if table["background"] == "background":
        made.remarks.append("its exit status is not looked at (background), so a text it cannot send counts as sent")
    made.table = table


def _smtp(made: Gateway, options: dict[str, str], servers: Mapping[str, Mapping[str, Any]]) -> None:
    _wanted(options, "MAILTO", "SMTPIDENTIFIER")
    identifier = options["SMTPIDENTIFIER"]
    server = re.sub(r"[^A-Za-z0-9._@-]", "-", identifier).lstrip("._@-") or "mail"
    table: dict[str, Any] = {"type": "smtp", "server": server, "mailto": options["MAILTO"], "phone_format": "written"}
    table["subject"] = options.get("SUBJECT") or "{phone}"
    table["body"] = options.get("BODY") or "{otp}"
    if rule := options.get("REGEXP"):
        table["regexp"] = rule
    if identifier not in servers:
        raise NotCarriedOver(f"the mail server '{identifier}' is not in the export; declare it and write it by hand")
    made.table, made.smtp = table, {server: _mail_server(made, server, servers[identifier])}


def _mail_server(made: Gateway, server: str, found: Mapping[str, Any]) -> dict[str, Any]:
    table: dict[str, Any] = {"host": str(found.get("server") or ""), "sender": str(found.get("sender") or "")}
    if port := found.get("port"):
        table["port"] = _number(str(port), "port", int)
    table["security"] = "starttls" if found.get("tls") else "none"
    if table.get("port") == 465:
        table["security"] = "tls"
    if (username := found.get("username")) and (password := found.get("password")):
        table["username"] = str(username)
        # By its own name, since several gateways may share it.
        table["password"] = made.secret("password", str(password), owner=f"smtp-{server}")
    return table


def _number(written: str, name: str, kind: Callable[[str], Any]) -> Any:
    """Read a number as privacyIDEA does: `5`, and `0x5` where it is whole."""
    try:
        return int(written.strip(), 0) if kind is int else kind(written)
    except ValueError:
        raise NotCarriedOver(f"its {name} '{written[:40]}' is no number") from None


def _has_secret(address: str) -> bool:
    try:
        return address == CENSORED or any(address_secrets(address))
    except ValueError:
        return False


def names_of(gateways: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Give each gateway's name and that of its connector, which has fewer characters to choose from."""
    taken: set[str] = set()
    for name in gateways:
        plain = re.sub(r"[^A-Za-z0-9._@-]+", "-", name).strip("._@-")[:60] or "gateway"
        chosen = next(one for n in range(len(gateways) + 1) if (one := f"{plain}-{n + 1}" if n else plain) not in taken)
        taken.add(chosen)
        yield name, chosen
