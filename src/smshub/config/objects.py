"""The objects of a configuration by their kinds: those that may be made in a running hub, and those that are shown."""

from collections.abc import Mapping
from typing import Any

from smshub.config.changes import POLICY, Merged, shown
from smshub.config.otp import OtpPolicySettings, OtpSettings
from smshub.config.tables import Config, ErrorText
from smshub.domain.commands import CATALOGUE, Refusal, Refused
from smshub.settings import Settings

# Tables of which there is one, and kinds of several, that are only shown: they stand in the file.
_SINGLE = ("server", "defaults", "otp", "retention", "ldap", "broker")
_SEVERAL = ("groups", "smtp")


def objects_of(config: Config, kind: str) -> Mapping[str, Settings]:
    """Give the objects of a kind by name. Raises `Refused` where there is no such kind."""
    if kind in {"connectors", "accounts", *_SEVERAL}:
        found: Mapping[str, Settings] = getattr(config, kind)
        return found
    if kind == "routes":
        return config.named_routes
    if kind == "frontends":
        return config.named_frontends
    if kind == "errors":
        return {name: ErrorText(text=text) for name, text in config.errors.items()}
    if kind == "classes":
        return {name: getattr(config.classes, name) for name in type(config.classes).model_fields}
    if kind == "policies":
        return _policies(config)
    if kind in _SINGLE:
        table: Settings | None = getattr(config, kind)
        return {} if table is None else {kind: table}
    raise Refused(Refusal.NOT_FOUND, "NotFound", what="kind of object")


def listed(merged: Merged, kind: str) -> tuple[Mapping[str, Any], ...]:
    """
    Tell the objects of a kind, secrets masked, each with where it is from (`file`, `database`).

    Of the errors all are told, with their default texts; those that nobody has changed are from `default`, and so is
    the policy of all accounts where nobody has written one.
    """
    own = objects_of(merged.config, kind)
    if kind == "errors":
        return tuple(_error(merged, name) for name in sorted(CATALOGUE))
    return tuple(
        {"name": name, "origin": _origin(merged, kind, name), "settings": shown(settings)}
        for name, settings in own.items()
    )


def _origin(merged: Merged, kind: str, name: str) -> str:
    if kind == POLICY[0]:
        if name == POLICY[1]:
            return merged.origins.get(POLICY, "default")
        kind, _, name = name.partition(".")
    return merged.origins.get((kind, name), "file")


def _error(merged: Merged, name: str) -> Mapping[str, Any]:
    text = merged.config.errors.get(name)
    return {
        "name": name,
        "origin": "default" if text is None else merged.origins.get(("errors", name), "file"),
        "settings": {"text": CATALOGUE[name] if text is None else text, "default": CATALOGUE[name]},
    }


def _policies(config: Config) -> Mapping[str, Settings]:
    """Give the policies of codes as they were written: that of all, and what groups and accounts have of their own."""
    # The keys under which codes are kept are no part of a policy.
    every = {name: getattr(config.otp, name) for name in config.otp.model_fields_set - {"keys"}}
    tables: dict[str, OtpPolicySettings | None] = {
        POLICY[1]: OtpSettings.model_validate(every),
        "defaults": config.defaults.otp,
        **{f"groups.{name}": group.otp for name, group in config.groups.items()},
        **{f"accounts.{name}": account.otp for name, account in config.accounts.items()},
    }
    return {name: table for name, table in tables.items() if table is not None}
