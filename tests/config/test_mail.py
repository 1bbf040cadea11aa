"""Mail in a configuration: servers that are not there, routes by the wrong way, and what is told of them."""

import pytest

from smshub.config import load, merge, notes
from smshub.config.domain import accounts_of, routes_of

SMTP = '[smtp.office]\nhost = "smtp.example"\nsender = "hub@example.org"\n'
EMAIL = '[connectors.mail]\ntype = "email"\n'
ROUTE = '[[routes]]\nprefixes = ["@"]\nconnectors = ["mail"]\n'


def test_a_mail_server_that_is_not_declared_is_told_by_its_key(told):
    """With the nearest name, or how to declare it."""
    assert [
        ("smshub.toml:6: connectors.mail.servers: there is no mail server 'ofice'. Did you mean 'office'?")
    ] == told(SMTP + EMAIL + 'servers = ["ofice"]\n' + ROUTE)
    gateway = '[connectors.gw]\ntype = "smtp"\nMAILTO = "g@sms.example"\nSMTPIDENTIFIER = "other"\n'
    assert ["connectors.gw.server: there is no mail server 'other'. Declare it: [smtp.other]"] == [
        line.split(": ", 1)[1] for line in told(gateway)
    ]


def test_a_connector_without_any_server_is_told(told):
    """It would have nobody to hand mail to."""
    assert ["connectors.mail.servers: there is no mail server to send by. Declare one: [smtp.office]"] == [
        line.split(": ", 1)[1] for line in told(EMAIL + ROUTE)
    ]


@pytest.mark.parametrize(
    ("tables", "what"),
    [
        ('[connectors.c]\ntype = "http"\nurl = "http://127.0.0.1/"\n', "'c' does not reach mail addresses"),
        (SMTP + '[connectors.c]\ntype = "smtp"\nmailto = "a@b.example"\n', "'c' does not reach mail addresses"),
    ],
)
def test_mail_cannot_go_by_a_way_for_texts(told, tables, what):
    """The route's connector is at fault."""
    (line,) = told(tables + '[[routes]]\nprefixes = ["@example.org"]\nconnectors = ["c"]\n')

    assert f"routes[0].connectors[0]: {what}. Name one of type email." in line


def test_texts_cannot_go_by_mail(told):
    """The way out is a route of its own."""
    (line,) = told(SMTP + EMAIL + '[[routes]]\nprefixes = ["@", "49"]\nconnectors = ["mail"]\n')

    assert "'mail' reaches mail addresses only. Give mail a route of its own, with prefixes = [\"@\"]." in line


def test_what_takes_both_may_stand_in_both_routes(told):
    """A connector of type log, for trying out."""
    assert [] == told('[connectors.l]\ntype = "log"\n[[routes]]\nprefixes = ["@", ""]\nconnectors = ["l"]\n')


@pytest.mark.parametrize("prefix", ["@@", "@a b", "a@b", "@-x", "@exämple"])
def test_a_prefix_of_mail_is_a_domain(told, prefix):
    """Or the sign alone."""
    assert ["routes[0].prefixes[0]"] == [
        line.split(": ")[1]
        for line in told(f'[connectors.l]\ntype = "log"\n[[routes]]\nprefixes = ["{prefix}"]\nconnectors = ["l"]\n')
    ]


def test_a_domain_is_read_in_small_letters(folder):
    """As addresses are."""
    (folder / "hub.toml").write_text(SMTP + EMAIL + ROUTE.replace('"@"', '"@Example.ORG", "@"'))

    assert ("@example.org", "@") == routes_of(load(folder / "hub.toml"))[0].prefixes


def test_channels_and_subjects_belong_to_accounts_and_groups(folder, told):
    """An account's own come first; a subject is a line, a channel one of two."""
    (folder / "hub.toml").write_text(
        '[defaults]\nsubject = "All"\nchannels = ["sms"]\n[accounts.a]\nsubject = "Own"\n[accounts.b]\nchannels = []\n'
    )
    accounts = accounts_of(load(folder / "hub.toml"))

    assert ("Own", {"sms"}) == (accounts["a"].subject, accounts["a"].channels)
    assert ("All", set()) == (accounts["b"].subject, accounts["b"].channels)
    assert 3 == len(told('[accounts.a]\nsubject = "a\\nb"\nchannels = ["mail"]\n[accounts.b]\nsubject = " "\n'))


def test_mail_without_a_route_is_noted(folder):
    """A connector that nobody reaches is seldom meant."""
    (folder / "hub.toml").write_text(SMTP + EMAIL)

    assert 'routes: none has the prefix "@", so mail is refused' in notes(load(folder / "hub.toml"))


def test_a_changed_server_changes_its_connectors(folder):
    """What names it and what means all of them; others are as they were."""
    text = (
        SMTP + SMTP.replace("office", "backup") + EMAIL + EMAIL.replace("mail]", 'one]\nservers = ["backup"]') + ROUTE
    )
    text = text.replace('connectors = ["mail"]', 'connectors = ["mail", "one"]')
    merged = []
    for host in ("smtp.example", "other.example"):
        (folder / "hub.toml").write_text(text.replace("smtp.example", host, 1))
        merged.append(merge(load(folder / "hub.toml"), []).config.connectors)

    assert (False, True) == tuple(merged[0][name] == merged[1][name] for name in ("mail", "one"))
    assert ["other.example", "smtp.example"] == [server.host for _, server in merged[1]["mail"].resolved]


def test_a_connector_from_the_database_finds_its_servers_too(folder):
    """One that names a server that is not there is left out and told."""
    (folder / "hub.toml").write_text(SMTP)
    rows = [
        ("connectors", "mail", {"type": "email"}),
        ("connectors", "lost", {"type": "email", "servers": ["elsewhere"]}),
    ]

    merged = merge(load(folder / "hub.toml"), rows)

    assert ["office"] == [name for name, _ in merged.config.connectors["mail"].resolved]
    assert ["mail"] == list(merged.config.connectors)
    assert ["connectors.lost.servers"] == [".".join(map(str, problem.loc)) for problem in merged.problems]
