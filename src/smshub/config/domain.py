"""The accounts and routes of a configuration, as the domain knows them."""

from collections.abc import Mapping, Sequence
from typing import Any

from smshub.config.otp import merged, policy_of
from smshub.config.tables import AccountSettings, Config, GroupSettings
from smshub.domain.accounts import Account
from smshub.domain.letters import Reader
from smshub.domain.message import MessageClass
from smshub.domain.retry import POLICIES, ClassPolicy, OnUncertain
from smshub.domain.routing import Route, Target


def accounts_of(config: Config) -> dict[str, Account]:
    """Give every account that is not disabled, with what it shares with its group."""
    accounts = {name: account_of(name, settings, config) for name, settings in config.accounts.items()}
    return {name: account for name, account in accounts.items() if not shared(config.accounts[name], config).disabled}


def program_keys(config: Config) -> dict[str, str]:
    """Give the ProgramKey (or its hash) of every account that has one."""
    return {
        name: account.program_key.reveal()
        for name, account in config.accounts.items()
        if account.program_key is not None
    }


def shared(account: AccountSettings, config: Config) -> GroupSettings:
    """Lay an account's own settings over those of its group, and these over the defaults of all."""
    return _laid(config, account.group, account)


def account_of(name: str, account: AccountSettings, config: Config) -> Account:
    """Make the caller that an account's settings describe."""
    return _account(name, shared(account, config), config)


def ldap_account_of(username: str, groups: Sequence[str], config: Config) -> Account | None:
    """
    Make the caller that a user of the directory is; `groups` are the names of ours whose members it is of, in order.

    Its name has a mark before it that no account of the configuration can have, so that it is never taken for one.
    None where it may not call.
    """
    if config.ldap is None or (config.ldap.only_groups and not groups):
        return None
    settings = _laid(config, groups[0] if groups else config.ldap.group, GroupSettings())
    return None if settings.disabled else _account(f"ldap:{username}", settings, config)


def _laid(config: Config, group: str | None, own: GroupSettings) -> GroupSettings:
    laid: dict[str, Any] = {}
    for settings in (config.defaults, config.groups.get(group or ""), own):
        if settings is not None:
            written = settings.model_fields_set
            own_otp = merged(laid.get("otp"), settings.otp)
            laid |= {name: getattr(settings, name) for name in written if name in GroupSettings.model_fields}
            laid["otp"] = own_otp
    return GroupSettings.model_validate(laid)


def _account(name: str, settings: GroupSettings, config: Config) -> Account:
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
        success_code=settings.success_code,
        channels=frozenset(settings.channels),
        subject=settings.subject,
        ussd=settings.ussd,
        transliterate=settings.transliterate,
        flash=settings.flash,
        may_override=frozenset(settings.may_override),
        partial=settings.partial,
        callback_final=settings.callback_final,
        otp=policy_of(config.otp, settings.otp),
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


def policies_of(config: Config) -> Mapping[MessageClass, ClassPolicy]:
    """Tell how each class of messages is treated."""
    return {
        message_class: ClassPolicy(
            valid_for=config.classes.of(message_class).valid_for,
            on_uncertain=OnUncertain(config.classes.of(message_class).on_uncertain.value),
            longest_delay=POLICIES[message_class].longest_delay,
        )
        for message_class in MessageClass
    }


def readers_of(config: Config, origins: Mapping[tuple[str, str], str]) -> dict[str, Reader]:
    """Tell who is told of each account's program; `origins` say where each object is declared."""
    if not config.smtp:
        return {}
    return {
        name: Reader(
            to=account.support_email,
            server=account.support_smtp or "",
            where="the configuration file" if origins.get(("accounts", name)) == "file" else "the API",
        )
        for name, account in config.accounts.items()
        if account.support_email is not None
    }
