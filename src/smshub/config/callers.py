"""The callers of a configuration, as the gate knows them: every account with what proves it, and the directory."""

from collections.abc import Iterator
from functools import partial

from smshub.config.domain import accounts_of, ldap_account_of, shared
from smshub.config.tables import Config, username_of
from smshub.frontends.auth import Login
from smshub.frontends.directory import Directory


def logins_of(config: Config) -> Iterator[Login]:
    """Give every account that may call, with what proves it."""
    for name, account in accounts_of(config).items():
        settings = config.accounts[name]
        yield Login(
            account=account,
            username=username_of(name, settings),
            password=None if settings.password is None else settings.password.reveal(),
            api_keys=tuple(key.reveal() for key in settings.api_keys),
            certificates=tuple(settings.certificate),
            program_sid=settings.program_sid,
            program_key=None if settings.program_key is None else settings.program_key.reveal(),
            token_life=settings.token_life,
            origins=frozenset(shared(settings, config).cors_origins),
        )


def directory_of(config: Config) -> Directory | None:
    """Make the directory of users that a configuration describes, if it does."""
    if config.ldap is None:
        return None
    return Directory(config.ldap, partial(ldap_account_of, config=config))
