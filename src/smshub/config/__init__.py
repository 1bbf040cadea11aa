"""
The configuration: one TOML file, every table a settings class, every problem told at once in a line that says its mend.

`tables` are the classes, `reading` makes them of a file, `checks` look across them, `changes` merge and compare them,
`text` writes the commented example and the reference.
"""

from smshub.config.changes import (
    KINDS,
    Change,
    Declared,
    Merged,
    body_of,
    declared,
    keep_secrets,
    merge,
    plan,
    read_object,
    references,
    shown,
)
from smshub.config.checks import check, notes
from smshub.config.domain import accounts_of, ldap_account_of, policies_of, program_keys, readers_of, routes_of, shared
from smshub.config.ldap import Ldap
from smshub.config.objects import listed, objects_of
from smshub.config.otp import otp_keys
from smshub.config.problems import ConfigError, ConfigErrors
from smshub.config.reading import connector_types, load, read, read_connector
from smshub.config.retention import periods_of
from smshub.config.tables import (
    AccountSettings,
    Classes,
    ClassSettings,
    Config,
    GroupSettings,
    Limits,
    RouteConnector,
    RouteSettings,
    Server,
    Tls,
    database_of,
    sqlite_file,
    username_of,
)
from smshub.config.text import example, tables_page
from smshub.config.values import address
from smshub.domain.retry import OnUncertain

__all__ = [
    "KINDS",
    "AccountSettings",
    "Change",
    "ClassSettings",
    "Classes",
    "Config",
    "ConfigError",
    "ConfigErrors",
    "Declared",
    "GroupSettings",
    "Ldap",
    "Limits",
    "Merged",
    "OnUncertain",
    "RouteConnector",
    "RouteSettings",
    "Server",
    "Tls",
    "accounts_of",
    "address",
    "body_of",
    "check",
    "connector_types",
    "database_of",
    "declared",
    "example",
    "keep_secrets",
    "ldap_account_of",
    "listed",
    "load",
    "merge",
    "notes",
    "objects_of",
    "otp_keys",
    "periods_of",
    "plan",
    "policies_of",
    "program_keys",
    "read",
    "read_connector",
    "read_object",
    "readers_of",
    "references",
    "routes_of",
    "shared",
    "shown",
    "sqlite_file",
    "tables_page",
    "username_of",
]
