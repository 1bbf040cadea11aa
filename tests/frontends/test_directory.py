"""Users of a real directory sign in with their own names and passwords, and nobody else does."""

import pytest

from smshub.config import ldap_account_of, read
from smshub.domain.accounts import Account
from smshub.domain.commands import Refusal, Refused
from smshub.domain.message import MessageClass
from smshub.frontends.auth import Gatekeeper, Login
from smshub.frontends.directory import Directory

pytestmark = [
    pytest.mark.needs("slapd"),
    # ldap3 uses names that pyasn1 is about to drop.
    pytest.mark.filterwarnings("ignore::DeprecationWarning:ldap3.*"),
]

HOSPITAL = "CN=Hospital, ou=groups,dc=example,dc=org"


class Entrance:
    """A gate with one account of the file and the users of a directory."""

    def __init__(self, slapd, **settings):
        table = {
            "url": slapd.url,
            "ca": slapd.ca,
            "base": "ou=people,dc=example,dc=org",
            "bind": {"dn": "cn=smshub,dc=example,dc=org", "password": "hub-password"},
            "groups": {HOSPITAL: "hospital"},
            "timeout": 2,
            **settings,
        }
        config = read(
            {
                "server": {"database": "sqlite:///:memory:"},
                "ldap": {key: value for key, value in table.items() if value is not None},
                "defaults": {"originator": "CITY"},
                "groups": {"hospital": {"class": "bulk", "originator": "CLINIC"}},
            }
        )
        self.slept = []
        shop = Login(Account(name="shop"), username="shop", password="file-password")
        self.gate = Gatekeeper([shop], sleep=self._sleep)
        self.directory = Directory(config.ldap, lambda name, groups: ldap_account_of(name, groups, config))
        self.gate.ask(self.directory, ["shop", "retired"])

    async def _sleep(self, seconds):
        self.slept.append(seconds)

    async def enter(self, username, password):
        """Sign in; give the account, or why not."""
        try:
            return await self.gate.authenticate(username, password, source="192.0.2.1")
        except Refused as refused:
            return refused.refusal, refused.error


@pytest.fixture
def make(slapd):
    """Make entrances; in the end all are closed."""
    made = []

    def make(**settings):
        made.append(Entrance(slapd, **settings))
        return made[-1]

    yield make
    for entrance in made:
        entrance.gate.close()


REFUSED = (Refusal.UNAUTHENTICATED, "AuthFailed")
DOWN = (Refusal.UNAVAILABLE, "DirectoryDown")


async def test_a_user_has_the_settings_of_its_group(make):
    """A member of a mapped group shares the settings of ours, however the DN is written; its own name is marked."""
    account = await make().enter("anna", "anna-password")

    assert ("ldap:anna", "CLINIC", MessageClass.BULK) == (account.name, account.originator, account.message_class)


async def test_a_user_of_no_group_has_the_defaults(make):
    """Who is in none has what all accounts have; the name is as the directory writes it."""
    account = await make().enter("CARL", "carl-password")

    assert ("ldap:carl", "CITY") == (account.name, account.originator)


async def test_only_members_are_let_in_where_that_is_asked(make):
    """With `only_groups` the right password of a user of no group is not enough."""
    entrance = make(only_groups=True)

    assert REFUSED == await entrance.enter("carl", "carl-password")
    assert "ldap:anna" == (await entrance.enter("anna", "anna-password")).name


async def test_ldaps_and_several_servers(make, slapd):
    """A server that is not there is passed over for the next one, which here is encrypted from the beginning."""
    entrance = make(url=["ldap://127.0.0.1:1", slapd.tls_url])

    assert "ldap:anna" == (await entrance.enter("anna", "anna-password")).name


