"""JSON: a document with its records somewhere inside, at the record path."""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

from headwater.extract.files.dialect import encoding_of
from headwater.extract.files.limits import Limits
from headwater.extract.files.text_blocks import Readable
from headwater.extract.formats.discovered import FoundRecord
from headwater.extract.formats.flat_record import Flat, Shapes
from headwater.extract.formats.json_text import JsonText
from headwater.extract.formats.json_values import JsonValue, NotJsonError
from headwater.extract.formats.record_path import (
    EACH,
    NOTHING,
    Walked,
    is_any,
    kind,
    parse_record_path,
    records_below,
    with_names,
)
from headwater.metadata.static.model import Source


def read_json(source: Source, stream: Readable, file: str, path: str | None = None) -> Iterator[FoundRecord]:
    """Yield the records of one document, at `path` or at the source's record path. Raises `FormatBroken`.

    Text around the records is only checked for its form. The outermost list is streamed element by element,
    and so are maps around it, or a map without a list; an element is completely in memory.
    """
    for record in _read(source, stream, file, path, Shapes()):
        yield None, record


def read_decoded(source: Source, stream: Readable, file: str, path: str | None = None) -> Iterator[JsonValue]:
    """Yield the records like `read_json`, each one decoded."""
    return cast("Iterator[JsonValue]", _read(source, stream, file, path, None))


def _read(
    source: Source, stream: Readable, file: str, path: str | None, shapes: Shapes | None
) -> Iterator[JsonValue | Flat]:
    path = path or source.options.get("record_path")
    text = JsonText(stream, file, encoding_of(source), Limits.of(source).max_nesting)
    if not text.peek():
        raise text.broken("empty, expected a JSON document")
    yield from _Walk(text, path, shapes).records(parse_record_path(path or ""))
    text.require_end("the end of the document (format ndjson reads one document a line)")


class _Walk:
    """The way from the beginning of a document to its records."""

    def __init__(self, text: JsonText, path: str | None, shapes: Shapes | None) -> None:
        self._text, self._path, self._shapes = text, path, shapes
        self._is_reached = False  # whether the path led to its end anywhere

    def records(
        self, steps: tuple[str, ...], here: str = "", walked: Walked = NOTHING
    ) -> Iterator[JsonValue | Flat]:
        """Yield the records below a value. A member of a map may have none, if other members have some."""
        found = self._text.peek()
        self._is_reached = self._is_reached or not steps or steps[0] == EACH
        if walked and found == "n" and steps:
            self._text.value()
        elif not steps and found != "[" and (walked or (found == "{" and self._path is not None)):
            yield self._named(self._text.value(), walked)
        elif not steps or steps[0] == EACH:
            if found != "[":
                raise self._no_list(found, here)
            is_record = len(steps) < 2 and not walked  # an element is one as it stands
            for _ in self._text.elements():
                if is_record and self._shapes is not None:
                    yield self._text.flat(self._shapes)
                else:
                    yield from self._below(steps[1:], walked)
        elif is_any(steps[0]):
            yield from self._members(steps, found, here, walked)
        else:
            yield from self._member(steps, found, here, walked)

    def _member(
        self, steps: tuple[str, ...], found: str, here: str, walked: Walked
    ) -> Iterator[JsonValue | Flat]:
        """The records below one member of an object."""
        if found != "{":
            raise self._text.broken(
                f"{self._what(found)}{here and ' at ' + here}, expected an object with the member {steps[0]!r}"
                f" (record_path {self._path})"
            )
        line = 0 if walked else self._text.line
        others: list[str] = []
        is_found = False
        for name in self._text.members():
            if name == steps[0]:
                is_found = True
                yield from self.records(steps[1:], f"{here}.{name}".lstrip("."), walked)
            else:
                others.append(name)
                self._text.skip()
        if not is_found and not walked:
            raise self._text.broken(
                f"no member {steps[0]!r}{here and ' in ' + here}, expected the records there (record_path"
                f" {self._path}); there {'is' if len(others) == 1 else 'are'} {_listed(others) or 'none'}",
                line,
            )

    def _members(
        self, steps: tuple[str, ...], found: str, here: str, walked: Walked
    ) -> Iterator[JsonValue | Flat]:
        """The records below every member of a map, each with its name."""
        if found != "{":
            raise self._text.broken(
                f"{self._what(found)}{here and ' at ' + here}, expected an object of records by their names"
                f" (record_path {self._path})"
            )
        count = 0
        for name in self._text.members():
            count += 1
            yield from self.records(steps[1:], f"{here}.{name}".lstrip("."), {**walked, steps[0]: name})
        if count and not walked and not self._is_reached:
            raise self._text.broken(
                f"none of the {count} members{here and ' of ' + here} leads to records (record_path {self._path})"
            )

    def _below(self, steps: tuple[str, ...], walked: Walked) -> Iterator[JsonValue]:
        element = self._text.value()
        try:
            yield from records_below(element, steps, walked=walked)
        except NotJsonError as error:
            raise self._text.broken(str(error)) from None

    def _named(self, value: JsonValue, walked: Walked) -> JsonValue:
        try:
            return with_names(value, walked)
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
        """Return what the document has instead, for a message."""
        return {"{": "an object", "[": "a list"}.get(found) or kind(self._text.value())


def _listed(names: list[str]) -> str:
    return ", ".join(map(repr, names[:8])) + (", …" if len(names) > 8 else "")
