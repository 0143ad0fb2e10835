"""What to dial so that a phone's calls reach Ava."""

import re

import pytest

from telephony.forwarding import When, codes_for

FRENCH, ISRAELI, AMERICAN = "+33199004512", "+972555555598", "+19075550111"


def dialled(number: str, country: str, carrier: str, line: str = "") -> dict[str, tuple[str, str]]:
    found = [one for one in codes_for(number, country) if carrier in one.carriers and line in str(one.line)]
    return {rule.when: (rule.start.text, rule.stop.text) for rule in found[0].rules}


@pytest.mark.parametrize(
    ("country", "carrier"),
    [
        *(("FR", name) for name in ("Orange", "SFR", "Bouygues Telecom", "Free")),
        *(("IL", name) for name in ("Pelephone", "Cellcom", "Partner", "HOT Mobile")),
        *(("US", name) for name in ("AT&T", "T-Mobile")),
    ],
)
def test_mobile_networks_take_the_codes_of_gsm(country, carrier):
    assert dialled(FRENCH, country, carrier, "Mobile") == {
        When.NO_ANSWER: (f"**61*{FRENCH}#", "##61#"),
        When.BUSY: (f"**67*{FRENCH}#", "##67#"),
        When.UNREACHABLE: (f"**62*{FRENCH}#", "##62#"),
        When.ALL: (f"**21*{FRENCH}#", "##21#"),
    }


@pytest.mark.parametrize("carrier", ["Orange", "SFR", "Bouygues Telecom", "Free"])
def test_french_landlines_dial_the_number_as_at_home(carrier):
    codes = dialled(FRENCH, "FR", carrier, "Landline")
    assert codes[When.ALL] == ("*21*0199004512#", "#21#")
    assert codes[When.NO_ANSWER] == ("*61*0199004512#", "#61#")
    assert dialled(ISRAELI, "FR", carrier, "Landline")[When.ALL] == ("*21*00972555555598#", "#21#")


def test_bezeq_forwards_within_israel_only():
    assert dialled(ISRAELI, "IL", "Bezeq") == {When.ALL: ("*720555555598", "#72")}
    assert not any("Bezeq" in one.carriers for one in codes_for(FRENCH, "IL"))


def test_verizon_has_codes_of_its_own():
    assert dialled(AMERICAN, "US", "Verizon") == {
        When.NOT_TAKEN: ("*719075550111", "*73"),
        When.ALL: ("*729075550111", "*73"),
    }
    assert not any("Verizon" in one.carriers for one in codes_for(FRENCH, "US"))


def test_the_numbers_own_country_is_meant_when_none_is_said():
    assert codes_for(FRENCH) == codes_for(FRENCH, "FR")


@pytest.mark.parametrize("number", ["+4930123456", FRENCH, "+5"])
def test_elsewhere_the_standard_codes_are_shown(number):
    (only,) = codes_for(number, "DE")
    assert (only.carriers, only.is_standard) == ((), True)
    assert only.stop_all.text == "##002#"


@pytest.mark.parametrize("country", ["FR", "IL", "US", "DE", ""])
@pytest.mark.parametrize("number", [FRENCH, ISRAELI, AMERICAN])
def test_every_code_can_be_dialled_and_linked(number, country):
    for carrier in codes_for(number, country):
        for code in [code for rule in carrier.rules for code in (rule.start, rule.stop)]:
            assert re.fullmatch(r"[*#][*#0-9+]+", code.text)
            assert code.link == "tel:" + code.text.replace("#", "%23")
