"""`python -m tests.messages [--compile]`: are all texts translated, and are the compiled catalogues theirs?

Works without gettext; where its `xgettext` is installed, it also finds texts that were never extracted.
"""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import polib

ROOT = Path(__file__).parent.parent
SOURCES = ("ava", "accounts", "telephony", "assistants", "calls", "onboarding", "templates", "manage.py")
CATALOGUES = sorted((ROOT / "locale").glob("*/LC_MESSAGES/django.po"))
LANGUAGES = {"en", "fr", "he"}


def main() -> int:
    if "--compile" in sys.argv:
        for path in CATALOGUES:
            polib.pofile(str(path)).save_as_mofile(str(path.with_suffix(".mo")))
        return 0
    wrong = [problem for path in CATALOGUES for problem in problems_of(path)]
    problems = [*missing_catalogues(), *wrong, *unextracted()]
    print("\n".join(problems) or f"{len(CATALOGUES)} catalogues are complete.")
    return bool(problems)


def missing_catalogues() -> list[str]:
    found = {path.parts[-3] for path in CATALOGUES}
    return [f"{language}: no catalogue" for language in sorted(LANGUAGES - found)]


def problems_of(path: Path) -> list[str]:
    """What is fuzzy, untranslated, has other placeholders than the original, or is not compiled."""
    language, catalogue = path.parts[-3], polib.pofile(str(path))
    problems = [f"{language}: fuzzy: {entry.msgid!r}" for entry in catalogue.fuzzy_entries()]
    if language != "en":
        problems += [f"{language}: untranslated: {entry.msgid!r}" for entry in catalogue.untranslated_entries()]
        problems += [f"{language}: other placeholders: {entry.msgid!r}" for entry in catalogue if differs(entry)]
    compiled = path.with_suffix(".mo")
    if not compiled.exists() or compiled.read_bytes() != catalogue.to_binary():
        problems.append(f"{language}: not compiled; run `make messages`")
    return problems


def differs(entry: polib.POEntry) -> bool:
    """Whether a translation lacks a %(name)s or {name} of its original."""
    texts = [entry.msgstr, *entry.msgstr_plural.values()]
    return any(text and not placeholders(entry.msgid) <= placeholders(text) for text in texts)


def placeholders(text: str) -> set[str]:
    words = text.replace("%(", " %(").replace("{", " {").split()
    return {word.split(")s")[0] for word in words if word.startswith("%(")} | {
        word.split("}")[0] for word in words if word.startswith("{") and "}" in word
    }


def unextracted() -> list[str]:
    """Texts in the code that the French catalogue has not; says nothing where xgettext is missing."""
    if not shutil.which("xgettext"):
        return []
    with tempfile.TemporaryDirectory() as folder:
        for source in SOURCES:
            target = Path(folder) / source
            (shutil.copytree if (ROOT / source).is_dir() else shutil.copy)(ROOT / source, target)
        locale = Path(folder) / "locale" / "fr"
        locale.mkdir(parents=True)
        command = [sys.executable, "-m", "django", "makemessages", "--locale", "fr", "--no-wrap", "--no-location"]
        subprocess.run(command, cwd=folder, check=True, capture_output=True)
        fresh = polib.pofile(str(locale / "LC_MESSAGES" / "django.po"))
    known = polib.pofile(str(ROOT / "locale" / "fr" / "LC_MESSAGES" / "django.po"))
    known_ids = {(entry.msgctxt, entry.msgid) for entry in known if not entry.obsolete}
    return [f"not extracted: {entry.msgid!r}" for entry in fresh if (entry.msgctxt, entry.msgid) not in known_ids]


if __name__ == "__main__":
    sys.exit(main())
