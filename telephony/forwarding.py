"""What to dial on a phone so that its calls reach Ava: forwarding codes by carrier. Pure data; nothing is dialled here.

Mobile networks share the codes of GSM (3GPP TS 22.030); landlines and Verizon have their own.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import quote

import phonenumbers
from django.db.models import TextChoices
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from ava.lib.phones import country_of


class When(TextChoices):
    """Which calls are forwarded."""

    NO_ANSWER = "no-answer", _("Calls you do not answer")
    BUSY = "busy", _("Calls while you are on the phone")
    UNREACHABLE = "unreachable", _("Calls while your phone is off or out of reach")
    NOT_TAKEN = "not-taken", _("Calls you do not answer, or while you are on the phone")
    ALL = "all", _("All calls, at once")


@dataclass(frozen=True)
class Code:
    """Something to dial."""

    text: str

    @property
    def link(self) -> str:
        """An address that opens the phone's keypad with it; a bare # would end the address."""
        return f"tel:{quote(self.text, safe='*+')}"


@dataclass(frozen=True)
class Rule:
    """Which calls, how to forward them, and how to stop."""

    when: When
    start: Code
    stop: Code


@dataclass(frozen=True)
class CarrierCodes:
    """What the lines of some carriers understand."""

    carriers: Sequence[str]
    line: str | Promise
    rules: Sequence[Rule]
    stop_all: Code | None = None
    is_standard: bool = True  # the standard's code, not one that the carrier itself documents for this

    @property
    def names(self) -> str:
        return ", ".join(self.carriers)


MOBILE, LANDLINE = _("Mobile"), _("Landline or box")
_GSM = ((When.NO_ANSWER, 61), (When.BUSY, 67), (When.UNREACHABLE, 62), (When.ALL, 21))


def codes_for(number: str, country: str = "") -> list[CarrierCodes]:
    """The codes that forward a phone of `country` (ISO; "" is the number's own) to `number` (E.164).

    A carrier whose lines cannot dial a number abroad is left out; an unknown country gets the standard codes of GSM.
    """
    country = country or country_of(number)
    if country == "FR":
        return [_gsm("Orange", "SFR", "Bouygues Telecom", "Free", number=number), _french_landline(number)]
    if country == "IL":
        mobile = _gsm("Pelephone", "Cellcom", "Partner", "HOT Mobile", number=number)
        return [mobile, *([_bezeq(number)] if country_of(number) == "IL" else [])]
    if country == "US":
        mobile = _gsm("AT&T", "T-Mobile", number=number)
        return [mobile, *([_verizon(number), _american_landline(number)] if _country_code(number) == 1 else [])]
    return [_gsm(number=number)]


def _gsm(*carriers: str, number: str) -> CarrierCodes:
    rules = [Rule(when, Code(f"**{code}*{number}#"), Code(f"##{code}#")) for when, code in _GSM]
    return CarrierCodes(carriers, MOBILE, rules, stop_all=Code("##002#"))


def _french_landline(number: str) -> CarrierCodes:
    """The codes that France Télécom's lines brought in and the operators' boxes kept."""
    target = _as_dialled(number, "FR", abroad="00")
    codes = ((When.NO_ANSWER, 61), (When.BUSY, 69), (When.ALL, 21))
    rules = [Rule(when, Code(f"*{code}*{target}#"), Code(f"#{code}#")) for when, code in codes]
    return CarrierCodes(("Orange", "SFR", "Bouygues Telecom", "Free"), LANDLINE, rules)


def _bezeq(number: str) -> CarrierCodes:
    """http://www.bezeq.co.il/internetandphone/phone/stars/72/ : to numbers in Israel."""
    rule = Rule(When.ALL, Code(f"*72{_as_dialled(number, 'IL')}"), Code("#72"))
    return CarrierCodes(("Bezeq",), LANDLINE, [rule], is_standard=False)


def _verizon(number: str) -> CarrierCodes:
    """Verizon's network never spoke GSM's codes."""
    target = _ten_digits(number)
    rules = [
        Rule(When.NOT_TAKEN, Code(f"*71{target}"), Code("*73")),
        Rule(When.ALL, Code(f"*72{target}"), Code("*73")),
    ]
    return CarrierCodes(("Verizon",), MOBILE, rules, is_standard=False)


def _american_landline(number: str) -> CarrierCodes:
    """The vertical service codes of the North American numbering plan."""
    target = _ten_digits(number)
    codes = ((When.NO_ANSWER, 92), (When.BUSY, 90), (When.ALL, 72))
    rules = [Rule(when, Code(f"*{code}{target}"), Code(f"*{code + 1}")) for when, code in codes]
    return CarrierCodes((), LANDLINE, rules)


def _as_dialled(number: str, country: str, *, abroad: str = "") -> str:
    """The digits that a landline of `country` dials for the number."""
    parsed = phonenumbers.parse(number, None)
    if phonenumbers.region_code_for_country_code(parsed.country_code or 0) != country:
        return f"{abroad}{number.lstrip('+')}"
    national = phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.NATIONAL)
    return "".join(character for character in national if character.isdigit())


def _ten_digits(number: str) -> str:
    return phonenumbers.national_significant_number(phonenumbers.parse(number, None))


def _country_code(number: str) -> int:
    try:
        return phonenumbers.parse(number, None).country_code or 0
    except phonenumbers.NumberParseException:
        return 0
