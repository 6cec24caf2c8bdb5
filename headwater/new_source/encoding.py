"""The encoding of a text: proved by its bytes, or a doubt, since single-byte encodings fit any bytes."""

from __future__ import annotations

import codecs
import re
from collections.abc import Sequence

from headwater.metadata.errors import FormatBroken
from headwater.new_source.doubt import Doubt, option_flag, quoted

# Encodings of texts that are not UTF-8; of two that fit equally well, the first is guessed.
OTHERS = (
    "cp1252", "cp1250", "iso-8859-2", "iso-8859-15", "iso-8859-1", "cp1251", "cp1253", "cp1254", "cp1257", "cp850",
    "mac-roman", "shift_jis", "gb18030", "euc-kr", "big5",
)  # fmt: skip
ASKED = ("cp1252", "cp1250", "iso-8859-2", "iso-8859-15")  # always shown, however unlikely
MOST_READINGS = 6
MOST_WORDS = 3
_ODD_WORD = re.compile(rb"[^\s,;|\"']{0,20}[\x80-\xff][^\s,;|\"']{0,20}")
_UNDECODED, _DECODED = re.compile("[\udc80-\udcff]"), re.compile("[^\x00-\x7f\udc80-\udcff]")


def encodings(content: bytes, file: str) -> list[str]:
    """Return the encodings that fit the bytes, the likeliest first.

    Raises `FormatBroken` if the bytes are UTF-8 except for a few.
    """
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return ["utf-16"]
    try:
        codecs.getincrementaldecoder("utf-8")("strict").decode(content)  # may end within a character
    except UnicodeDecodeError as error:
        _require_other(content, error, file)
    else:
        return ["utf-8"]
    words = odd_words(content)
    fitting = [name for name in OTHERS if _decodes(content, name)]
    return sorted(fitting, key=lambda name: sum(_oddness(word, name) for _, word in words))


def encoding_doubt(content: bytes, fitting: Sequence[str], guessed: str) -> Doubt | None:
    """Return the doubt about an encoding; None if a byte order mark or multi-byte characters prove it."""
    if guessed == "utf-16" or content.startswith(codecs.BOM_UTF8):
        return None
    if guessed == "utf-8":
        if not content.isascii():
            return None
        return Doubt(
            "encoding", "the text is utf-8", "all of the sample is ASCII, which most encodings have in common",
            "a later delivery in another one is refused, with line and byte", option_flag("encoding", "utf-8"),
        )  # fmt: skip
    words = odd_words(content)
    asked = [name for name in ASKED if name in fitting]
    readings: dict[tuple[str, ...], list[str]] = {}
    for name in [guessed, *asked, *fitting]:
        read = tuple(word.decode(name, "replace") for _, word in words)
        if name not in readings.setdefault(read, []):
            readings[read].append(name)
    shown = list(readings.items())[:MOST_READINGS]
    lines = ", ".join(str(line) for line, _ in words)
    message = "; ".join(f"{', '.join(map(quoted, read))} in {' or '.join(names)}" for read, names in shown)
    return Doubt(
        "encoding", f"the text is {guessed}", f"it is not UTF-8 and has no mark; line {lines} reads {message}",
        "other letters than the publisher's come to history", option_flag("encoding", guessed), is_harmful=True,
        option="encoding", choices=tuple(name for _, names in shown for name in names),
    )  # fmt: skip


def odd_words(content: bytes) -> list[tuple[int, bytes]]:
    """Return some different words that are not ASCII, with their lines."""
    found: dict[bytes, int] = {}
    for match in _ODD_WORD.finditer(content):
        if match.group() not in found:
            found[match.group()] = content.count(b"\n", 0, match.start()) + 1
        if len(found) == MOST_WORDS:
            break
    return [(line, word) for word, line in found.items()]


def _require_other(content: bytes, error: UnicodeDecodeError, file: str) -> None:
    """Raise `FormatBroken` if the bytes that are not UTF-8 are no more than the multi-byte characters that are."""
    text = content.decode("utf-8", "surrogateescape")
    wrong, right = len(_UNDECODED.findall(text)), len(_DECODED.findall(text))
    is_marked = content.startswith(codecs.BOM_UTF8)
    if not is_marked and wrong > right:
        return
    line = content.count(b"\n", 0, error.start) + 1
    begin = max(content.rfind(b"\n", 0, error.start) + 1, error.start - 20)
    around = quoted(content[begin : error.start + 20].split(b"\n")[0].decode("utf-8", "backslashreplace"))
    what = "the file is marked as UTF-8" if is_marked else f"{right:,} other characters of it are"
    raise FormatBroken(
        file,
        line,
        f"byte 0x{content[error.start]:02x} at offset {error.start} is not UTF-8, in {around}, while {what}: expected"
        " one encoding throughout. If it is another one in truth, name it by --option encoding=NAME",
    )


def _decodes(content: bytes, name: str) -> bool:
    try:
        text = codecs.getincrementaldecoder(name)("strict").decode(content)
    except UnicodeDecodeError:
        return False
    return not re.search("[\x80-\x9f]", text)  # control characters, which no publisher writes


def _oddness(word: bytes, name: str) -> int:
    """Return how unlike a real word it is: symbols beside letters, capitals after small letters, two scripts."""
    text = word.decode(name, "replace")
    odd = 0
    for before, sign in zip(" " + text, text, strict=False):
        if sign.isascii() and before.isascii():
            continue
        if before.isalpha() != sign.isalpha() and not (sign.isspace() or before.isspace()):
            odd += 1
        odd += before.islower() and sign.isupper()
        odd += before.isalpha() and sign.isalpha() and (ord(before) < 0x250) != (ord(sign) < 0x250)
    return odd
