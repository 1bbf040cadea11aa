"""The accounts and routes of a configuration, as the domain knows them."""

from smshub.config.tables import AccountSettings, Config, GroupSettings
from smshub.domain.accounts import Account
from smshub.domain.routing import Route, Target


def accounts_of(config: Config) -> dict[str, Account]:
    """Give every account that is not disabled, with what it shares with its group."""
    accounts = {name: account_of(name, settings, config) for name, settings in config.accounts.items()}
    return {name: account for name, account in accounts.items() if not shared(config.accounts[name], config).disabled}


def shared(account: AccountSettings, config: Config) -> GroupSettings:
    """Lay an account's own settings over those of its group."""
    group = config.groups.get(account.group or "")
    below = {name: getattr(group, name) for name in group.model_fields_set} if group else {}
    own = {name: getattr(account, name) for name in account.model_fields_set if name in GroupSettings.model_fields}
    return GroupSettings.model_validate({**below, **own})


def account_of(name: str, account: AccountSettings, config: Config) -> Account:
    """Make the caller that an account's settings describe."""
    settings = shared(account, config)
    return Account(
        name=name,
        role=settings.role,
        originator=settings.originator,
        originators=frozenset(settings.originators),
        country=settings.country,
        message_class=settings.message_class,
        valid_for=settings.valid_for,
        rate=settings.rate,
        max_recipients=min(settings.max_recipients, config.server.limits.max_recipients),
        max_segments=settings.max_segments,
        doors=frozenset(settings.doors),
        transliterate=settings.transliterate,
    )


def routes_of(config: Config) -> tuple[Route, ...]:
    """Give every route by its name, in the order of the file."""
    return tuple(
        Route(
            name=name,
            prefixes=tuple(route.prefixes),
            targets=tuple(Target(one.name, one.priority, one.weight) for one in route.connectors),
            accounts=frozenset(route.accounts),
            classes=frozenset(route.classes),
        )
        for name, route in config.named_routes.items()
    )
