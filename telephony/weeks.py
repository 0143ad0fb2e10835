"""A week's hours as one line of text: read as people write it, and written so that it can be read again."""

import re
from collections.abc import Iterable, Iterator

from django.core.exceptions import ValidationError
from django.utils.dates import WEEKDAYS_ABBR
from django.utils.text import capfirst
from django.utils.translation import gettext as _

from telephony.hours import DAYS, Weekly, clean_weekly, parse_time

LONGEST_TEXT = 300
_NAMES = (
    ("monday", "lundi", "שני"),
    ("tuesday", "mardi", "שלישי"),
    ("wednesday", "mercredi", "רביעי"),
    ("thursday", "jeudi", "חמישי"),
    ("friday", "vendredi", "שישי"),
    ("saturday", "samedi", "שבת"),
    ("sunday", "dimanche", "ראשון"),
)
_HEBREW_LETTERS = dict(zip("בגדהושא", DAYS, strict=True))
# Whatever is read becomes this: d0-d4 0900>1230 1400>1800 d5 closed
_PHRASES = {
    r"\b24\s*/\s*7\b": " d0-d6 0000>0000 ",
    r"\b24\s*h?\s*/\s*24\b": " 0000>0000 ",
    r"\b7\s*j?\s*/\s*7\b|\bevery\s*day\b|\bdaily\b|\btous les jours\b|כל יום": " d0-d6 ",
    r"\bweek-?ends?\b": " d5-d6 ",
    r"\bweek ?days\b": " d0-d4 ",
}
_WORDS = {
    **dict.fromkeys(("to", "through", "until", "till", "au", "à", "a", "עד"), "-"),
    **dict.fromkeys(("from", "and", "open", "du", "de", "le", "et", "ouvert", "h", "יום", "ימי"), " "),
    **dict.fromkeys(("closed", "fermé", "ferme", "סגור"), " closed "),
}
_TIME = r"\d{1,2}(?:[:.h]\d{2}|h)?(?:\s*[ap]\.?m\b\.?)?"
_SPAN = re.compile(rf"(?<![\d:.])(?P<opens>{_TIME})\s*(?:-|\bto\b|\buntil\b|à|עד)\s*(?P<closes>{_TIME})", re.ASCII)
_DAYS = r"(?P<days>(?:d\d(?:-d\d)? ?)+)"
_TIMES = r"(?P<times>(?:\d{4}>\d{4} ?)+|closed ?)"
_ORDERS = [re.compile(one, re.ASCII) for one in (_DAYS + _TIMES, _TIMES + _DAYS)]


def read_week(text: str) -> Weekly:
    """The week that a line says, as in Mon-Fri 9-12, 14-18; Sat 10-14. Days it does not name are closed.

    English, French and Hebrew; at most `LONGEST_TEXT` characters. Raises ValidationError, in words.
    """
    weekly: Weekly = {str(day): [] for day in DAYS}
    for days, spans in _parts(_canonical(text)):
        for day in days:
            weekly[str(day)] = [*weekly[str(day)], *spans] if spans else []
    return clean_weekly(weekly)


def write_week(weekly: Weekly) -> str:
    """A week in the reader's language: Mon-Fri 09:00-12:30, 14:00-18:00; Sat 10:00-14:00."""
    parts = []
    for days, spans in _runs(weekly):
        names = "-".join(capfirst(str(WEEKDAYS_ABBR[day])) for day in dict.fromkeys((days[0], days[-1])))
        times = ", ".join(f"{start}-{'24:00' if end == '00:00' else end}" for start, end in spans)
        parts.append(f"{names} {times}")
    return "; ".join(parts) or _("closed")


def _canonical(text: str) -> str:
    line = re.sub(r"[‐‑–—−]", "-", text[:LONGEST_TEXT].casefold())
    for phrase, meaning in _PHRASES.items():
        line = re.sub(phrase, meaning, line)
    line = _SPAN.sub(_span, line)
    line = re.sub(r"(?<![^\W\d_])(?!d\d)[^\W\d_]+", _word, line)
    line = re.sub(r"[^\w>-]+", " ", line)
    return re.sub(r"\s*-\s*", "-", line).strip()


