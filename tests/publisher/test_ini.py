"""The INI file: what OTP-Publisher's says, what is told of one that is wrong, and that no secret is told with it."""

import pytest

from smshub.publisher import AsyncPublisher, ConfigError, ConfigWarning, Publisher, Settings
from smshub.publisher.ini import KEYS, read

# The sample of OTP-Publisher, shortened by its comments.
SAMPLE = """\
[GENERAL]
; You can select one of REST, REDIS, AMQP, MQTT or WS
method = MQTT
username = general
password = general-password
manage_otp = true
cache_max_age = 300
; Directory where OTP cache will be store.
cache_dir = otp
[REST]
url = http://127.0.0.1:8899/api/otp
username = rest
password = rest-password
[REDIS]
host = 127.0.0.1
port = 6379
username = kamshory
password = kamshory
topic = sms
callback_delay = 20
[AMQP]
host = 127.0.0.1
port = 5673
username = guest
password = guest
topic = sms
callback_delay = 50
[MQTT]
host = 127.0.0.1
port = 1884
username = user
password = pass
topic = codes
client_id = php
[WS]
host = 127.0.0.1
port = 9000
username = kamshory
password = kamshory
topic = sms
path = /ws/
"""


@pytest.fixture
def write(tmp_path):
    """Write a file that only its owner may read."""

    def make(text, mode=0o600):
        file = tmp_path / "publisher.ini"
        file.touch(mode=0o600)
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
        file.chmod(mode)
        return file

    return make


def test_the_sample_is_read(write, tmp_path):
    """The section of the method, the codes of GENERAL, and the delay of [AMQP] where there is no other."""
    settings, notes = read(write(SAMPLE))

    assert [] == notes
    assert ("MQTT", "127.0.0.1", 1884, "user", "pass") == (
        settings.method,
        settings.host,
        settings.port,
        settings.username,
        settings.password,
    )
    assert ("codes", "php", 50) == (settings.topic, settings.client_id, settings.callback_delay)
    assert (True, str(tmp_path / "otp"), 300.0) == (settings.manage_otp, settings.cache_dir, settings.cache_max_age)


@pytest.mark.parametrize(
    ("method", "expected"),
    [
        ("REST", {"url": "http://127.0.0.1:8899/api/otp", "username": "rest", "password": "rest-password"}),
        ("redis", {"method": "REDIS", "port": 6379, "mode": "pubsub", "callback_delay": 20}),
        ("AMQP", {"port": 5673, "vhost": "/", "callback_delay": 50}),
        ("WS", {"port": 9000, "path": "/ws/", "callback_delay": 50, "tls": False}),
    ],
)
def test_one_file_serves_every_method(write, method, expected):
    """The method may be another than the file's."""
    settings, _ = read(write(SAMPLE), method)

    assert expected == {key: getattr(settings, key) for key in expected}


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ("PORT = 1", {"port": 1}),
        ("tls = on", {"tls": True, "port": 5671}),
        ("ssl = yes", {"tls": True}),
        ("ssl = off", {"tls": False, "port": 5672}),
        ("password = a%b;c$d # e", {"password": "a%b;c$d # e"}),
        ("password = abc ; a comment", {"password": "abc"}),
        ('password = "a ;b" ; a comment', {"password": "a ;b"}),
        ("password = 'x'", {"password": "x"}),
        ("topic = ", {"topic": "sms"}),
        ("callback_topic = replies-*", {"callback_topic": "replies-"}),
        ("timeout = 2.5", {"timeout": 2.5}),
        ("# a comment\n; another", {}),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_values_are_read_as_php_reads_them(write, lines, expected):
    """Quotes, comments, switches in PHP's words, keys in any case; what is empty is as if it were not there."""
    settings, notes = read(write(f"[general]\nmethod = amqp\n[Amqp]\nhost = rabbit\n{lines}\n"))

    assert ([], "rabbit") == (notes, settings.host)
    assert expected == {key: getattr(settings, key) for key in expected}


