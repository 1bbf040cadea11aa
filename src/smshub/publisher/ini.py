"""
The INI file of OTP-Publisher: sections GENERAL, REST, REDIS, AMQP, MQTT and WS, as PHP reads them.

A value may stand in quotes; `;` begins a comment at the start of a line, behind a quoted value, or behind a blank.
`%` and `$` are nothing special. Names of sections and keys may be in any case.
"""

import configparser
import re
import stat
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from smshub.publisher.errors import ConfigError
from smshub.publisher.settings import METHODS, Settings

LARGEST: Final = 65_536

_TRUE: Final = frozenset({"true", "on", "yes", "1"})
_FALSE: Final = frozenset({"false", "off", "no", "0", "none", "null", ""})
_QUOTED: Final = re.compile(r"""(["'])(.*?)\1\s*(?:;.*)?""")
_COMMENT: Final = re.compile(r"(?:^|\s+);.*")

_BROKER: Final = frozenset(
    {"host", "port", "username", "password", "topic", "callback_delay", "callback_topic", "tls", "ssl", "ca", "timeout"}
)
_MANAGED: Final = frozenset({"manage_otp", "cache_dir", "cache_key", "cache_max_age", "max_lifetime", "max_tries"})
_SHARED: Final = frozenset({"username", "password", "timeout", "callback_topic"})

# The keys of each section. Those that are shared count where the section of the method has none of its own.
KEYS: Final[Mapping[str, frozenset[str]]] = {
    "GENERAL": _MANAGED | _SHARED | {"method", "send_expiration", "email_command"},
    "REST": frozenset({"url", "username", "password", "ca", "timeout"}),
    "REDIS": _BROKER | {"mode", "database"},
    "AMQP": _BROKER | {"vhost"},
    "MQTT": _BROKER | {"client_id", "version"},
    "WS": _BROKER | {"path"},
}
_LOCAL: Final = ("password", "cache_key")


def read(path: str | Path, method: str | None = None) -> tuple[Settings, list[str]]:
    """
    Read a file; `method` speaks another way than the file says.

    Gives the settings, and a line about each thing that was passed over. Files that it names are beside it. Raises
    `ConfigError`, which names file, section and key, and repeats no value.
    """
    file = Path(path)
    sections = _sections(file)
    notes = [f"{file}: {note}" for note in _strangers(sections)]
    if told := _open(file, sections):
        notes.append(f"{file}: {told}")
    general = sections.get("GENERAL", {})
    wanted = (method or general.get("method", "")).upper()
    if not wanted:
        raise ConfigError(f"{file}: [GENERAL] method is missing")
    if wanted not in METHODS:
        raise ConfigError(f"{file}: [GENERAL] method must be one of {', '.join(METHODS)}")
    if wanted not in sections:
        raise ConfigError(f"{file}: the section [{wanted}] is missing")
    try:
        return Settings(method=wanted, **_values(sections, wanted, file.absolute().parent)), notes
    except ConfigError as error:
        if not error.key:
            raise
        shared = error.key in general and error.key not in sections[wanted]
        section = "GENERAL" if shared or error.key not in KEYS[wanted] else wanted
        raise ConfigError(f"{file}: [{section}] {error.key} {error.why}") from None


def _values(sections: Mapping[str, Mapping[str, str]], method: str, folder: Path) -> dict[str, Any]:
    """Give the keys of the method's section, and of GENERAL, each in its type."""
    general = {key: value for key, value in sections.get("GENERAL", {}).items() if key != "method"}
    if method == "REST":
        general.pop("callback_topic", None)  # an answer comes where the request went
    own = dict(sections[method])
    # OTP-Publisher reads the delay of every broker from [AMQP].
    delay = sections.get("AMQP", {}).get("callback_delay")
    if method != "REST" and delay is not None:
        own.setdefault("callback_delay", delay)
    if "ssl" in own:
        own.setdefault("tls", own.pop("ssl"))
    known = KEYS["GENERAL"] | KEYS[method]
    values = {key: value for key, value in (general | own).items() if key in known and value}
    read = {key: _TYPES.get(key, _text)(key, value) for key, value in values.items()}
    for key in ("ca", "cache_dir"):
        if read.get(key):
            read[key] = str(folder / read[key])
    for key in _LOCAL:
        if read.get(key, "").startswith("file:"):
            read[key] = f"file:{folder / read[key].removeprefix('file:')}"
    return read


