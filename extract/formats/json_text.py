"""A JSON document as a stream: values are decoded one at a time, so that memory holds only one of them."""

from __future__ import annotations

import json
import re
from array import array
from collections.abc import Iterator

import numpy as np

from headwater.extract.files.text_blocks import LONGEST_RECORD, Readable, read_text
from headwater.extract.formats.flat_record import Flat, Shapes
from headwater.extract.formats.json_values import DECODER, JsonValue, NotJsonError, depth
from headwater.extract.formats.record_path import kind
from headwater.metadata.errors import FormatBroken
from headwater.metadata.redaction import SHOWN, beginning

MOST_NAMES = 10_000  # of one object that are remembered as they are
LONGEST_LINE = 10_000  # characters that are looked at for a message
_SPACE = re.compile(r"[ \t\r\n]*")
_AFTER = frozenset(("", *" \t\r\n,]}:"))  # what may follow a value
_NAMES = {"{": "an object", "[": "a list", '"': "a string", "": "the end of the file"}


class _Names:
    """The names of an object's members, to refuse a name that comes twice. An object keyed by an id has millions."""

    def __init__(self) -> None:
        self._names: set[str] = set()
        self._hashes = array("q")  # of the further ones: 8 bytes each

    def has(self, name: str) -> bool:
        """Add a name; return whether it was here before. Beyond MOST_NAMES only `has_twice` tells."""
        if len(self._names) < MOST_NAMES:
            is_here = name in self._names
            self._names.add(name)
            return is_here
        self._hashes.append(hash(name))
        return name in self._names

    def has_twice(self) -> bool:
        """Return whether a name beyond MOST_NAMES came twice."""
        return len(self._hashes) > 0 and len(np.unique(np.frombuffer(self._hashes, np.int64))) < len(
            self._hashes
        )


