"""What no single table can see: names that lead nowhere, secrets that are not there, two that claim the same."""

import re
import stat
from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from ipaddress import ip_address
from pathlib import Path
from string import Formatter

from smshub.config.frontends import check_frontends
from smshub.config.ldap import Ldap
from smshub.config.lines import Loc
from smshub.config.mail import check_mail
from smshub.config.otp import check_otp
from smshub.config.problems import ConfigError
from smshub.config.tables import Config, RouteSettings, Server, Tls, username_of
from smshub.config.values import address, nearest
from smshub.connectors.email import EmailSettings
from smshub.domain.commands import CATALOGUE
from smshub.settings import Secret, SecretMissing, Settings

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}")
SECRET_BITS = 256


def check(config: Config, known: Mapping[str, set[str]] | None = None) -> list[ConfigError]:
    """
    Tell everything that is wrong between the tables and around them.

    `known` are names of groups, accounts and connectors that are written although their own tables are wrong.
    """
    names: dict[str, set[str]] = {
        "groups": set(config.groups),
        "accounts": set(config.accounts),
        "connectors": set(config.connectors),
        "smtp": set(config.smtp),
    }
    for kind, more in (known or {}).items():
        names[kind] |= more
    problems: list[ConfigError] = []
    problems += _names(config)
    problems += _server(config.server)
    problems += _broker(config)
    problems += _secrets(config, ())
    problems += _accounts(config, names["groups"])
    problems += _ldap(config.ldap, names["groups"])
    problems += _credentials(config)
    problems += _programs(config)
    problems += check_mail(config, names["smtp"])
    problems += _connectors(config)
    for place, route in enumerate(config.routes):
        problems += _route(route, ("routes", place), names)
    problems += _route_names(config)
    problems += check_frontends(config.frontends, names["accounts"])
    problems += check_otp(config)
    problems += _errors(config.errors)
    return problems


def _names(config: Config) -> Iterator[ConfigError]:
    for kind in ("groups", "accounts", "connectors", "smtp"):
        for name in getattr(config, kind):
            if not _NAME.fullmatch(name):
                yield ConfigError.of((kind, name), "cannot be a name", "Use letters, digits and . _ @ -, at most 64.")


def _server(server: Server) -> Iterator[ConfigError]:
    if server.secret is not None and (told := _weak(server.secret)):
        yield ConfigError.of(("server", "secret"), told, "Make one: openssl rand -hex 32")
    folder = _database_folder(server.database)
    if folder is not None and not folder.is_dir():
        yield ConfigError.of(("server", "database"), f"there is no folder {folder}", f"Make it: mkdir -p {folder}")
    if server.tls is None:
        return
    if _overlap(server.listen, server.tls.listen):
        yield ConfigError.of(
            ("server", "tls", "listen"), f"overlaps server.listen ({server.listen})", "Give it a port of its own."
        )
    yield from _tls_files(server.tls)


def _tls_files(tls: Tls) -> Iterator[ConfigError]:
    if tls.client_required and tls.client_ca is None:
        yield ConfigError.of(
            ("server", "tls", "client_required"), "asks for certificates of nobody", "Name server.tls.client_ca."
        )
    for key in ("certificate", "key", "client_ca"):
        if getattr(tls, key) is None:
            continue
        path = Path(getattr(tls, key))
        try:
            text = path.read_bytes()[:65_536]
        except OSError as error:
            yield ConfigError.of(
                ("server", "tls", key), f"the file {path} cannot be read ({type(error).__name__})", "Name a PEM file."
            )
            continue
        if b"-----BEGIN " not in text:
            yield ConfigError.of(("server", "tls", key), f"the file {path} holds no PEM", "Name a PEM file.")
        if key == "key" and (told := open_mode(path)):
            yield ConfigError.of(("server", "tls", key), told, f"Close it: chmod 600 {path}")


def _broker(config: Config) -> Iterator[ConfigError]:
    broker, server = config.broker, config.server
    if broker is None:
        return
    for other in [server.listen, *([server.tls.listen] if server.tls is not None else [])]:
        if _overlap(broker.listen, other):
            yield ConfigError.of(
                ("broker", "listen"), f"overlaps the hub's own ({other})", "Give it a port of its own."
            )
    files: dict[Loc, str] = {("broker", "htpasswd"): broker.htpasswd}
    if broker.tls is not None:
        files |= {("broker", "tls", "certificate"): broker.tls.certificate, ("broker", "tls", "key"): broker.tls.key}
        if told := open_mode(Path(broker.tls.key)):
            yield ConfigError.of(("broker", "tls", "key"), told, f"Close it: chmod 600 {broker.tls.key}")
    for loc, name in files.items():
        if not Path(name).is_file():
            mend = f"Make it: htpasswd -cB {name} USER" if loc[-1] == "htpasswd" else "Name a PEM file."
            yield ConfigError.of(loc, f"there is no file {name}", mend)


