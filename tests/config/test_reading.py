"""A configuration file is read whole, or every problem of it is told in one line."""
# ruff: noqa: E501 - a row of the table ends with the line as it is told

import os

import pytest

from smshub.config import ConfigErrors, load, read
from smshub.connectors.log import LogSettings
from smshub.domain.message import MessageClass
from smshub.domain.retry import OnUncertain


def test_an_empty_file_gives_the_defaults(folder):
    """Every table has defaults, and the classes have each their own."""
    (folder / "smshub.toml").write_text("")

    config = load("smshub.toml")

    assert "127.0.0.1:8080" == config.server.listen
    assert "sqlite:///smshub.db" == config.server.database
    assert os.uname().nodename == config.server.node
    assert [300, 86_400, 86_400] == [config.classes.of(one).valid_for for one in MessageClass]
    assert [OnUncertain.RESEND, OnUncertain.RESEND, OnUncertain.HOLD] == [
        config.classes.of(one).on_uncertain for one in MessageClass
    ]


def test_a_class_that_sets_one_key_keeps_its_other_default(folder):
    """Bulk is held although only its validity is written."""
    config = read({"classes": {"bulk": {"valid_for": 60}}})

    assert (60, OnUncertain.HOLD) == (config.classes.bulk.valid_for, config.classes.bulk.on_uncertain)


def test_a_connector_is_read_by_its_type(folder):
    """The settings class of a table is that of its type."""
    config = read({"connectors": {"a": {"type": "log", "throughput": 5}}})

    assert isinstance(config.connectors["a"], LogSettings)
    assert 5 == config.connectors["a"].throughput


def test_names_in_a_route_take_their_place_as_priority(folder):
    """A bare name has its place in the list; a table may say otherwise."""
    connectors = {name: {"type": "log"} for name in "abc"}
    written = ["a", {"name": "b", "priority": 1, "weight": 3}, {"name": "c"}]

    config = read({"connectors": connectors, "routes": [{"prefixes": [""], "connectors": written}]})

    found = [(one.name, one.priority, one.weight) for one in config.routes[0].connectors]
    assert [("a", 1, 1), ("b", 1, 3), ("c", 3, 1)] == found


def test_unnamed_routes_are_called_by_what_they_serve(folder):
    """Names come from prefixes, accounts and classes, and are told apart by a number."""
    base = {"connectors": ["a"]}
    routes = [
        {"prefixes": ["49", "43"], **base},
        {"prefixes": [""], "classes": ["otp"], **base},
        {"prefixes": [""], **base},
        {"prefixes": [""], **base},
        {"prefixes": ["1"], "name": "america", **base},
    ]

    config = read({"connectors": {"a": {"type": "log"}}, "routes": routes})

    assert ["49-43", "default-otp", "default", "default-2", "america"] == list(config.named_routes)


def test_the_database_may_be_a_reference_and_hides_its_password(folder, monkeypatch):
    """What env: names is looked up; the password is in the value and in no repr."""
    monkeypatch.setenv("DB", "postgresql://me:hunter2@db/sms")

    config = read({"server": {"database": "env:DB"}})

    assert "postgresql://me:hunter2@db/sms" == config.server.database
    assert "hunter2" not in repr(config)
    assert "'postgresql://me:********@db/sms'" == repr(config.server.database)


FAULTS = [
    ("listen = 1", "", "server.listen: must be text in quotes. Address and port of the HTTP listener."),
    ('listen = "8080"', "", "server.listen: must be an address and a port, such as 127.0.0.1:8080"),
    ('listen = "h:99999"', "", "server.listen: must be an address and a port, such as 127.0.0.1:8080"),
    ('listen = "::1:80"', "", "server.listen: an IPv6 address goes in brackets, such as [::1]:8080"),
    ('lisen = "h:1"', "", "server.lisen: unknown key. Did you mean 'listen'?"),
    ('mount = "sms"', "", "server.mount: must be a path that begins with /, such as /sms"),
    ('proxy = "hunter2"', "", "server.proxy: must be a URL, such as http://127.0.0.1:3128"),
    ('database = "mysql://me:hunter2@h/n"', "", "server.database: must be sqlite:///FILE or postgresql://USER@HOST/NAME"),
    ("limits = { body = 1 }", "", "server.limits.body: must be greater than or equal to 1024. Largest request body, in bytes."),
    ('log_level = "loud"', "", "server.log_level: must be 'debug', 'info', 'warning' or 'error'. How much is logged."),
    ("", '[accounts.a]\nclas = "otp"', "accounts.a.clas: unknown key. Did you mean 'class'?"),
    ("", "[accounts.a]\npassword = 3", "accounts.a.password: must be text in quotes. Its password: env:NAME, file:PATH, or an argon2 or bcrypt hash."),
    ("", '[accounts.a]\ncountry = "Germany"', "accounts.a.country: must be the two letters of a country (ISO 3166), such as DE"),
    ("", '[accounts.a]\ndoors = ["nativ"]', "accounts.a.doors[0]: there is no interface 'nativ'. Did you mean 'native'?"),
    ("", '[accounts.a]\noriginator = "far too long a name"', "accounts.a.originator: a name has at most 11 characters (those of `^{}[]~|\\€` count twice)"),
    ("", '[accounts."a b"]\nrate = 0', 'accounts."a b".rate: must be greater than 0. Messages a second that it may hand in; without it there is no limit.'),
    ("", "[accounts]\na = 1", "accounts.a: must be a table"),
    ("", "[conectors.a]", "conectors: unknown key. Did you mean 'connectors'?"),
    ("", '[connectors.a]\ntype = "logg"', "connectors.a.type: there is no connector type 'logg'. Did you mean 'log'?"),
    ("", '[connectors.a]\ntype = "base"', "connectors.a.type: there is no connector type 'base'"),
    ("", '[connectors.a]\ntype = "no.such"', "connectors.a.type: 'no.such' cannot be loaded: No module named 'no'"),
    ("", '[connectors.a]\ntype = "log"\nthrouput = 1', "connectors.a.throuput: unknown key. Did you mean 'throughput'?"),
    ("", "[[routes]]\nconnectors = []", 'routes[0].prefixes: is missing. Write it: Beginnings of international numbers, digits only; "" is the default route.'),
    ("", '[[routes]]\nprefixes = ["+49"]\nconnectors = []', 'routes[0].prefixes[0]: must be digits only, such as "49", or "" for the default route'),
    ("", "[classes.opt]", "classes.opt: unknown key. Did you mean 'otp'?"),
]  # fmt: skip


