"""Forms that are made of settings classes: what a browser sends back of one reads as what it was made of."""

from collections import defaultdict
from html.parser import HTMLParser

import pytest

from smshub.config.changes import body_of, keep_secrets, read_object, shown
from smshub.config.problems import ConfigErrors, table_of
from smshub.config.reading import connector_types
from smshub.config.tables import AccountSettings, RouteSettings
from smshub.config.text import default_of
from smshub.connectors.base import connector_class
from smshub.console import assets
from smshub.console.fields import Kind, Plan, fields_of
from smshub.console.nouns import connector_table, without_missing
from smshub.console.posted import posted, problems_by_key
from smshub.console.rendering import Templates
from smshub.console.visiting import Form

FIELDS = '{% import "object_fields.html" as fields with context %}{{ fields.every(shown, problems) }}'
EVIL = "\"'><script>alert(1)</script>"
CODE = "script"  # a type of connector whose settings name code

# What each type needs at least, and some of what is odd about it.
CONNECTORS = {
    "aql": {"username": "u", "password": "env:P"},
    "clickatell": {"api": "one", "api_key": "env:K"},
    "email": {"servers": ["office"]},
    "http": {
        "url": "https://user:word@sms.example/send",
        "options": {"to": "{phone}", "text": "{otp}", "count": 5, "deep": {"a": [1, True, None]}, "a=b": "c", " x": ""},
        "headers": {"X-Api-Key": "literal", "X-Version": "1"},
        "reasons": {"code=(105|106)": "INVALID_RECIPIENT"},
        "success_status": [200, 299],
    },
    "log": {},
    "modem": {"ports": ["/dev/ttyUSB0"], "pins": {"/dev/ttyUSB0": "1234"}, "baud": 9600},
    "mpulse": {"url": "https://sms.example/", "options": {"m": "{text}", "n": "{phone}"}, "success_pattern": "ok"},
    "ovh": {
        "service_name": "sms-ab1-1", "application_key": "k", "application_secret": "env:S", "consumer_key": "file:c",
    },
    "ovh_http2sms": {"account": "sms-ab1-1", "login": "l", "password": "env:P"},
    "sipgate": {"username": "u", "password": "literal"},
    "smpp": {
        "host": "smsc.example", "password": "literal", "source_ton": "0x05", "long_texts": "udh16",
        "reasons": {"0x400": "TEMPORARY", "88": "THROTTLED"}, "receipts": False, "tls_ca": "/etc/ca.pem",
    },
    "smtp": {"server": "office", "mailto": "{phone}@sms.example", "body": "one\n\ntwo = {otp}"},
    "twilio": {"account_sid": "AC" + "0" * 32, "auth_token": "env:T", "number": "+15005550006"},
    "vonage": {"api_key": "k", "api_secret": "env:S", "sender": "ACME"},
}  # fmt: skip
ROUTE = {
    "prefixes": ["", "49", "@example.org"],
    "connectors": ["a", {"name": "b", "priority": 1, "weight": 3}],
    "accounts": ["shop", "gone"],
    "classes": ["otp", "bulk"],
}
ACCOUNT = {
    "username": "shop-1",
    "password": "literal-of-some-letters",
    "api_keys": ["sha256:" + "0" * 64, "literal"],
    "class": "otp",
    "flash": False,
    "ussd": True,
    "role": "operator",
    "doors": ["native", "otppi"],
    "originators": ["ACME", "+4930123456"],
    "rate": 2.5,
    "otp": {"length": 8, "templates": {"de": "Ihr Code: {code}", "en": "One\nTwo {code}"}, "custom_code": False},
}
ROUTE_PLAN = Plan(
    skip=frozenset({"name"}),
    options={"connectors": ("a", "b"), "accounts": ("shop",)},
    words={"prefixes": ("", "default")},
)
ACCOUNT_PLAN = Plan(skip=frozenset({"api_keys"}), options={"doors": ("native", "otppi"), "group": ("hospital",)})


class Browser(HTMLParser):
    """Takes of a page what a browser would send of its form, without changing anything."""

    def __init__(self):
        super().__init__()
        self.fields = defaultdict(list)
        self.tags = set()
        self._select = self._area = None
        self._option = None

    def handle_starttag(self, tag, attrs):
        """Take the value of a control."""
        given = dict(attrs)
        self.tags.add(tag)
        if tag == "input" and (given.get("type") != "checkbox" or "checked" in given):
            self.fields[given["name"]].append(given.get("value", ""))
        elif tag == "select":
            self._select, self.fields[given["name"]] = given["name"], [*self.fields[given["name"]], ""]
        elif tag == "option" and "selected" in given:
            self._option = given.get("value", "")
            if "value" in given:
                self.fields[self._select][-1] = given["value"]
        elif tag == "textarea":
            self._area = given["name"]
            self.fields[self._area].append("")

    def handle_endtag(self, tag):
        """End the value of one."""
        if tag == "textarea":
            name, self._area = self._area, None
            # A line's end directly behind the tag is none of the value (HTML §13.2.6.4.7).
            self.fields[name][-1] = self.fields[name][-1].removeprefix("\n")
        if tag == "option":
            self._option = None

    def handle_data(self, data):
        """Take the text of an area or of a chosen option."""
        if self._area is not None:
            self.fields[self._area][-1] += data
        elif self._option == "":
            self.fields[self._select][-1] = data


