"""USSD codes and answers, in every form that modems have."""

import pytest

from smshub.protocols.gsm.ussd import BadCode, Told, check_code, packed, read_answer


@pytest.mark.parametrize("code", ["*100#", "1", "*100*1*491701234567#", "#31#"])
def test_codes_that_are_sent(code):
    """Digits, stars and hashes."""
    assert code == check_code(code)


@pytest.mark.parametrize(
    "code",
    ["", "*100#\r", '*100#",15\rATD1;', "a", "+49", "*" * 65, "**04*1111*2222*2222#", "**05*1*2*2#", "**03*330*1#"],
)
def test_codes_that_are_not(code):
    """Nothing that leaves the line, and nothing that changes the PIN of a SIM."""
    with pytest.raises(BadCode):
        check_code(code)


def test_a_code_as_packed_septets():
    """As Huawei's modems want it; seven spare bits are filled with a carriage return."""
    assert "AA180C3602" == packed("*100#")
    assert "31D98C56B3DD1A" == packed("1234567")


@pytest.mark.parametrize(
    ("value", "told", "content"),
    [
        ('0,"Balance 5 EUR",15', Told.DONE, "Balance 5 EUR"),
        ('1,"1) yes, 2) no",15', Told.REPLY, "1) yes, 2) no"),
        ('0,"00480069",72', Told.DONE, "Hi"),
        ('0,"00480069",17', Told.DONE, "Hi"),
        ('0,"0048006900210021",15', Told.DONE, "Hi!!"),
        ('0,"C8329BFD06",15', Told.DONE, "Hello"),
        ('0,"1234",15', Told.DONE, "1234"),
        ('0,"12345678",15', Told.DONE, "12345678"),
        ('0,"42"', Told.DONE, "42"),
        ("2", Told.ENDED, ""),
        ("4", Told.NOT_SUPPORTED, ""),
        ("5", Told.TIMEOUT, ""),
        ('0,"0",999999', Told.DONE, "0"),
    ],
)
def test_answers(value, told, content):
    """Plain, UCS-2, packed septets; a number stays a number."""
    answer = read_answer(value)

    assert (told, content) == (answer.told, answer.content)


@pytest.mark.parametrize("value", ["", "x", "9", '"a"', "-1"])
def test_what_is_no_answer(value):
    """It is passed over."""
    assert read_answer(value) is None
