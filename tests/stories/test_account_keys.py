"""API keys of accounts, made and changed from the command line of a running hub."""

import pytest


@pytest.fixture(scope="module")
def desk(make_shared_hub, words):
    """A hub that writes texts to a file, and the command line as its administrator."""
    hub = make_shared_hub(words.accounts + '[connectors.log]\ntype = "log"\nfile = "sent"\n' + words.route("log"))
    (hub.folder / "admin").write_text("admin-password\n")
    (hub.folder / "admin").chmod(0o600)

    def run(*words):
        return hub.run(*words, "--username", "admin", "--password-file", "admin")

    return hub, run


def enters(hub, key, source):
    """Send with a key at the SMSHub door; give the HTTP status."""
    call = {"jsonrpc": "2.0", "method": "smshubSend", "params": {"mobile": "+491701234567", "text": "Hi"}, "id": 1}
    headers = {"WA-API-Key": key.strip()}
    return hub.call("POST", "/smshub/", call, user=None, headers=headers, source=source).status


def test_a_key_is_shown_once_and_kept_as_its_digest(desk):
    """An account that is made with nothing to prove it gets a key; the hub cannot tell it any more."""
    hub, run = desk

    made = run("account", "add", "till")

    assert (0, 1) == (made.returncode, len(made.stdout.splitlines()))
    assert "not shown again" in made.stderr
    assert 200 == enters(hub, made.stdout, "127.0.7.1")
    listed = run("account", "list")
    assert "sha256:" in listed.stdout
    for place in (
        listed.stdout.encode(),
        hub.log.encode(),
        *(file.read_bytes() for file in hub.folder.glob("hub.db*")),
    ):
        assert made.stdout.strip().encode() not in place


def test_a_key_is_changed_without_a_pause(desk):
    """The new one and the newest before it count, older ones do not; --only ends all but the new one."""
    hub, run = desk
    first = run("account", "add", "kiosk", "originator=KIOSK").stdout
    second = run("account", "rotate-key", "kiosk").stdout
    assert [200, 200] == [enters(hub, key, "127.0.7.2") for key in (first, second)]

    third = run("account", "rotate-key", "kiosk").stdout
    assert [200, 200, 401] == [enters(hub, key, "127.0.7.3") for key in (third, second, first)]

    last = run("account", "rotate-key", "kiosk", "--only").stdout
    assert [200, 401, 401] == [enters(hub, key, "127.0.7.4") for key in (last, third, second)]
    assert "originator=KIOSK" in run("account", "list").stdout


def test_a_key_in_clear_lives_on_beside_the_new_one(desk):
    """A key that was written by hand is masked in the list, and is neither lost nor overwritten by the mask."""
    hub, run = desk
    assert 0 == run("account", "add", "hand", 'api_keys=["written-by-hand-and-long"]').returncode

    new = run("account", "rotate-key", "hand").stdout

    assert [200, 200] == [enters(hub, key, "127.0.7.5") for key in ("written-by-hand-and-long", new)]
    assert 0 == run("account", "rotate-key", "hand").returncode
    assert 401 == enters(hub, "written-by-hand-and-long", "127.0.7.5")


def test_an_account_is_disabled_and_enabled(desk):
    """Its key and its password count no more, and then they do again, the password not lost by its mask."""
    hub, run = desk
    assert 0 == run("account", "add", "guest", "password=guest-password").returncode
    for command, status in [("disable", 401), ("enable", 200)]:
        assert 0 == run("account", command, "guest").returncode
        source = f"127.0.7.{status % 90}"
        assert status == hub.call("GET", "/v1/messages", user="guest:guest-password", source=source).status


def test_what_the_file_declares_is_changed_there(desk):
    """One line says so; an account that is not there is told likewise."""
    _, run = desk
    for command in ("disable", "rotate-key"):
        said = run("account", command, "shop")
        assert (1, "") == (said.returncode, said.stdout)
        assert "declared in the configuration file" in said.stderr
    assert "there is no account nobody" in run("account", "disable", "nobody").stderr


@pytest.mark.parametrize("via", ["soap", "jsonrpc"])
def test_the_door_is_tried_with_a_key(desk, via):
    """`send --via` hands a text in by the door with the key alone; what the account may not override is told."""
    hub, run = desk
    key = run("account", "add", f"by-{via}").stdout
    (hub.folder / "key").write_text(key)
    (hub.folder / "key").chmod(0o600)
    words = ("send", "--via", via, "--to", "+491701234567", "--text", f"by {via}", "--api-key-file", "key")

    sent, refused = hub.run(*words, "--flash"), hub.run(*words, "--class", "otp")

    assert (0, "- +491701234567 accepted\n") == (sent.returncode, sent.stdout)
    assert (1, "smshub: This account may not override the setting Class.\n") == (refused.returncode, refused.stderr)
