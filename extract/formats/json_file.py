"""JSON: a document with its records somewhere inside, at the record path."""

from __future__ import annotations

from collections.abc import Iterator

from extract.dialect import encoding_of
from extract.formats.discovered import Found
from extract.formats.json_text import JsonText
from extract.formats.json_values import JsonValue, NotJsonError
from extract.formats.record_path import EACH, kind, parse_record_path, records_below
from extract.limits import Limits
from extract.text_blocks import Readable
from metadata.static.model import Source


def read_json(source: Source, stream: Readable, file: str, path: str | None = None) -> Iterator[Found]:
    """The records of one document, at `path` or where the source says. Raises `FormatBroken`.

    What stands around the records is checked for its form and passed over. The outermost list is read element
    by element; what is inside an element is in memory at once.
    """
    path = path or source.options.get("record_path")
    text = JsonText(stream, file, encoding_of(source), Limits.of(source).max_nesting)
    if not text.peek():
        raise text.broken("empty, expected a JSON document")
    for record in _Walk(text, path).records(parse_record_path(path or "")):
        yield None, record
    text.require_end("the end of the document (format ndjson reads one document a line)")


class _Walk:
    """The way from the beginning of a document to its records."""

    def __init__(self, text: JsonText, path: str | None) -> None:
        self._text, self._path = text, path

    def records(self, steps: tuple[str, ...], here: str = "") -> Iterator[JsonValue]:
        found = self._text.peek()
        if not steps:
            if found == "{" and self._path is not None:
                yield self._text.value()
                return
            steps = (EACH,)
        if steps[0] == EACH:
            if found != "[":
                raise self._no_list(found, here)
            for _ in self._text.elements():
                yield from self._below(steps[1:])
            return
        if found != "{":
            raise self._text.broken(
                f"{self._what(found)}{here and ' at ' + here}, expected an object with the member {steps[0]!r}"
                f" (record_path {self._path})"
            )
        line = self._text.line
        others: list[str] = []
        is_found = False
        for name in self._text.members():
            if name == steps[0]:
                is_found = True
                yield from self.records(steps[1:], f"{here}.{name}".lstrip("."))
            else:
                others.append(name)
                self._text.skip()
        if not is_found:
            raise self._text.broken(
                f"no member {steps[0]!r}{here and ' in ' + here}, expected the records there (record_path"
                f" {self._path}); there {'is' if len(others) == 1 else 'are'} {_listed(others) or 'none'}",
                line,
            )

    def _below(self, steps: tuple[str, ...]) -> Iterator[JsonValue]:
        element = self._text.value()
        try:
            yield from records_below(element, steps)
        except NotJsonError as error:
            raise self._text.broken(str(error)) from None

    def _no_list(self, found: str, here: str) -> Exception:
        if found == "{":
            line, members = self._text.line, []
            for name in self._text.members():
                members.append(name)
                self._text.skip()
            return self._text.broken(
                f"an object{here and ' at ' + here}, expected a list of records: its members are"
                f" {_listed(members) or 'none'} (record_path says where the records are, `.` that the whole"
                " document is one)",
                line,
            )
        return self._text.broken(
            f"{self._what(found)}{here and ' at ' + here}, expected a list of records (record_path)"
        )

    def _what(self, found: str) -> str:
        """What comes instead, for a message."""
        return {"{": "an object", "[": "a list"}.get(found) or kind(self._text.value())


def _listed(names: list[str]) -> str:
    return ", ".join(map(repr, names[:8])) + (", …" if len(names) > 8 else "")