@pytest.fixture(scope="module")
def render():
    """Give what makes the fields of a form, with `problems` at them."""
    template = Templates("/console", assets.load())._environment.from_string(FIELDS)
    return lambda shown, problems=None: template.render(shown=shown, problems=problems or {}, csrf="token")


def sent_back(page):
    """Tell what a browser sends of a page."""
    browser = Browser()
    browser.feed(page)
    return Form({name: tuple(values) for name, values in browser.fields.items()})


def reads(body):
    """Tell whether a connector's settings can work."""
    try:
        read_object("connectors", "x", body)
    except ConfigErrors:
        return False
    return True


def values(settings):
    """Tell every value of settings, secrets and all."""
    return {name: getattr(settings, name) for name in type(settings).model_fields}


def round_trip(render, kind, body, plan):
    """Show settings in a form, send it back, and read what comes as the hub would."""
    settings = read_object(kind, "x", body)
    table = type(settings)
    before = shown(settings)
    read = posted(table, sent_back(render(fields_of(table, before, plan))), before, plan)
    assert {} == read.problems
    back = {**({"type": body["type"]} if "type" in body else {}), **read.body}
    return settings, read_object(kind, "x", keep_secrets(back, body_of(settings)))


def test_every_type_that_can_be_made_here_has_its_sample():
    """A new type of connector gets a sample above, or runs code and stands in the file."""
    made = {kind for kind in connector_types() if connector_table(kind) is not None}

    assert made == CONNECTORS.keys()
    assert {"custom", "script"} == set(connector_types()) - made


@pytest.mark.parametrize("kind", CONNECTORS)
def test_a_connectors_form_sends_back_what_it_shows(render, kind):
    """Lists, tables, odd names, references and masked secrets come back as they were."""
    before, after = round_trip(render, "connectors", {"type": kind, **CONNECTORS[kind]}, Plan())

    assert values(before) == values(after)


@pytest.mark.parametrize("kind", CONNECTORS)
def test_every_setting_of_a_connector_can_be_set_in_its_form(render, kind):
    """Each setting in turn, with its example, its default and whatever else it takes, comes back as it was."""
    least = {"type": kind, **CONNECTORS[kind]}
    tried = set()
    for name, info in connector_class(kind).settings_class.model_fields.items():
        usual = default_of(info)
        own = [not usual] if isinstance(usual, bool) else [usual]
        key = info.alias or name
        for value in ("env:X", 1.5, 1, *own, *(info.examples or ())):
            if name == "type" or value is None or not reads({**least, key: value}):
                continue  # what goes with the others of the sample no more
            before, after = round_trip(render, "connectors", {**least, key: value}, Plan())
            assert (name, value, values(before)) == (name, value, values(after))
            tried.add(name)

    assert len(connector_class(kind).settings_class.model_fields) - len(tried) <= 6


@pytest.mark.parametrize("kind", CONNECTORS)
def test_an_empty_form_asks_for_nothing_but_the_defaults(render, kind):
    """What nobody has filled in is not set, so that defaults may become better ones."""
    table = connector_table(kind)

    read = posted(table, sent_back(render(fields_of(table, {}, Plan()))), {}, Plan())

    assert ({}, {}) == (read.body, read.problems)


def test_a_routes_form_sends_back_what_it_shows(render):
    """The default route's prefix, connectors with their weights, and an account that is gone come back."""
    before, after = round_trip(render, "routes", ROUTE, ROUTE_PLAN)

    assert values(before) == {**values(after), "name": "x"}


def test_an_accounts_form_sends_back_what_it_shows(render):
    """A no that is written down stays one, keys are kept, and the policy of its codes is a table of its own."""
    before, after = round_trip(render, "accounts", ACCOUNT, ACCOUNT_PLAN)

    assert values(before) == values(after)
    assert body_of(before) == body_of(after)