@pytest.mark.parametrize(("server", "rest", "line"), FAULTS, ids=[line.partition(" ")[0] for _, _, line in FAULTS])
def test_a_wrong_value_is_told_with_its_place_and_mend(told, server, rest, line):
    """Each fault becomes the line beside it, with the number of the line in the file."""
    lines = told(f"[server]\n{server}\n{rest}\n")

    assert any(one.partition(": ")[2].startswith(line) for one in lines), lines
    assert not any("hunter2" in one for one in lines)


SYNTAX = [
    ("a = 1\nb = \n", "smshub.toml:2: is not TOML at column 5: Invalid value."),
    ("[a]\n[a]\n", "smshub.toml:2: is not TOML at column 3: Cannot declare ('a',) twice."),
    ('a = "', "smshub.toml: is not TOML at the end of the file: Unterminated string."),
    ("a = " + "[" * 100_000, "smshub.toml: is nested too deeply. Write it flatter."),
]


@pytest.mark.parametrize(("text", "line"), SYNTAX, ids=["value", "twice", "end", "deep"])
def test_what_is_not_toml_is_told_with_its_line(told, text, line):
    """A fault of the syntax names where it is."""
    assert [True] == [one.startswith(line) for one in told(text)]


def test_a_file_that_is_not_there_says_how_to_write_one(folder):
    """The mend is the command that writes an example."""
    with pytest.raises(ConfigErrors) as caught:
        load("none.toml")

    assert "none.toml: there is no such file. Write one: smshub config example > none.toml" == str(caught.value)


def test_bytes_that_are_not_utf8_are_told_with_their_line(folder):
    """Latin-1 is refused where it stands."""
    (folder / "smshub.toml").write_bytes(b"# one\n# gr\xfcn\n")

    with pytest.raises(ConfigErrors) as caught:
        load("smshub.toml")

    assert "smshub.toml:2: is not UTF-8. Save it as UTF-8." == str(caught.value)


def test_every_problem_is_told_in_the_order_of_the_file(told):
    """A wrong account hides neither a wrong route nor a wrong connector, and what is wrong itself is known by name."""
    lines = told(
        """\
[connectors.a]
type = "log"
colour = 1
[accounts.b]
group = "none"
clas = 2
[accounts.c]
group = "none"
[[routes]]
prefix = ["49"]
[[routes]]
prefixes = ["49"]
connectors = ["a", "zzz"]
accounts = ["b", "nobody"]
"""
    )

    assert [
        "smshub.toml:3: connectors.a.colour",
        "smshub.toml:6: accounts.b.clas",
        "smshub.toml:8: accounts.c.group",
        "smshub.toml:9: routes[0].prefixes",
        "smshub.toml:9: routes[0].connectors",
        "smshub.toml:10: routes[0].prefix",
        "smshub.toml:13: routes[1].connectors[1]",
        "smshub.toml:14: routes[1].accounts[1]",
    ] == [": ".join(line.split(": ")[:2]) for line in lines]


def test_a_name_with_control_characters_stays_on_its_line(told):
    """What a key says cannot begin a new line or colour the terminal."""
    lines = told('[accounts."a\\nb\\u001b[31m"]\nrate = 1\n')

    assert [
        'smshub.toml:1: accounts."a\\nb\\u001b[31m": cannot be a name. Use letters, digits and . _ @ -, at most 64.'
    ] == lines
