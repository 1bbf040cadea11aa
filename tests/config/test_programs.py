"""What a configuration says of programs, mail servers and browsers' origins, and what is told where it is wrong."""

import pytest

from smshub.config import notes, read
from smshub.config.values import web_origin

SMTP = '[smtp.office]\nhost = "127.0.0.1"\nsender = "hub@example.org"\n'


def test_a_program_has_both_halves(told, sound):
    """One without the other could never log in."""
    for there, missing in (("program_sid", "program_key"), ("program_key", "program_sid")):
        text = sound.replace("[connectors.log]", f'[accounts.other]\n{there} = "x"\n\n[connectors.log]')
        wanted = f"accounts.other.{missing}: is missing beside {there}. Write both or none."
        assert [True] == [wanted in line for line in told(text)]


def test_no_two_accounts_share_a_sid(told, sound):
    """The second is told of the first."""
    programs = "".join(f'[accounts.{name}]\nprogram_sid = "s"\nprogram_key = "k-{name}"\n' for name in ("one", "two"))

    lines = told(programs + sound)

    assert 1 == len(lines)
    assert "accounts.two.program_sid: accounts.one has the same program_sid" in lines[0]


def test_a_support_address_needs_a_mail_server(told, sound):
    """One that is there, by the name that is written."""
    account = '[accounts.web]\npassword = "x"\nsupport_email = "a@b.example"\n'

    assert "there is no mail server to send by" in told(account + sound)[0]
    assert [] == told(account + SMTP + sound)
    assert (
        "there is no mail server 'offise'. Did you mean 'office'?"
        in told(account + 'support_smtp = "offise"\n' + SMTP + sound)[0]
    )


@pytest.mark.parametrize("bad", ["a@b, c@d", "A <a@b.example>", "a", "a@b\\r\\nBcc: c@d"])
def test_a_mail_address_is_one_plain_address(told, sound, bad):
    """In the account and in the server."""
    account = f'[accounts.web]\npassword = "x"\nsupport_email = "{bad}"\n'

    assert "an address" in told(account + SMTP + sound)[0]
    assert "an address" in told(SMTP.replace("hub@example.org", bad) + sound)[0]


def test_a_mail_servers_credentials_are_whole_and_hidden(told, sound):
    """Both or none; signing in over a connection in clear is noted."""
    assert "smtp.office.password: is missing" in told(SMTP + 'username = "hub"\n' + sound)[0]
    config = read(
        {"smtp": {"a": {"host": "h", "sender": "a@b.c", "username": "u", "password": "p", "security": "none"}}}
    )
    assert "smtp.a: signs in over a connection that others can read" in notes(config)


@pytest.mark.parametrize(
    ("written", "origin"),
    [
        ("https://shop.example", "https://shop.example"),
        ("HTTPS://Shop.Example:443/", "https://shop.example"),
        ("http://localhost:3000", "http://localhost:3000"),
        ("http://[::1]:8080", "http://[::1]:8080"),
    ],
)
def test_an_origin_is_written_as_browsers_do(written, origin):
    """Without what is usual, in small letters; a browser's header is compared with it letter by letter."""
    assert origin == web_origin(written)


@pytest.mark.parametrize(
    "bad",
    ["*", "null", "shop.example", "https://shop.example/page", "https://*.example", "file:///x", "https://u:p@shop.example",
     "https://shop.example?x", "https://", "https://shop.example:x", "https://a b", ""],
)  # fmt: skip
def test_what_is_no_origin_is_refused(bad):
    """No wildcard, no path, no credentials."""
    with pytest.raises(ValueError, match="must be an origin"):
        web_origin(bad)
