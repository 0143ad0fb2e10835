"""Rules of the look that no eye should have to check: contrast, directions, nothing inline."""

import re
from itertools import product
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
TEMPLATES = sorted((ROOT / "templates").rglob("*.html"))
SHEETS = sorted((ROOT / "static" / "css").glob("*.css"))
IN_MAILS = ("templates/emails/", "templates/account/email/", "templates/mfa/email/")
INLINE = re.compile(
    r"\sstyle=|<style|\son[a-z]+=[\"']|javascript:|hx-on|hx-vals=[\"']js:"
    r"|<script(?![^>]*\s(src=|type=.application/json.))"  # JSON is not run
)
PHYSICAL = re.compile(
    r"(?<![-\w])((margin|padding|border)-(left|right|top|bottom)|(left|right|top|bottom)\s*:|text-align:\s*(left|right)"
    r"|float:\s*(left|right)|(min-|max-)?(width|height)\s*:)"
)
TEXTS = ("text", "muted", "accent", "positive", "warning", "danger")
GROUNDS = ("surface", "raised", "sunken")
PAIRS = [
    *product(TEXTS, GROUNDS),
    *((role, f"{role}-soft") for role in ("accent", "positive", "warning", "danger")),
    *((text, "accent-soft") for text in ("text", "muted")),
    *((f"on-{role}", role) for role in ("accent", "danger")),
]
TOKENS = dict(re.findall(r"--([a-z-]+): (light-dark\([^)]+\));", (ROOT / "static/css/tokens.css").read_text()))


def shade(token: str, theme: str) -> str:
    """What a token is in a theme."""
    return re.findall(r"#[0-9a-f]{6}", TOKENS[token])[theme == "dark"]


def luminance(colour: str) -> float:
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    """https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio"""
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize(("text", "ground"), PAIRS)
def test_words_can_be_read_in_both_themes(text, ground, theme):
    assert contrast(shade(text, theme), shade(ground, theme)) >= 4.5


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("mark", ["edge", "accent", "missed"])
def test_edges_of_controls_and_bars_can_be_seen(mark, theme):
    for ground in ("surface", "raised"):
        assert contrast(shade(mark, theme), shade(ground, theme)) >= 3


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: str(path.relative_to(ROOT / "templates")))
def test_no_template_has_anything_inline(path):
    """Mails have to: their readers know no style sheets."""
    name = str(path.relative_to(ROOT))
    if not name.startswith((*IN_MAILS, "templates/admin/")):
        assert INLINE.findall(path.read_text()) == []


@pytest.mark.parametrize("path", SHEETS, ids=lambda path: path.name)
def test_style_sheets_know_no_left_and_right(path):
    rules = re.sub(r"@(media|container)[^{]+|/\*.*?\*/", "", path.read_text())
    assert [match[0] for match in PHYSICAL.finditer(rules)] == []


def test_mails_have_the_colours_of_the_pages():
    known = {colour for value in TOKENS.values() for colour in re.findall(r"#[0-9a-f]{6}", value)}
    for folder in ("templates/emails", "templates/account/email"):
        for path in (ROOT / folder).glob("*.html"):
            assert set(re.findall(r"#[0-9a-fA-F]{6}", path.read_text())) <= known, path


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: str(path.relative_to(ROOT / "templates")))
def test_every_colour_of_a_page_is_a_token(path):
    if path.name != "logo.html" and not str(path.relative_to(ROOT)).startswith(IN_MAILS):
        assert re.findall(r"(?:fill|stroke)=\"#", path.read_text()) == []


def test_landing_is_light_with_all_that_comes_with_it(client, db):
    html = client.get("/en/").content.decode()
    files = re.findall(r'(?:href|src)="/static/([^"]+)"', html)
    assert len(html) + sum((ROOT / "static" / name).stat().st_size for name in files) < 60_000