def _sections(file: Path) -> dict[str, dict[str, str]]:
    try:
        with file.open("rb") as opened:
            raw = opened.read(LARGEST + 1)
    except OSError as error:
        raise ConfigError(f"{file}: cannot be read ({error.strerror or type(error).__name__})") from None
    if len(raw) > LARGEST:
        raise ConfigError(f"{file}: is larger than {LARGEST} bytes")
    parser, wrong = _parsed(raw)
    # Raised out here: the library's exception repeats the line, which may hold a password, and would come along.
    if wrong:
        raise ConfigError(f"{file}: {wrong}")
    found: dict[str, dict[str, str]] = {}
    for name in parser.sections():
        section = found.setdefault(name.strip().upper(), {})
        for key, value in parser.items(name):
            section[key] = _value(file, name, key, value)
    return found


def _parsed(raw: bytes) -> tuple[configparser.RawConfigParser, str]:
    """Parse a file; gives what is wrong with it too, "" where nothing is."""
    parser = configparser.RawConfigParser(
        delimiters=("=",), comment_prefixes=(";", "#"), empty_lines_in_values=False, default_section="\n"
    )
    wrong = ""
    try:
        parser.read_string(raw.decode("utf-8-sig"))
    except UnicodeDecodeError:
        wrong = "is not UTF-8"
    except configparser.DuplicateOptionError as error:
        wrong = f"line {error.lineno}: [{error.section}] has {error.option} twice"
    except configparser.DuplicateSectionError as error:
        wrong = f"line {error.lineno}: there are two sections [{error.section}]"
    except configparser.MissingSectionHeaderError as error:
        wrong = f"line {error.lineno}: stands before any section"
    except configparser.ParsingError as error:
        numbers = ", ".join(str(number) for number, _ in error.errors)
        wrong = f"line {numbers}: is neither a section nor KEY = VALUE"
    return parser, wrong


def _value(file: Path, section: str, key: str, value: str) -> str:
    """Take quotes and a comment off a value."""
    if "\n" in value:
        raise ConfigError(f"{file}: [{section}] {key} goes over more than one line")
    if quoted := _QUOTED.fullmatch(value):
        return quoted[2]
    return _COMMENT.sub("", value).strip()


def _strangers(sections: Mapping[str, Mapping[str, str]]) -> list[str]:
    """Tell the sections and keys that mean nothing."""
    told = [f"the section [{name}] is not known" for name in sections if name not in KEYS]
    for name, known in KEYS.items():
        told += [f"[{name}] {key} is not known" for key in sections.get(name, {}) if key not in known]
    return told


def _open(file: Path, sections: Mapping[str, Mapping[str, str]]) -> str | None:
    """Say so where others may read a file with secrets in it."""
    secrets = [section[key] for section in sections.values() for key in _LOCAL if section.get(key)]
    if all(secret.startswith(("env:", "file:")) for secret in secrets):
        return None
    if file.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        return f"holds secrets and others may read it; close it: chmod 600 {file}"
    return None


def _text(key: str, value: str) -> str:
    return value


def _switch(key: str, value: str) -> bool:
    if value.lower() in _TRUE:
        return True
    if value.lower() in _FALSE:
        return False
    raise ConfigError("must be true or false", key)


def _whole(key: str, value: str) -> int:
    if not re.fullmatch(r"-?[0-9]{1,9}", value):
        raise ConfigError("must be a whole number", key)
    return int(value)


def _seconds(key: str, value: str) -> float:
    try:
        return float(value)
    except ValueError:
        raise ConfigError("must be a number of seconds", key) from None


_TYPES: Final[Mapping[str, Callable[[str, str], Any]]] = {
    **dict.fromkeys(("manage_otp", "send_expiration", "tls"), _switch),
    **dict.fromkeys(("port", "database", "callback_delay", "max_tries", "version"), _whole),
    **dict.fromkeys(("timeout", "cache_max_age", "max_lifetime"), _seconds),
}