def test_every_field_says_what_it_is_for(render):
    """Each setting is there once, with its sentence, its label and a place for what is wrong with it."""
    for table, plan in (
        *((connector_table(kind), Plan()) for kind in CONNECTORS),
        (RouteSettings, ROUTE_PLAN),
        (AccountSettings, ACCOUNT_PLAN),
    ):
        made = fields_of(table, {}, plan)
        page = render(made)
        assert all(one.sentence for one in made)
        assert len({one.key for one in made}) == len(made)
        assert all(1 == page.count(f'id="{one.id}-error"') for one in made)
        assert all(one.kind in {Kind.CHOICES, Kind.WAYS} or f'<label for="{one.id}">' in page for one in made)
        assert table_of(table) is table


def test_the_input_is_of_the_right_kind():
    """Numbers, boxes, choices, secrets, lists and tables each have theirs."""
    kinds = {one.key: one.kind for one in fields_of(connector_table("smpp"), {}, Plan())}
    account = {one.key: one.kind for one in fields_of(AccountSettings, {}, ACCOUNT_PLAN)}

    assert {
        "host": "text", "port": "number", "password": "secret", "mode": "choice", "tls": "tick", "reasons": "pairs",
        "source_ton": "text", "throughput": "number", "debug": "choice",
    }.items() <= kinds.items()  # fmt: skip
    # What an account leaves open is its group's, so that a box would say too much.
    assert {
        "flash": "choice", "doors": "choices", "group": "choice", "originators": "lines", "otp.templates": "pairs",
        "otp.length": "number", "class": "choice",
    }.items() <= account.items()  # fmt: skip
    assert "api_keys" not in account


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("connectors", {"type": "http", "url": EVIL, "options": {EVIL: EVIL}, "username": EVIL, "method": EVIL}),
        ("routes", {"prefixes": [EVIL], "connectors": [{"name": EVIL, "priority": EVIL}], "accounts": [EVIL]}),
        ("accounts", {"username": EVIL, "role": EVIL, "originators": [EVIL], "otp": {"templates": {EVIL: EVIL}}}),
    ],
)
def test_what_is_written_into_a_form_stays_text(render, kind, body):
    """Markup in names, values and complaints is shown as it was written, and makes no tag."""
    table = {"connectors": connector_table("http"), "routes": RouteSettings, "accounts": AccountSettings}[kind]
    plan = {"routes": ROUTE_PLAN, "accounts": ACCOUNT_PLAN}.get(kind, Plan())
    with pytest.raises(ConfigErrors) as raised:
        read_object(kind, EVIL, body)
    problems = problems_by_key(raised.value.problems, table)

    page = render(fields_of(table, body, plan), {**problems, "url": EVIL, "username": EVIL})

    browser = Browser()
    browser.feed(page)
    assert "script" not in browser.tags
    assert "&lt;script&gt;" in page


def test_each_complaint_is_told_at_its_field():
    """By the key that the field has, also within tables and lists; what is between fields is told above them."""
    body = {
        "type": "smpp", "host": "", "port": "many", "mode": "sideways", "reasons": {"1": "NONSENSE"}, "hots": "x",
    }  # fmt: skip
    with pytest.raises(ConfigErrors) as raised:
        read_object("connectors", "x", body)

    told = problems_by_key(raised.value.problems, connector_table("smpp"))

    assert {"host", "port", "mode", "reasons", ""} == told.keys()
    assert "hots: Unknown key. Did you mean 'host'?" == told[""]
    with pytest.raises(ConfigErrors) as raised:
        read_object("accounts", "x", {"otp": {"length": 99}, "rate": 0})
    assert {"otp.length", "rate"} == problems_by_key(raised.value.problems, AccountSettings).keys()


def test_what_is_not_filled_in_yet_is_not_told_while_one_types():
    """It is told when the form is sent; what is wrong already is told at once."""
    with pytest.raises(ConfigErrors) as raised:
        read_object("connectors", "x", {"type": "ovh", "service_name": "", "timeout": -1})
    problems = problems_by_key(raised.value.problems, connector_table("ovh"))

    assert {"application_key", "application_secret", "consumer_key"} <= problems.keys()
    assert not {"application_key", "application_secret", "consumer_key"} & without_missing(problems).keys()
    assert "timeout" in without_missing(problems)


@pytest.mark.parametrize(
    ("written", "why"),
    [
        ("no sign", "has no ="),
        ("= value", "no name"),
        ("a = 1\na = 2", "twice"),
        ("a := {", "not JSON"),
        ('"a', "quotation mark"),
        ('"a" 5', "no = behind it"),
    ],
)
def test_lines_that_are_no_pairs_are_told(written, why):
    """A line that cannot be read is told at its field, and nothing is guessed."""
    read = posted(connector_table("http"), Form({"set-options": (written,)}), {}, Plan())

    assert why in read.problems["options"]


def test_code_is_declared_in_the_file_only():
    """There is no form of a type whose settings run code, nor of a module that somebody names."""
    assert None is connector_table(CODE)
    assert None is connector_table("os.path")
    assert None is connector_table("")