def _span(match: re.Match[str]) -> str:
    opens, closes = match["opens"], match["closes"]
    half = re.search(r"[ap]", closes)
    if half and not re.search(r"[ap]", opens):
        opens = _same_half(opens, closes, half[0])
    start, end = parse_time(opens), parse_time(closes)
    if start is None or end is None:
        raise _unreadable()
    if not half and _may_be_afternoon(opens, closes, start, end):
        example = {"hours": match[0].strip(), "example": "09:00-17:00"}
        raise ValidationError(_("“%(hours)s” can mean two things. Write it as in %(example)s.") % example)
    return f" {start}>{end} ".replace(":", "")


def _may_be_afternoon(opens: str, closes: str, start: str, end: str) -> bool:
    """9-5 and 1-5 are usual on a clock of twelve hours, 09:00-05:00 is not."""
    is_on_twelve = start < "13:00" and "00:00" < end < "13:00" and "0" not in {opens[0], closes[0]}
    return is_on_twelve and (end < start or start < "06:00")


def _same_half(opens: str, closes: str, half: str) -> str:
    """9-6pm opens in the morning, 1-5pm in the afternoon."""
    alike, other = f"{opens}{half}m", f"{opens}{'a' if half == 'p' else 'p'}m"
    return alike if (parse_time(alike) or "") < (parse_time(closes) or "") else other


def _word(match: re.Match[str]) -> str:
    word = match[0]
    if word in _WORDS:
        return _WORDS[word]
    if word in _HEBREW_LETTERS:
        return f" d{_HEBREW_LETTERS[word]} "
    days = [day for day, names in enumerate(_NAMES) if any(name.startswith(word) for name in names)]
    if len(word) < 2 or len(days) != 1:
        raise _unreadable()
    return f" d{days[0]} "


def _parts(line: str) -> Iterator[tuple[list[int], list[list[str]]]]:
    order = next((one for one in _ORDERS if re.fullmatch(f"(?:{_unnamed(one)})+", line, re.ASCII)), None)
    if order is None:
        raise _unreadable()
    for match in order.finditer(line):
        days = [day for first, last in re.findall(r"d(\d)(?:-d(\d))?", match["days"]) for day in _range(first, last)]
        times = re.findall(r"(\d\d)(\d\d)>(\d\d)(\d\d)", match["times"])
        yield days, [[f"{one[0]}:{one[1]}", f"{one[2]}:{one[3]}"] for one in times]


def _unnamed(pattern: re.Pattern[str]) -> str:
    return re.sub(r"\?P<\w+>", "?:", pattern.pattern)


def _range(first: str, last: str) -> Iterable[int]:
    start, length = int(first), (int(last or first) - int(first)) % 7 + 1
    return [(start + offset) % 7 for offset in range(length)]


def _runs(weekly: Weekly) -> Iterator[tuple[list[int], list[list[str]]]]:
    """Days on end with the same hours; a week from Sunday to Thursday is one, though weeks begin on Monday here."""
    week = [weekly.get(str(day), []) for day in DAYS]
    start = next((-back for back in DAYS if week[-back - 1] != week[0]), 0)
    run: list[int] = []
    for day in [(start + offset) % 7 for offset in DAYS]:
        if run and week[day] != week[run[0]]:
            yield from [(run, week[run[0]])] if week[run[0]] else []
            run = []
        run.append(day)
    yield from [(run, week[run[0]])] if week[run[0]] else []


def _unreadable() -> ValidationError:
    examples = {"one": "Mon-Fri 9-18", "other": "Mon-Fri 9:00-12:30, 14:00-18:00; Sat 10-14"}
    return ValidationError(_("These hours cannot be read. Write them as in %(one)s, or %(other)s.") % examples)