def _weak(secret: Secret) -> str | None:
    try:
        value = secret.reveal()
    except SecretMissing:
        return None  # told with the other secrets
    # 256 bits are 64 digits of hexadecimal or 43 letters of base64.
    return None if len(value) * 6 >= SECRET_BITS else f"is shorter than {SECRET_BITS} bits"


def _database_folder(database: str) -> Path | None:
    if not database.startswith("sqlite"):
        return None
    file = database.partition(":///")[2].partition("?")[0]
    return None if not file or file == ":memory:" else Path(file).parent


def _overlap(one: str, other: str) -> bool:
    (host, port), (host_2, port_2) = address(one), address(other)
    return port == port_2 and port != 0 and (host == host_2 or _is_any(host) or _is_any(host_2))


def _is_any(host: str) -> bool:
    try:
        return ip_address(host).is_unspecified
    except ValueError:
        return False


def _is_loopback(listen: str) -> bool:
    host, _ = address(listen)
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def open_mode(path: Path) -> str | None:
    """Say so where others than its owner may read a file with a secret."""
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
    except OSError:
        return None
    return f"others may read the file {path} (mode {mode:04o})" if mode & 0o077 else None


def _secrets(settings: Settings, above: Loc) -> Iterator[ConfigError]:
    for loc, secret in secrets_of(settings, above):
        try:
            secret.reveal()
        except SecretMissing as missing:
            kind, _, place = secret.stored.partition(":")
            mend = (
                f"Set it: export {place}=..." if kind == "env" else f"Write the secret to it, then: chmod 600 {place}"
            )
            yield ConfigError.of(loc, str(missing), mend)
            continue
        if secret.stored.startswith("file:"):
            path = Path(secret.stored.removeprefix("file:"))
            if told := open_mode(path):
                yield ConfigError.of(loc, told, f"Close it: chmod 600 {path}")


def secrets_of(settings: object, above: Loc = ()) -> Iterator[tuple[Loc, Secret]]:
    """Walk every secret of a table and the tables below it, with its path."""
    if isinstance(settings, Secret):
        yield above, settings
    elif isinstance(settings, Settings):
        for name, field in type(settings).model_fields.items():
            yield from secrets_of(getattr(settings, name), (*above, field.alias or name))
    elif isinstance(settings, Mapping):
        for key, value in settings.items():
            yield from secrets_of(value, (*above, str(key)))
    elif isinstance(settings, list | tuple):
        for place, value in enumerate(settings):
            yield from secrets_of(value, (*above, place))


def _accounts(config: Config, groups: set[str]) -> Iterator[ConfigError]:
    for name, account in config.accounts.items():
        if account.group is not None and account.group not in groups:
            yield ConfigError.of(
                ("accounts", name, "group"), f"there is no group '{account.group}'", nearest(account.group, groups)
            )


def _ldap(ldap: Ldap | None, groups: set[str]) -> Iterator[ConfigError]:
    if ldap is None:
        return
    if find_spec("ldap3") is None:
        yield ConfigError.of(("ldap",), "needs the package ldap3", "Install it: pip install 'smshub[ldap]'")
    named = [*((("groups", dn), name) for dn, name in ldap.groups.items()), (("group",), ldap.group)]
    for loc, name in named:
        if name is not None and name not in groups:
            yield ConfigError.of(("ldap", *loc), f"there is no group '{name}'", nearest(name, groups))
    if ldap.only_groups and not ldap.groups:
        yield ConfigError.of(("ldap", "only_groups"), "lets nobody in without ldap.groups", "Name a group there.")
    if ldap.ca is not None:
        try:
            found = b"-----BEGIN CERT" in Path(ldap.ca).read_bytes()[:1_048_576]
        except OSError:
            found = False
        if not found:
            yield ConfigError.of(("ldap", "ca"), f"the file {ldap.ca} holds no certificate (PEM)", "Name a PEM file.")


def _credentials(config: Config) -> Iterator[ConfigError]:
    usernames: dict[str, str] = {}
    keys: dict[str, str] = {}
    certificates: dict[str, str] = {}
    for name, account in config.accounts.items():
        username = username_of(name, account)
        if (other := usernames.setdefault(username, name)) != name:
            loc: Loc = ("accounts", name, "username") if account.username else ("accounts", name)
            yield ConfigError.of(loc, f"accounts.{other} has the same username", "Give each its own.")
        for certificate in account.certificate:
            loc = ("accounts", name, "certificate")
            if (other := certificates.setdefault(certificate, name)) != name:
                yield ConfigError.of(loc, f"accounts.{other} has the same certificate", "Give each its own.")
            if config.server.tls is None or config.server.tls.client_ca is None:
                yield ConfigError.of(loc, "is never asked for", "Name server.tls.client_ca.")
        for place, key in enumerate(account.api_keys):
            try:
                value = key.reveal()
            except SecretMissing:
                continue
            if (other := keys.setdefault(value, name)) != name:
                yield ConfigError.of(
                    ("accounts", name, "api_keys", place), f"accounts.{other} has the same key", "Give each its own."
                )


