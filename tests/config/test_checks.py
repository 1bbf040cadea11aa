"""What no single table can see is told too."""

import pytest

from smshub.config import load, notes, read

ACCOUNT = '[accounts.a]\npassword = "{}"\n'


def test_a_secret_that_is_not_there_says_how_to_give_it(told):
    """An unset variable and a missing file are told by their place."""
    text = '[accounts.a]\npassword = "env:NOT_SET_HERE"\napi_keys = ["file:none.key"]\n'

    assert [
        (
            "smshub.toml:2: accounts.a.password: the environment variable NOT_SET_HERE is not set."
            " Set it: export NOT_SET_HERE=..."
        ),
        (
            "smshub.toml:3: accounts.a.api_keys[0]: the file none.key cannot be read (FileNotFoundError)."
            " Write the secret to it, then: chmod 600 none.key"
        ),
    ] == told(text)


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o660])
def test_a_secret_file_that_others_may_read_is_refused(folder, told, mode):
    """Only its owner may read a file with a secret."""
    (folder / "a.key").write_text("hunter2hunter2\n")
    (folder / "a.key").chmod(mode)

    assert [
        (
            f"smshub.toml:2: accounts.a.password: others may read the file a.key (mode {mode:04o})."
            " Close it: chmod 600 a.key"
        )
    ] == told(ACCOUNT.format("file:a.key"))


def test_a_secret_file_of_its_owner_only_is_taken(folder, told):
    """Mode 0600 is right."""
    (folder / "a.key").write_text("hunter2\n")
    (folder / "a.key").chmod(0o600)

    assert [] == told(ACCOUNT.format("file:a.key"))


def test_a_short_server_secret_is_refused(told):
    """256 bits are asked for."""
    assert ["smshub.toml:2: server.secret: is shorter than 256 bits. Make one: openssl rand -hex 32"] == told(
        '[server]\nsecret = "hunter2"\n'
    )
    assert [] == told(f'[server]\nsecret = "{"0f" * 32}"\n')


LISTENERS = [
    ("127.0.0.1:8443", "127.0.0.1:8443", True),
    ("127.0.0.1:8443", "0.0.0.0:8443", True),
    ("[::]:8443", "127.0.0.1:8443", True),
    ("127.0.0.1:8443", "127.0.0.2:8443", False),
    ("127.0.0.1:8080", "127.0.0.1:8443", False),
    ("127.0.0.1:0", "127.0.0.1:0", False),
]


@pytest.mark.parametrize(("plain", "tls", "overlaps"), LISTENERS)
def test_listeners_that_overlap_are_told(folder, told, plain, tls, overlaps):
    """The same port on the same or any address is one listener too many."""
    for name in ("a.crt", "a.key"):
        (folder / name).write_text("-----BEGIN NOTHING-----\n")
        (folder / name).chmod(0o600)
    lines = told(f'[server]\nlisten = "{plain}"\ntls = {{ listen = "{tls}", certificate = "a.crt", key = "a.key" }}\n')

    expected = f"smshub.toml:3: server.tls.listen: overlaps server.listen ({plain}). Give it a port of its own."
    assert ([expected] if overlaps else []) == lines


def test_tls_files_are_looked_at(folder, told):
    """A missing certificate, and a key that others may read."""
    (folder / "a.key").write_text("-----BEGIN NOTHING-----\n")
    (folder / "a.key").chmod(0o644)

    assert [
        "smshub.toml:3: server.tls.certificate: the file none.crt cannot be read (FileNotFoundError). Name a PEM file.",
        "smshub.toml:4: server.tls.key: others may read the file a.key (mode 0644). Close it: chmod 600 a.key",
    ] == told('[server.tls]\nlisten = "127.0.0.1:1"\ncertificate = "none.crt"\nkey = "a.key"\n')


def test_two_accounts_cannot_share_a_username_or_a_key(told):
    """The key itself is in no line."""
    lines = told(
        '[accounts.a]\napi_keys = ["hunter2-hunter2"]\n[accounts.b]\nusername = "a"\napi_keys = ["hunter2-hunter2"]\n'
    )

    assert [
        "smshub.toml:4: accounts.b.username: accounts.a has the same username. Give each its own.",
        "smshub.toml:5: accounts.b.api_keys[0]: accounts.a has the same key. Give each its own.",
    ] == lines


def test_a_route_names_what_is_there(told):
    """Empty lists, unknown connectors, one named twice."""
    lines = told(
        '[connectors.log]\ntype = "log"\n'
        '[[routes]]\nname = "x"\nprefixes = []\nconnectors = []\n'
        '[[routes]]\nname = "x"\nprefixes = [""]\nconnectors = ["lag", "log", "log"]\n'
    )

    assert [
        'smshub.toml:5: routes[0].prefixes: is empty. Write [""] for the default route.',
        "smshub.toml:6: routes[0].connectors: is empty. Name a connector.",
        "smshub.toml:8: routes[1].name: routes[0] has the same name. Give each its own.",
        "smshub.toml:10: routes[1].connectors[0]: there is no connector 'lag'. Did you mean 'log'?",
        "smshub.toml:10: routes[1].connectors[2]: 'log' is named twice. Name it once.",
    ] == lines


def test_error_texts_are_checked_against_the_catalogue(told):
    """Names, placeholders and braces; a placeholder cannot reach into what it is filled with."""
    lines = told(
        '[errors]\nNoRout = "x"\nNoRoute = "{valu}"\nBlocked = "{value.__class__}"\nLimited = "{seconds!r}"\n'
        'EmptyText = "{"\nForbidden = "{x}"\nBadClass = "{value} {{ok}}"\n'
    )

    assert [
        "errors.NoRout: there is no error of that name. Did you mean 'NoRoute'?",
        "errors.NoRoute: there is no placeholder {valu} here. It may use {value}.",
        "errors.Blocked: there is no placeholder {value.__class__} here. It may use {value}.",
        "errors.Limited: there is no placeholder {seconds!r} here. It may use {seconds}.",
        "errors.EmptyText: has a brace without its other half. Write {{ or }} for a brace.",
        "errors.Forbidden: there is no placeholder {x} here. It has none.",
    ] == [line.partition(": ")[2] for line in lines]


def test_a_folder_that_is_not_there_is_told(told):
    """A database needs its folder."""
    assert ["smshub.toml:2: server.database: there is no folder var/x. Make it: mkdir -p var/x"] == told(
        '[server]\ndatabase = "sqlite:///var/x/sms.db"\n'
    )


def test_what_works_but_is_seldom_meant_is_noted(folder):
    """An account without credentials, a connector without a route, numbers without a default."""
    config = read(
        {
            "accounts": {"a": {}},
            "connectors": {"b": {"type": "log"}, "c": {"type": "log"}},
            "routes": [{"prefixes": ["49"], "connectors": ["b"]}],
        }
    )

    assert [
        "accounts.a: has no password, key or certificate, so nobody can sign in as it",
        'routes: none has the prefix "", so numbers outside the others are refused',
        "connectors.c: no route names it",
    ] == notes(config)


def test_a_sound_file_has_no_notes(folder, sound):
    """The smallest configuration that works says nothing."""
    (folder / "smshub.toml").write_text(sound)

    assert [] == notes(load("smshub.toml"))