WRONG = {
    "a wrong password": ("anna", "wrong"),
    "no object class": ("bert", "bert-password"),
    "nobody": ("dora", "dora-password"),
    "two entries of one name": ("twin", "twin-password"),
    "an empty password": ("anna", ""),
    "a space for a password": ("anna", " "),
    "a NUL for a password": ("anna", "\0"),
    "letters that no password has": ("anna", "\u0340\ue000"),
    "letters that are mapped to nothing": ("anna", "\u00ad\u200b"),
    "half a surrogate pair": ("anna", "\ud800"),
    "the same in a name": ("anna\ud800", "anna-password"),
    "an empty name": ("", "anna-password"),
    "any name": ("*", "anna-password"),
    "the beginning of a name": ("ann*", "anna-password"),
    "another filter": ("*)(uid=*", "anna-password"),
    "an open filter": (")(|(", "anna-password"),
    "an or": ("anna)(|(uid=*)", "anna-password"),
    "the object class escaped from": ("bert)(objectClass=*", "bert-password"),
    "an escaped NUL": ("\\00", "anna-password"),
    "a NUL": ("anna\0", "anna-password"),
    "an escaped star": ("\\2a", "anna-password"),
    "ten kilobytes": ("a" * 10_000, "anna-password"),
    "a DN": ("uid=anna,ou=people,dc=example,dc=org", "anna-password"),
    "ten kilobytes of DN": ("uid=anna," + "ou=x," * 2_000, "anna-password"),
    "a long password": ("anna", "x" * 100_000),
    "the name of an account of the file": ("shop", "ldap-shop-password"),
    "the same in capitals": ("SHOP", "ldap-shop-password"),
}


@pytest.mark.parametrize("what", WRONG)
async def test_what_is_wrong_is_refused(make, what):
    """Each is AuthFailed, as if there were no such user, and counts as a failure."""
    entrance = make()

    assert REFUSED == await entrance.enter(*WRONG[what])
    await entrance.enter(*WRONG[what])
    assert [0.25] == entrance.slept


async def test_a_name_with_letters_of_filters_is_a_name(make):
    """Stars and brackets are looked for as they are."""
    assert "ldap:a*b(c)" == (await make().enter("a*b(c)", "star-password")).name


async def test_the_files_accounts_come_first(make):
    """The name of an account of the file is that account's, and the directory is not asked."""
    assert Account(name="shop") == await make().enter("shop", "file-password")


NOT_ASKED = {
    "another authority": {"ca": "other"},
    "no authority that knows it": {"ca": None},
    "another name": {"url": "ldap://localhost:{port}"},
    "encrypted, another authority": {"url": "ldaps://127.0.0.1:{tls_port}", "ca": "other"},
    "in clear": {"starttls": False},
    "a wrong password of the hub": {"bind": {"dn": "cn=smshub,dc=example,dc=org", "password": "wrong"}},
    "a base that is not there": {"base": "ou=nowhere,dc=example,dc=org"},
}


@pytest.mark.parametrize("what", NOT_ASKED)
async def test_a_directory_that_cannot_be_asked_is_no_wrong_password(make, slapd, what):
    """Without trust, encryption or an answer, the hub cannot know: it says so, and slows nobody down for it."""
    settings = {
        key: value.format(port=slapd.port, tls_port=slapd.tls_port) if key == "url" else value
        for key, value in NOT_ASKED[what].items()
    }
    if settings.get("ca") == "other":
        settings["ca"] = slapd.other_ca
    entrance = make(**settings)

    assert DOWN == await entrance.enter("anna", "anna-password")
    assert DOWN == await entrance.enter("anna", "anna-password")
    assert [] == entrance.slept


async def test_what_was_verified_outlives_the_directory_for_a_minute(make, slapd):
    """With the directory down a user of a moment ago calls on; others learn that it is down; back, all is well."""
    entrance = make()
    await entrance.enter("anna", "anna-password")
    slapd.stop()
    try:
        assert "ldap:anna" == (await entrance.enter("anna", "anna-password")).name
        assert DOWN == await entrance.enter("carl", "carl-password")
    finally:
        slapd.start()

    assert "ldap:carl" == (await entrance.enter("carl", "carl-password")).name
