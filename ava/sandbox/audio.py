"""The recording of a conversation: a voice for each speaker, timed to the turns, as a 16 kHz mono WAV.

espeak-ng speaks the turns where it is installed and knows the language; elsewhere each speaker murmurs.
"""

from __future__ import annotations

import io
import math
import re
import shutil
import subprocess
import tempfile
import wave
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

RATE = 16_000
LONGEST_SECONDS = 60
LEAD_SECONDS = 0.8
GAP_SECONDS = 0.7
ESPEAK_SECONDS = 10

# Pitch of each speaker in hertz, and the espeak-ng variant and pitch (0 to 99) nearest to it.
PITCHES = {"assistant": 205.0, "user": 118.0}
ESPEAK_VOICES = {"assistant": ("f3", 60), "user": ("m3", 35)}

# First formants of five vowels: what makes a hum sound like a voice.
VOWELS = ((730, 1090), (530, 1840), (390, 1990), (570, 840), (440, 1020))
CONTOURS = (1.0, 1.07, 0.94)
SYLLABLE_SECONDS = 0.17
WORD_PAUSE_SECONDS = 0.05
SENTENCE_PAUSE_SECONDS = 0.28


@dataclass(frozen=True)
class Turn:
    """One thing said, in seconds from the start of the call."""

    role: str
    text: str
    start: float
    end: float


def record(lines: Sequence[tuple[str, str]], language: str) -> tuple[bytes, list[Turn]]:
    """Speak (role, text) lines; return the WAV, cut at a minute, and when each line was said."""
    samples = silence(LEAD_SECONDS)
    turns = []
    for role, text in lines:
        start = len(samples) / RATE
        samples.extend(spoken(role, text, language))
        turns.append(Turn(role, text, start, len(samples) / RATE))
        samples.extend(silence(GAP_SECONDS))
    return to_wav(samples[: LONGEST_SECONDS * RATE]), turns


def spoken(role: str, text: str, language: str) -> array[int]:
    return by_espeak(role, text, language) or murmured(role, text)


def silence(seconds: float) -> array[int]:
    return array("h", bytes(2 * int(seconds * RATE)))


def to_wav(samples: array[int]) -> bytes:
    stream = io.BytesIO()
    with wave.open(stream, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(samples.tobytes())
    return stream.getvalue()


# --- a murmur ---


def murmured(role: str, text: str) -> array[int]:
    """A syllable for about three letters, so that a long sentence takes long."""
    samples = array("h")
    for word in text.split():
        letters = re.sub(r"\W", "", word) or "a"
        for i in range(0, len(letters), 3):
            samples.extend(syllable(role, ord(letters[i]) % len(VOWELS), i // 3 % len(CONTOURS)))
        is_end = word[-1] in ".?!…:"
        samples.extend(silence(SENTENCE_PAUSE_SECONDS if is_end else WORD_PAUSE_SECONDS))
    return samples


@cache
def syllable(role: str, vowel: int, contour: int) -> array[int]:
    """A few harmonics of the speaker's pitch, louder near the vowel's formants, swelling and fading."""
    pitch = PITCHES[role] * CONTOURS[contour]
    harmonics = [(n * pitch, loudness(n * pitch, VOWELS[vowel])) for n in range(1, 13)]
    scale = 9000 / sum(weight for _, weight in harmonics)
    count = int(SYLLABLE_SECONDS * RATE)
    samples = array("h")
    for i in range(count):
        phase = 2 * math.pi * i / RATE * (1 - 0.04 * i / count)  # the pitch falls a little
        swell = math.sin(math.pi * i / count) ** 0.6
        wave_sum = sum(weight * math.sin(frequency * phase) for frequency, weight in harmonics)
        samples.append(int(2 * scale * swell * wave_sum))
    return samples


def loudness(frequency: float, formants: tuple[int, int]) -> float:
    return 0.05 + sum(math.exp(-(((frequency - formant) / 160) ** 2)) for formant in formants)


# --- espeak-ng ---


def by_espeak(role: str, text: str, language: str) -> array[int] | None:
    """The text really spoken; None without espeak-ng, or where it does not know the language."""
    program = shutil.which("espeak-ng")
    if program is None:
        return None
    variant, pitch = ESPEAK_VOICES[role]
    with tempfile.TemporaryDirectory() as directory:
        target = Path(directory) / "turn.wav"
        command = [program, "-v", f"{language}+{variant}", "-p", str(pitch), "-w", str(target), "--stdin"]
        try:
            # The text goes in by stdin: it may be anybody's, and start with a dash.
            stdin = text.encode()
            subprocess.run(command, input=stdin, check=True, capture_output=True, timeout=ESPEAK_SECONDS)  # noqa: S603
            return read_wav(target)
        except (OSError, subprocess.SubprocessError, wave.Error, EOFError):
            return None


def read_wav(file: Path) -> array[int] | None:
    with wave.open(str(file), "rb") as stream:
        if stream.getnchannels() != 1 or stream.getsampwidth() != 2:
            return None
        source = array("h", stream.readframes(stream.getnframes()))
        step = stream.getframerate() / RATE
    return array("h", [source[int(i * step)] for i in range(int(len(source) / step))])