class JsonText:
    """A cursor in a document. Every method raises `FormatBroken`."""

    def __init__(self, stream: Readable, file: str, encoding: str, max_nesting: int) -> None:
        self.file, self._max_nesting = file, max_nesting
        self._texts = read_text(stream, file, encoding)
        self._text, self._at = "", 0
        self._lines_before = 0  # line ends in what was let go
        self._is_whole = False
        self._fill()

    def peek(self) -> str:
        """The next character that is not white space, "" at the end."""
        while True:
            found = _SPACE.match(self._text, self._at)
            self._at = found.end() if found else self._at
            if self._at < len(self._text) or not self._fill():
                return self._text[self._at : self._at + 1]

    def value(self) -> JsonValue:
        """The value that begins here."""
        self.peek()
        wanted = 0
        while True:
            try:
                value: JsonValue
                value, end = DECODER.raw_decode(self._text, self._at)
            except json.JSONDecodeError as error:
                if not self._is_whole and len(self._text) - self._at <= LONGEST_RECORD:
                    wanted = self._grow(wanted)
                    continue
                if not self._is_whole:
                    raise self.broken(f"a value of more than {LONGEST_RECORD >> 20} MiB") from None
                raise self._not_well_formed(error) from None
            except NotJsonError as error:
                raise self.broken(str(error)) from None
            except RecursionError:
                raise self._too_deep() from None
            if end == len(self._text) and not self._is_whole:
                wanted = self._grow(wanted)  # a number may go on
                continue
            self._require_end(end)
            opened = self._text.count("{", self._at, end) + self._text.count("[", self._at, end)
            if opened > self._max_nesting and depth(value) > self._max_nesting:
                raise self._too_deep()
            self._at = end
            return value

    def flat(self, shapes: Shapes) -> JsonValue | Flat:
        """As `value`, where it is a flat record of a shape that came before, as the document writes it."""
        self.peek()
        matched = shapes.match(self._text, self._at)
        if matched is not None and self._text[matched[1] : matched[1] + 1] in _AFTER:
            record, self._at = matched
            return record
        value = self.value()
        shapes.learn(value)
        return value

    def elements(self) -> Iterator[None]:
        """Yield before each element of the list that begins here; the caller reads the element."""
        self.require("[", "a list")
        if self._take("]"):
            return
        while True:
            yield
            if not self._take(","):
                self.require("]", "a comma or the end of the list")
                return

    def members(self) -> Iterator[str]:
        """Yield the name of each member of the object that begins here; the caller reads the value."""
        self.require("{", "an object")
        seen = _Names()
        if self._take("}"):
            return
        while True:
            if self.peek() != '"':
                raise self._unexpected("the name of a member")
            name = str(self.value())
            if seen.has(name):
                raise self.broken(f"an object has the member {name!r} twice, expected each once")
            self.require(":", "a colon")
            yield name
            if not self._take(","):
                self.require("}", "a comma or the end of the object")
                break
        if seen.has_twice():
            raise self.broken("an object has a member twice, expected each once")

    def skip(self, level: int = 1) -> None:
        """Skip the value that begins here, however large it is."""
        if level > self._max_nesting:
            raise self._too_deep()
        first = self.peek()
        if first == "[":
            for _ in self.elements():
                self.skip(level + 1)
        elif first == "{":
            for _ in self.members():
                self.skip(level + 1)
        else:
            self.value()

    def require(self, sign: str, what: str) -> None:
        """Skip the expected character, or raise."""
        if not self._take(sign):
            raise self._unexpected(what)

    def require_end(self, what: str) -> None:
        """Raise if anything but white space follows."""
        if self.peek():
            raise self._unexpected(what)

    def broken(self, reason: str, line: int | None = None) -> FormatBroken:
        """Return an error for the current line, or for another one."""
        return FormatBroken(self.file, line or self.line, reason)

    @property
    def line(self) -> int:
        """The current line."""
        return self._line(self._at)

    def _take(self, sign: str) -> bool:
        is_there = self.peek() == sign
        self._at += is_there
        return is_there

    def _unexpected(self, what: str) -> FormatBroken:
        found = self.peek()
        if found in _NAMES:
            name = _NAMES[found]
        elif found in "-0123456789tfn":
            name = kind(self.value())
        else:
            name = repr(found)
        return self.broken(f"not well-formed JSON: {name}, expected {what}")

    def _not_well_formed(self, error: json.JSONDecodeError) -> FormatBroken:
        if not self._text[error.pos :].strip() or "Unterminated" in error.msg:
            return FormatBroken(
                self.file, self._line(self._at), "cut off: the file ends in the value that begins here"
            )
        reason = error.msg[:1].lower() + error.msg[1:]
        return FormatBroken(self.file, self._line(error.pos), f"not well-formed JSON: {reason}")

    def _require_end(self, end: int) -> None:
        if self._text[end : end + 1] not in _AFTER:
            line = self._text[self._at : end + LONGEST_LINE].split("\n")[0]
            shown = beginning(line, min(SHOWN, end - self._at + 10))
            raise self.broken(f"not well-formed JSON: {shown!r} is no value")

    def _too_deep(self) -> FormatBroken:
        return self.broken(
            f"objects and lists inside one another, more than {self._max_nesting} deep (max_nesting)"
        )

    def _line(self, at: int) -> int:
        return self._lines_before + self._text.count("\n", 0, at) + 1

    def _grow(self, wanted: int) -> int:
        """Read on until there is twice as much as before, so that a long value is not read over and over."""
        wanted = max(wanted * 2, 2 * (len(self._text) - self._at))
        while len(self._text) - self._at < wanted and self._fill():
            pass
        return wanted

    def _fill(self) -> bool:
        more = next(self._texts, None)
        if more is None:
            self._is_whole = True
            return False
        self._lines_before += self._text.count("\n", 0, self._at)
        self._text, self._at = self._text[self._at :] + more, 0
        return True