def _programs(config: Config) -> Iterator[ConfigError]:
    sids: dict[str, str] = {}
    for name, account in config.accounts.items():
        if (account.program_sid is None) != (account.program_key is None):
            missing, there = ("program_key", "program_sid") if account.program_sid else ("program_sid", "program_key")
            yield ConfigError.of(("accounts", name, missing), f"is missing beside {there}", "Write both or none.")
        if account.program_sid is not None and (other := sids.setdefault(account.program_sid, name)) != name:
            yield ConfigError.of(
                ("accounts", name, "program_sid"), f"accounts.{other} has the same program_sid", "Give each its own."
            )


def _connectors(config: Config) -> Iterator[ConfigError]:
    for name, connector in config.connectors.items():
        for key, what, mend in connector.problems():
            yield ConfigError.of(("connectors", name, key), what, mend)


def _route(route: RouteSettings, loc: Loc, names: Mapping[str, set[str]]) -> Iterator[ConfigError]:
    if not route.prefixes:
        yield ConfigError.of((*loc, "prefixes"), "is empty", 'Write [""] for the default route.')
    if not route.connectors:
        yield ConfigError.of((*loc, "connectors"), "is empty", "Name a connector.")
    seen: set[str] = set()
    for place, connector in enumerate(route.connectors):
        if connector.name not in names["connectors"]:
            mend = nearest(connector.name, names["connectors"]) or f"Declare it: [connectors.{connector.name}]"
            yield ConfigError.of((*loc, "connectors", place), f"there is no connector '{connector.name}'", mend)
        elif connector.name in seen:
            yield ConfigError.of((*loc, "connectors", place), f"'{connector.name}' is named twice", "Name it once.")
        seen.add(connector.name)
    for place, account in enumerate(route.accounts):
        if account not in names["accounts"]:
            yield ConfigError.of(
                (*loc, "accounts", place), f"there is no account '{account}'", nearest(account, names["accounts"])
            )


def _route_names(config: Config) -> Iterator[ConfigError]:
    seen: dict[str, int] = {}
    for place, route in enumerate(config.routes):
        if route.name is None:
            continue
        if not _NAME.fullmatch(route.name):
            yield ConfigError.of(
                ("routes", place, "name"), "cannot be a name", "Use letters, digits and . _ @ -, at most 64."
            )
        if (other := seen.setdefault(route.name, place)) != place:
            yield ConfigError.of(("routes", place, "name"), f"routes[{other}] has the same name", "Give each its own.")


def _errors(errors: Mapping[str, str]) -> Iterator[ConfigError]:
    for name, text in errors.items():
        if name not in CATALOGUE:
            yield ConfigError.of(("errors", name), "there is no error of that name", nearest(name, CATALOGUE))
            continue
        allowed = {field for _, field, _, _ in Formatter().parse(CATALOGUE[name]) if field}
        usable = f"It may use {', '.join(f'{{{field}}}' for field in sorted(allowed))}." if allowed else "It has none."
        try:
            parts = list(Formatter().parse(text))
        except ValueError:
            yield ConfigError.of(("errors", name), "has a brace without its other half", "Write {{ or }} for a brace.")
            continue
        for _, field, form, conversion in parts:
            if field is not None and (field not in allowed or form or conversion):
                written = field + (f"!{conversion}" if conversion else "") + (f":{form}" if form else "")
                yield ConfigError.of(("errors", name), f"there is no placeholder {{{written}}} here", usable)


def notes(config: Config) -> list[str]:
    """Tell what works but is seldom meant."""
    said: list[str] = []
    said += [
        f"accounts.{name}: has no password, key or certificate, so nobody can sign in as it"
        for name, account in config.accounts.items()
        if account.password is None and not account.api_keys and account.program_key is None and not account.certificate
    ]
    said += [
        f"smtp.{name}: signs in over a connection that others can read"
        for name, server in config.smtp.items()
        if server.security == "none" and server.username is not None
    ]
    if not config.routes:
        said.append("routes: there is none, so every message is refused")
    elif not any("" in route.prefixes for route in config.routes):
        said.append('routes: none has the prefix "", so numbers outside the others are refused')
    if config.broker is not None and config.broker.tls is None and not _is_loopback(config.broker.listen):
        said.append("broker.tls: without it, passwords and messages of other machines cross the network in clear")
    mails = any(prefix.startswith("@") for route in config.routes for prefix in route.prefixes)
    if not mails and any(type(one) is EmailSettings for one in config.connectors.values()):
        said.append('routes: none has the prefix "@", so mail is refused')
    used = {connector.name for route in config.routes for connector in route.connectors}
    said += [f"connectors.{name}: no route names it" for name in config.connectors if name not in used]
    if config.server.database.startswith("postgresql") and config.server.secret is None:
        said.append("server.secret: nodes that share a database need the same secret; this one will make its own")
    return said