def test_general_serves_a_section_without_its_own(write):
    """Credentials, deadline and callback topic; a section's own come first."""
    text = (
        "[GENERAL]\nmethod=REDIS\nusername=u\npassword=p\ntimeout=3\ncallback_topic=r-\n[REDIS]\nhost=h\nusername=own\n"
    )

    settings, _ = read(write(text))

    assert ("own", "p", 3.0, "r-") == (settings.username, settings.password, settings.timeout, settings.callback_topic)


def test_secrets_may_be_references(write, tmp_path, monkeypatch):
    """A variable, or a file beside this one; a file of references may be open to others."""
    monkeypatch.setenv("PUBLISHER_PASSWORD", "of the environment")
    (tmp_path / "shop.key").write_text("of the file, and it is long enough\nmore\n")
    text = (
        "[GENERAL]\nmethod=REST\nmanage_otp=1\ncache_dir=c\ncache_key=file:shop.key\n"
        "[REST]\nurl=http://h/\nusername=u\npassword=env:PUBLISHER_PASSWORD\n"
    )

    settings, notes = read(write(text, 0o644))

    assert [] == notes
    assert ("of the environment", "of the file, and it is long enough") == (settings.password, settings.cache_key)
    assert "environment" not in repr(settings)


REST = "[GENERAL]\nmethod=REST\n[REST]\nurl=http://h/api/otp\nusername=u\npassword=s3cret\n"
AMQP = "[GENERAL]\nmethod=AMQP\n[AMQP]\nhost=h\npassword=s3cret\n"
WRONG = {
    "": "[GENERAL] method is missing",
    "[GENERAL]\nmethod=SMS\n": "[GENERAL] method must be one of REST, REDIS, AMQP, MQTT, WS",
    "[GENERAL]\nmethod=AMQP\n": "the section [AMQP] is missing",
    "[GENERAL]\nmethod=AMQP\n[AMQP]\npassword=s3cret": "[AMQP] host is missing",
    "[GENERAL]\nmethod=REST\n[REST]\nusername=u": "[REST] url is missing",
    "[GENERAL]\nmethod=REST\n[REST]\nurl=http://h/": "[REST] username is missing",
    "password=s3cret\n[GENERAL]": "line 1: stands before any section",
    "[GENERAL]\ns3cret\n": "line 2: is neither a section nor KEY = VALUE",
    "[GENERAL]\nmethod=REST\nmethod=s3cret": "line 3: [GENERAL] has method twice",
    "[GENERAL]\nmethod=REST\n[GENERAL]": "line 3: there are two sections [GENERAL]",
    "[GENERAL]\nmethod=REST\n[REST]\npassword=a\n  s3cret": "[REST] password goes over more than one line",
    b"[GENERAL]\nmethod=\xffs3cret": "is not UTF-8",
    "[GENERAL]\n" + "#" * 70_000: "is larger than 65536 bytes",
    REST + "timeout=soon": "[REST] timeout must be a number of seconds",
    REST + "timeout=nan": "[REST] timeout must be from 0.1 to 600",
    REST.replace("http:", "ftp:"): "[REST] url must look like http://HOST:PORT/api/otp",
    REST.replace("h/api", "u:s3cret@h/api"): "[REST] url must hold no credentials; write username and password",
    REST + "[GENERAL ]\nmanage_otp=maybe": "[GENERAL] manage_otp must be true or false",
    REST.replace("REST\n", "REST\nmanage_otp=1\n", 1): "[GENERAL] cache_dir is missing, and manage_otp needs it",
    REST.replace("REST\n", "REST\ntimeout=x\n", 1): "[GENERAL] timeout must be a number of seconds",
    REST.replace("REST\n", "REST\ncache_key=short\n", 1): "[GENERAL] cache_key must have at least 32 characters",
    REST.replace("s3cret", "env:NO_SUCH_VARIABLE"): "[REST] password names the environment variable NO_SUCH_VARIABLE",
    REST.replace("s3cret", "file:nowhere"): "[REST] password names the file",
    AMQP + "port=x": "[AMQP] port must be a whole number",
    AMQP + "port=70000": "[AMQP] port must be from 1 to 65535",
    AMQP + "topic=a b": "[AMQP] topic must be 1 to 150 characters",
    AMQP + "callback_topic=replies-#": "[AMQP] callback_topic must be the beginning of topics for answers",
    AMQP + "callback_topic=sms": "[AMQP] callback_topic must be the beginning of topics for answers",
    AMQP + "ca=x": "[AMQP] ca is set and tls is not",
    AMQP.replace("host=h", "host=http://h"): "[AMQP] host must be a name or an address",
    AMQP.replace("AMQP", "REDIS") + "mode=queue": "[REDIS] mode must be one of pubsub, list, stream",
    AMQP.replace("AMQP", "MQTT") + "version=4": "[MQTT] version must be 3 or 5",
    AMQP.replace("AMQP", "WS") + "path=ws": "[WS] path must begin with /",
}


