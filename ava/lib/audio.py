"""Telling what a sound file is by its first bytes: what its sender says of it counts for nothing."""


def sniff_audio(head: bytes) -> tuple[str, str] | None:
    """Content type and file extension (without a dot) told by a file's first bytes, 64 or more of them.

    None for anything that is not wav, mp3, ogg, flac, m4a/mp4 or webm.
    """
    if head[:4] == b"RIFF" and head[8:12] == b"WAVE":
        return "audio/wav", "wav"
    if head[:3] == b"ID3" or _is_mp3_frame(head):
        return "audio/mpeg", "mp3"
    if head[:4] == b"OggS":
        return "audio/ogg", "ogg"
    if head[:4] == b"fLaC":
        return "audio/flac", "flac"
    # Pictures (heic, avif) and QuickTime share this container.
    if head[4:8] == b"ftyp" and head[8:11] in (b"M4A", b"M4B", b"mp4", b"iso", b"das"):
        return "audio/mp4", "m4a"
    if head[:4] == b"\x1aE\xdf\xa3" and b"webm" in head[:64]:
        return "audio/webm", "webm"
    return None


def _is_mp3_frame(head: bytes) -> bool:
    """A frame header of MPEG layer III with no reserved value in it; text with a byte order mark is none."""
    if len(head) < 4 or head[0] != 0xFF or head[1] & 0xE0 != 0xE0:
        return False
    version, layer = head[1] >> 3 & 3, head[1] >> 1 & 3
    bit_rate, sample_rate = head[2] >> 4, head[2] >> 2 & 3
    return version != 1 and layer == 1 and bit_rate not in (0, 15) and sample_rate != 3
