"""NDJSON: each line is a document. A blank line is no document."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import cast

from headwater.extract.files.dialect import encoding_of
from headwater.extract.files.limits import Limits
from headwater.extract.files.text_blocks import Readable, read_blocks
from headwater.extract.files.trailer import Trailer
from headwater.extract.formats.discovered import FoundRecord
from headwater.extract.formats.flat_record import Flat, Shapes
from headwater.extract.formats.json_values import DECODER, JsonValue, NotJsonError, depth
from headwater.extract.formats.record_path import parse_record_path, records_below
from headwater.metadata.errors import FormatBroken
from headwater.metadata.static.model import Source


def read_ndjson(source: Source, stream: Readable, file: str) -> Iterator[FoundRecord]:
    """Yield the documents of a file, or the records at the record path of each, with their lines.

    Raises `FormatBroken`.
    """
    path = source.options.get("record_path")
    steps = parse_record_path(path or "")
    max_nesting = Limits.of(source).max_nesting
    trailer = Trailer(source, file)
    shapes = Shapes() if path is None else None  # else a line is no record
    count = 0
    for block in trailer.without_last(read_blocks(stream, file, encoding_of(source))):
        for line, encoded in enumerate(block.text.splitlines(), block.line):
            text = encoded.decode()
            if not text or text.isspace() or trailer.is_left_off(line, text):
                continue
            try:
                document = _document(text, max_nesting, shapes)
                for record in [document] if path is None else records_below(cast(JsonValue, document), steps):
                    count += 1
                    yield line if path is None else None, record
            except NotJsonError as error:
                raise FormatBroken(file, line, str(error)) from None
    trailer.require_count(count)


def _document(text: str, max_nesting: int, shapes: Shapes | None) -> JsonValue | Flat:
    matched = shapes.match(text) if shapes else None
    if matched is not None and matched[1] == len(text):
        return matched[0]
    try:
        document: JsonValue = DECODER.decode(text)
    except json.JSONDecodeError as error:
        if error.msg == "Extra data":
            raise NotJsonError(
                f"not well-formed JSON: more after the value, at character {error.pos + 1}, expected one document"
                " a line"
            ) from None
        reason = error.msg[:1].lower() + error.msg[1:]
        raise NotJsonError(
            f"not well-formed JSON: {reason} at character {error.pos + 1}, expected one document a line"
        ) from None
    except RecursionError:
        raise NotJsonError(f"nested more than {max_nesting} deep (max_nesting)") from None
    if text.count("{") + text.count("[") > max_nesting and depth(document) > max_nesting:
        raise NotJsonError(f"nested more than {max_nesting} deep (max_nesting)")
    if shapes:
        shapes.learn(document)
    return document
