"""Mail in a configuration: the servers that are named, and routes whose connectors reach what they are for."""

from collections.abc import Iterator

from smshub.config.lines import Loc
from smshub.config.problems import ConfigError
from smshub.config.tables import Config, RouteSettings
from smshub.config.values import nearest
from smshub.connectors.base import ConnectorSettings, UnknownType, connector_class
from smshub.connectors.mailsettings import MailSettings
from smshub.domain.contracts import Capabilities


def check_mail(config: Config, servers: set[str]) -> Iterator[ConfigError]:
    """Tell everything that is wrong about mail; `servers` are the names of those declared."""
    for name, account in config.accounts.items():
        named = account.support_smtp
        if named is not None and named not in servers:
            yield _unknown(("accounts", name, "support_smtp"), named, servers)
        elif account.support_email is not None and not servers:
            yield ConfigError.of(
                ("accounts", name, "support_email"), "there is no mail server to send by", "Declare one: [smtp.office]"
            )
    for name, server in config.smtp.items():
        if (server.username is None) != (server.password is None):
            missing = "password" if server.username else "username"
            yield ConfigError.of(("smtp", name, missing), "is missing beside the other", "Write both or none.")
    for name, connector in config.connectors.items():
        if isinstance(connector, MailSettings):
            yield from _connector(connector, ("connectors", name), servers)
    for place, route in enumerate(config.routes):
        yield from _channels(config, route, ("routes", place))


def _unknown(loc: Loc, named: str, servers: set[str]) -> ConfigError:
    mend = nearest(named, servers) or f"Declare it: [smtp.{named}]"
    return ConfigError.of(loc, f"there is no mail server '{named}'", mend)


def _connector(settings: MailSettings, loc: Loc, servers: set[str]) -> Iterator[ConfigError]:
    for key, named in settings.named():
        if named not in servers:
            yield _unknown((*loc, key), named, servers)
    if not servers and not list(settings.named()):
        yield ConfigError.of((*loc, "servers"), "there is no mail server to send by", "Declare one: [smtp.office]")


def _channels(config: Config, route: RouteSettings, loc: Loc) -> Iterator[ConfigError]:
    mail = any("@" in prefix for prefix in route.prefixes)
    texts = any("@" not in prefix for prefix in route.prefixes)
    for place, target in enumerate(route.connectors):
        settings = config.connectors.get(target.name)
        if settings is None:
            continue  # told elsewhere
        can = capabilities_of(settings)
        if mail and not can.mail:
            yield ConfigError.of(
                (*loc, "connectors", place), f"'{target.name}' does not reach mail addresses", "Name one of type email."
            )
        elif texts and not can.texts:
            mend = 'Give mail a route of its own, with prefixes = ["@"].'
            yield ConfigError.of((*loc, "connectors", place), f"'{target.name}' reaches mail addresses only", mend)


def capabilities_of(settings: ConnectorSettings) -> Capabilities:
    """Tell what connectors of a type can do, as far as the type says so."""
    try:
        found = getattr(connector_class(settings.type), "capabilities", None)
    except UnknownType:
        found = None
    return found if isinstance(found, Capabilities) else Capabilities()
