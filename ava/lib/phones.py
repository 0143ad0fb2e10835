"""Phone numbers: E.164 inside, the reader's own format outside."""

import phonenumbers


def normalize(number: str) -> str:
    """`number` in E.164, or as it came (trimmed) when it cannot be one: hidden callers, SIP addresses."""
    number = number.strip()
    try:
        parsed = phonenumbers.parse(number, None)
    except phonenumbers.NumberParseException:
        return number
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)


def country_of(number: str) -> str:
    """The ISO code of the number's country, or "" when there is none."""
    try:
        return phonenumbers.region_code_for_number(phonenumbers.parse(number, None)) or ""
    except phonenumbers.NumberParseException:
        return ""


def is_e164(number: str) -> bool:
    """Whether it is a possible international number, written in E.164."""
    try:
        parsed = phonenumbers.parse(number, None)
    except phonenumbers.NumberParseException:
        return False
    return phonenumbers.is_possible_number(parsed) and normalize(number) == number


def readable(number: str, *, home_country: str = "") -> str:
    """As people write it: national at home, international from abroad."""
    try:
        parsed = phonenumbers.parse(number, None)
    except phonenumbers.NumberParseException:
        return number
    at_home = home_country and phonenumbers.region_code_for_number(parsed) == home_country
    style = phonenumbers.PhoneNumberFormat.NATIONAL if at_home else phonenumbers.PhoneNumberFormat.INTERNATIONAL
    return phonenumbers.format_number(parsed, style)
