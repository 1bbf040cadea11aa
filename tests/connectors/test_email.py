"""The ways out by mail: what stands in a mail to a reader, and in one to a gateway that makes a text of it."""

import pytest
from pydantic import ValidationError

from smshub.connectors.base import connector_class
from smshub.connectors.email import EmailSettings, page, read_template
from smshub.connectors.mail import SmtpServer
from smshub.connectors.smtp import Connector, SmtpSettings, filled
from smshub.domain.delivery import Accepted, Reason, Rejected
from smshub.simulators.smtp import SmtpSimulator

READER = "reader@shop.example"


@pytest.fixture
async def mailbox():
    """Run a simulated mail server and give it with its settings."""
    simulator = SmtpSimulator()
    port = await simulator.start()
    values = {"host": "127.0.0.1", "port": port, "security": "none", "sender": "hub@example.org", "timeout": 5}
    simulator.settings = SmtpServer.model_validate(values)
    yield simulator
    await simulator.stop()


async def sent(mailbox, message, settings):
    """Send a message by a connector of these settings; give the outcome and the mails."""
    connector = connector_class(settings.type)("out", settings.resolve({"office": mailbox.settings}))
    await connector.open()
    outcome = await connector.send(message)
    await connector.close()
    return outcome, mailbox.mails


async def test_a_mail_has_the_messages_subject_sender_and_id(mailbox, message):
    """And plain text alone."""
    settings = EmailSettings(type="email", reply_to="office@example.org")

    outcome, (mail,) = await sent(mailbox, message("Hello", to=READER, subject="Subject"), settings)

    assert Accepted(detail="office") == outcome
    assert (("reader@shop.example",), "hub@example.org") == (mail.readers, mail.sender)
    wanted = ("Subject", "ACME <hub@example.org>", "office@example.org", "<01HZX@example.org>", "text/plain")
    names = ("Subject", "From", "Reply-To", "Message-ID")
    assert wanted == (*(str(mail.message[name]) for name in names), mail.message.get_content_type())


@pytest.mark.parametrize(("name", "shown"), [(None, "ACME"), ("The Shop", "The Shop"), ("", "")])
async def test_the_operator_may_name_the_sender(mailbox, message, name, shown):
    """Otherwise it is the message's own; an empty name is none."""
    _, (mail,) = await sent(mailbox, message(to=READER, subject="S"), EmailSettings(type="email", sender_name=name))

    assert shown == mail.message["From"].addresses[0].display_name


async def test_a_page_shows_a_text_as_text(mailbox, message, tmp_path):
    """What looks like markup, or like a tag of the page, is shown as it was written."""
    template = tmp_path / "mail.html"
    template.write_text("<title>{subject}</title><p>{text}</p>{other}", encoding="utf-8")
    text = '<script>alert(1)</script>\n{subject} & "you"'

    _, (mail,) = await sent(
        mailbox, message(text, to=READER, subject="<S>"), EmailSettings(type="email", html_template=str(template))
    )

    assert (
        "<title>&lt;S&gt;</title><p>&lt;script&gt;alert(1)&lt;/script&gt;<br>\n"
        "{subject} &amp; &quot;you&quot;</p>{other}"
    ) == mail.message.get_body(("html",)).get_content().replace("\r\n", "\n").rstrip("\n")
    assert text == mail.text.replace("\r\n", "\n").rstrip("\n")


def test_a_page_needs_a_place_for_the_text(tmp_path):
    """Else nobody would see it; the file is named."""
    path = tmp_path / "mail.html"
    path.write_text("<p>nothing</p>", encoding="utf-8")

    with pytest.raises(ValueError, match=r"no \{text\}"):
        read_template(str(path))
    assert [("html_template",)] == [problem[:1] for problem in settings_with(path).problems()]
    assert [("html_template",)] == [problem[:1] for problem in settings_with(tmp_path / "not there").problems()]
    path.write_text("{text}", encoding="utf-8")
    assert [] == list(settings_with(path).problems())
    assert "a<br>\nb" == page("{text}", "", "a\r\nb")


def settings_with(template):
    """Make settings with a page."""
    return EmailSettings(type="email", html_template=str(template))


async def test_numbers_and_addresses_are_not_mixed_up(mailbox, message):
    """Whatever routes say, neither goes out by the other's way."""
    outcomes = [
        (await sent(mailbox, message(), EmailSettings(type="email")))[0],
        (await sent(mailbox, message(to=READER), SmtpSettings(type="smtp", mailto="g@sms.example")))[0],
    ]

    assert [(Rejected, Reason.UNROUTABLE)] * 2 == [(type(one), one.reason) for one in outcomes]
    assert [] == mailbox.mails


