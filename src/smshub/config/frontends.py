"""The doors on brokers, `[[frontends]]`: read by their carrier, and what must hold between them."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from smshub.config.lines import Loc
from smshub.config.problems import ConfigError, explained
from smshub.config.values import nearest
from smshub.frontends.carriers.frontend_settings import SETTINGS, FrontendSettings, missing_files


def settings_of_frontend(value: Any) -> Any:
    """Read a table by its carrier, for pydantic: what has been read already stays as it is."""
    if isinstance(value, Mapping):
        return SETTINGS.get(str(value.get("carrier")), FrontendSettings).model_validate(dict(value))
    return value


def read_frontend(table: Any, loc: Loc) -> FrontendSettings | list[ConfigError]:
    """Read a table into the settings class of its carrier, or tell what is wrong with it."""
    if not isinstance(table, Mapping):
        return [ConfigError.of(loc, "must be a table")]
    carrier = table.get("carrier")
    found = SETTINGS.get(carrier) if isinstance(carrier, str) else None
    if found is None:
        what = "is missing" if carrier is None else f"there is no carrier '{carrier}'"
        return [ConfigError.of((*loc, "carrier"), what, nearest(str(carrier), SETTINGS))]
    try:
        return found.model_validate(dict(table))
    except ValidationError as error:
        return list(explained(error, found, table, loc))


def read_frontends(tables: Any, problems: list[ConfigError]) -> tuple[list[FrontendSettings], list[int]]:
    """Read every table that can be read, with the places they have in the file."""
    found: list[FrontendSettings] = []
    kept: list[int] = []
    for place, table in enumerate(tables):
        one = read_frontend(table, ("frontends", place))
        if isinstance(one, FrontendSettings):
            found.append(one)
            kept.append(place)
        else:
            problems += one
    return found, kept


def check_frontends(frontends: Sequence[FrontendSettings], accounts: set[str]) -> Iterator[ConfigError]:
    """Tell what is wrong between the doors and around them."""
    names: dict[str, int] = {}
    sources: dict[tuple[str, ...], int] = {}
    clients: dict[tuple[str, ...], int] = {}
    for place, one in enumerate(frontends):
        loc: Loc = ("frontends", place)
        if one.account not in accounts:
            yield ConfigError.of(
                (*loc, "account"), f"there is no account '{one.account}'", nearest(one.account, accounts)
            )
        source = (one.carrier, one.place, one.topic)
        if (other := sources.setdefault(source, place)) != place:
            yield ConfigError.of((*loc, "topic"), f"frontends[{other}] takes from the same place", "Remove one.")
        elif (other := names.setdefault(one.title, place)) != place:
            mend = "Give each a name of its own."
            yield ConfigError.of((*loc, "name"), f"frontends[{other}] is called '{one.title}' too", mend)
        client_id = getattr(one, "client_id", None)
        if client_id is not None and (other := clients.setdefault((one.place, client_id), place)) != place:
            what = f"frontends[{other}] has the same one here: one would end the other"
            yield ConfigError.of((*loc, "client_id"), what, "Give each its own.")
        for key, file in missing_files(one):
            yield ConfigError.of((*loc, "tls", key), f"the file {file} cannot be read", "Name a PEM file.")
