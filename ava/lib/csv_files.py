"""Cells that spreadsheets show as they are."""

from typing import Any

_FORMULA_STARTS = tuple("=+-@\t\r\n＝＋－＠")


def cell(value: Any) -> str:
    """As text that no spreadsheet takes for a formula; phone numbers stay as they are.

    https://owasp.org/www-community/attacks/CSV_Injection
    """
    text = "" if value is None else str(value)
    is_number = text.startswith("+") and text[1:].isdecimal()
    return f"'{text}" if text.startswith(_FORMULA_STARTS) and not is_number else text