@pytest.mark.parametrize(("text", "told"), WRONG.items(), ids=WRONG.values())
def test_a_wrong_file_is_told_with_section_and_key(write, text, told):
    """One line that names the file, its place and the mend, and repeats no value."""
    file = write(text)

    with pytest.raises(ConfigError) as raised:
        read(file)

    assert f"{file}: {told}" in str(raised.value)
    assert "s3cret" not in str(raised.value)
    assert "s3cret" not in repr(raised.value.__context__)


def test_a_file_that_is_not_there_is_told(tmp_path):
    """Or a folder in its place."""
    for place, said in ((tmp_path / "none.ini", "No such file"), (tmp_path, "Is a directory")):
        with pytest.raises(ConfigError, match=said):
            read(place)


def test_what_is_not_known_is_passed_over_with_a_warning(write):
    """A key, a section, and that others may read the secrets; everything else counts."""
    file = write(AMQP + "prot=1\n[SMTP]\nx=1\n", 0o644)

    with pytest.warns(ConfigWarning) as warned:
        publisher = AsyncPublisher.from_ini(file)

    assert "h" == publisher.settings.host
    assert [
        f"{file}: the section [SMTP] is not known",
        f"{file}: [AMQP] prot is not known",
        f"{file}: holds secrets and others may read it; close it: chmod 600 {file}",
    ] == [str(one.message) for one in warned]
    assert {__file__} == {one.filename for one in warned}


def test_both_publishers_read_it(write):
    """The one that waits, and the one for asyncio."""
    file = write(SAMPLE)

    assert Publisher.from_ini(file, method="WS").settings == AsyncPublisher.from_ini(file, method="WS").settings


@pytest.mark.parametrize(
    ("keys", "told"),
    [
        ({"method": "AMQP"}, "host is missing"),
        ({"method": "AMQP", "host": "h", "port": "5672"}, "port must be of the type int"),
        ({"method": "AMQP", "host": "h", "tls": 1}, "tls must be of the type bool"),
        ({"method": "AMQP", "host": "h", "port": True}, "port must be of the type int"),
        ({"method": "AMQP", "host": None}, "host must be of the type str"),
        ({"method": "REST", "url": "http://h/", "username": "u", "email_command": "mail"}, "email_command must be one"),
    ],
)
def test_keywords_are_checked_as_well(keys, told):
    """A setting of the wrong type is told by its name."""
    with pytest.raises(ConfigError, match=told):
        Publisher(**keys)


def test_settings_and_keywords_are_not_mixed():
    """Either the one or the other."""
    with pytest.raises(TypeError):
        AsyncPublisher(Settings(method="WS", host="h"), port=1)


def test_a_key_of_a_section_is_a_field_of_the_settings():
    """Nothing can be written in the file that a program cannot say."""
    known = set().union(*KEYS.values()) - {"ssl"}

    assert set() == known - set(Settings.__dataclass_fields__)