async def test_a_gateway_gets_privacyideas_mail(mailbox, message):
    """Number as subject, text as body, where nothing else is said."""
    outcome, (mail,) = await sent(
        mailbox, message("Your code is 123456"), SmtpSettings(type="smtp", mailto="{phone}@sms.example")
    )

    assert Accepted(detail="office") == outcome
    assert (("491701234567@sms.example",), "491701234567", "Your code is 123456") == (
        mail.readers,
        mail.message["Subject"],
        mail.text.strip(),
    )


@pytest.mark.parametrize("identifier", ["SMTPIDENTIFIER", "SMTPIDENTIFIED", "smtpidentifier", "server", "IDENTIFIER"])
def test_privacyideas_names_are_taken(identifier):
    """In capitals and small, with the misspelling of its documentation."""
    table = {
        "type": "smtp",
        identifier: "office",
        "MAILTO": "g@sms.example",
        "SUBJECT": "to {phone}",
        "Body": "{otp}",
        "REGEXP": "/^49/0/",
    }

    settings = SmtpSettings.model_validate(table)

    assert ("office", "g@sms.example", "to {phone}", "{otp}", "/^49/0/") == (
        settings.server,
        settings.mailto,
        settings.subject,
        settings.body,
        settings.regexp,
    )
    assert [("server", "office")] == list(settings.named())


@pytest.mark.parametrize(
    "wrong",
    [
        {"SMTPIDENTIFIER": "a", "server": "b"},
        {"mailto": "a@b, c@d"},
        {"mailto": "{otp}@sms.example"},
        {"mailto": "{phone}"},
        {"subject": "a\nb"},
        {"regexp": "s/a/b/"},
        {"regexp": "/(/x/"},
        {"nothing": "x"},
    ],
)
def test_settings_that_cannot_work_are_refused(wrong):
    """Before anything is sent by them."""
    with pytest.raises(ValidationError):
        SmtpSettings.model_validate({"type": "smtp", "mailto": "g@sms.example", **wrong})


@pytest.mark.parametrize(
    ("settings", "subject", "text"),
    [
        ({"subject": "{otp}"}, "{phone} two lines", "{phone}\ntwo lines"),
        ({"body": "{0} {otp.x} {{phone}} {phone"}, "0170", "{0} {otp.x} {0170} {phone"),
        ({"body": "{from}: {text}"}, "0170", "ACME: {phone}\ntwo lines"),
    ],
)
async def test_tags_are_filled_in_once_and_literally(message, settings, subject, text):
    """A stray brace stays, a tag in a text stays, and a subject is one line."""
    table = {"type": "smtp", "mailto": "g@sms.example", "regexp": "/^49.*/0170/", **settings}
    mail = Connector("gw", SmtpSettings.model_validate(table)).mail(message("{phone}\ntwo lines"))

    assert (subject, text) == (mail.subject, mail.text)


def test_a_tag_that_is_not_given_stays():
    """It is no tag then."""
    assert "1 {otp}" == filled("{phone} {otp}", {"phone": "1"})


@pytest.mark.parametrize(
    ("phone_format", "subject"), [("digits", "491701234567"), ("plus", "+491701234567"), ("written", "0170 1234567")]
)
def test_a_number_is_written_as_the_gateway_wants_it(message, phone_format, subject):
    """In digits where nothing is said."""
    table = {"type": "smtp", "mailto": "g@sms.example", "phone_format": phone_format}
    mail = Connector("gw", SmtpSettings.model_validate(table)).mail(message(to_written="0170 1234567"))

    assert subject == mail.subject


def test_servers_are_those_named_or_all(mailbox):
    """In the order of the names; a change of a server's table is a change of the settings."""
    one, two = mailbox.settings, mailbox.settings.model_copy(update={"port": 1})
    settings = EmailSettings(type="email")

    assert ["a", "b"] == [name for name, _ in settings.resolve({"a": one, "b": two}).resolved]
    assert ["b"] == [
        name for name, _ in EmailSettings(type="email", servers=["b"]).resolve({"a": one, "b": two}).resolved
    ]
    assert settings.resolve({"a": one}) != settings.resolve({"a": two})
    assert settings.resolve({"a": one}) == settings.resolve({"a": one})
