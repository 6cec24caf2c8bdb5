"""Rules of how the files of a source are read: do its options belong to their format, and do they go together?"""

from __future__ import annotations

import re

from headwater.metadata.static.formats import (
    FORMAT_OPTIONS,
    FORMATS,
    NEEDED,
    USUAL,
    formats_with,
    has_map,
)
from headwater.metadata.static.problem import Problems
from headwater.metadata.static.source_parts import SourceParts
from headwater.metadata.static.source_types import usual_options
from headwater.metadata.static.spelling import unspell


def check_formats(source: SourceParts, problems: Problems) -> None:
    """All options of reading of one source."""
    usual = usual_options(source.data_source_type).get("format", USUAL)
    in_time = list(source.in_time())
    names = [parts.option("format") or usual for parts in in_time]
    if not set(names) <= set(FORMATS):
        return  # said already
    fitting = {option for name in names for option in FORMATS[name]}
    for name, parts in zip(names, in_time, strict=True):
        for option in sorted(FORMAT_OPTIONS - fitting):
            if option in parts.options:
                message = f"{option} stands for a source of format {' and '.join(dict.fromkeys(names))}"
                parts.blame_option(problems, option, "name", message, formats_with(option))
        if name in NEEDED and NEEDED[name] not in parts.options:
            expected = f"one in source_attribute.csv for a source of format {name}"
            source.blame(problems, "source", f'"{source.name}" has no {NEEDED[name]}', expected)
        if name == "csv":
            _check_characters(parts, problems)
        if name in ("xml", "geojson") and has_map(parts.option("record_path") or ""):
            message = f"a record_path of format {name} leads through no map"
            parts.blame_option(
                problems, "record_path", "value", message, "one without *; json and ndjson have maps"
            )
        _check_trailer(parts, problems)


def _check_trailer(source: SourceParts, problems: Problems) -> None:
    """Say where a pattern lacks the group that holds the number. That it does not compile is said already."""
    try:
        groups = re.compile(source.option("trailer_count") or "(?P<count>)").groupindex
    except re.error:
        return
    if "count" not in groups:
        message, expected = "trailer_count has no group count", "(?P<count>…) around the number of records"
        source.blame_option(problems, "trailer_count", "value", message, expected)


def _check_characters(source: SourceParts, problems: Problems) -> None:
    delimiter, quote = source.option("delimiter") or ",", source.option("quote_char") or '"'
    if delimiter == "<none>":
        source.blame_option(problems, "delimiter", "value", "delimiter is nothing", "one character")
    if unspell(delimiter) == unspell(quote):
        name = "quote_char" if "quote_char" in source.options else "delimiter"
        message = f'{name} "{source.option(name)}" both separates and quotes'
        source.blame_option(problems, name, "value", message, "two different characters")
