"""How a CSV may be written: encodings, delimiters, quotes and the line of the header, the likeliest first.

csv.Sniffer looks at frequencies of signs and is often wrong. Here a dialect is a candidate when, from its header on,
every record of the sample has as many values; `look` then reads the whole file with our own reader.
"""

from __future__ import annotations

import codecs
import csv
from dataclasses import dataclass

from extract.text_blocks import LONGEST_RECORD

SAMPLE = 256 << 10  # characters
MOST_ABOVE = 30  # lines above the header
DELIMITERS = (",", ";", "\t", "|", ":", "~", "^")
QUOTES = ('"', "", "'")
_UNCLOSED = "unexpected end of data"


@dataclass(frozen=True)
class Candidate:
    """A way in which a CSV may be written."""

    delimiter: str
    quote_char: str
    header_line: int
    width: int
    records: int

    @property
    def options(self) -> dict[str, str]:
        """The options that say it, where it is not the usual one."""
        said = {
            "delimiter": self.delimiter,
            "quote_char": self.quote_char,
            "header_line": str(self.header_line),
        }
        usual = {"delimiter": ",", "quote_char": '"', "header_line": "1"}
        return {name: value for name, value in said.items() if value != usual[name]}


def encodings(content: bytes) -> list[str]:
    """The encodings in which the bytes are text, the likeliest first."""
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return ["utf-16"]
    fitting = []
    for name in ("utf-8", "cp1252", "iso-8859-1"):
        try:
            codecs.getincrementaldecoder(name)("strict").decode(content)  # may end within a character
        except UnicodeDecodeError:
            continue
        fitting.append(name)
    return fitting


def candidates(content: bytes, encoding: str, told: dict[str, str]) -> list[Candidate]:
    """The dialects in which the text has one number of values, the likeliest first; `told` are not guessed at."""
    text = codecs.getincrementaldecoder(encoding)("strict").decode(content).removeprefix("\ufeff")
    lines = text[:SAMPLE].splitlines(keepends=True)
    is_cut = len(text) > SAMPLE or len(content) >= LONGEST_RECORD
    if is_cut:
        lines = lines[:-1]
    found = []
    delimiters = [told["delimiter"]] if "delimiter" in told else DELIMITERS
    quotes = [told["quote_char"]] if "quote_char" in told else QUOTES
    headers = [int(told["header_line"])] if "header_line" in told else range(1, MOST_ABOVE + 1)
    for delimiter in delimiters:
        for quote in quotes:
            poor = None
            for header in headers:
                names, records = _table(lines[header - 1 :], delimiter, quote, is_cut=is_cut)
                if len(names) < 2 and "delimiter" not in told:
                    continue
                candidate = Candidate(delimiter, quote, header, len(names), records)
                if not names or 2 * sum(bool(name.strip()) for name in names) < len(names):
                    poor = poor or (candidate if names else None)  # a title, in a row of a spreadsheet
                    continue
                found.append(candidate)
                break
            else:
                found += [poor] if poor else []
    found = [candidate for candidate in found if candidate.records or len(lines) == 1 or len(found) == 1]
    if not found and lines and _table(lines, ",", '"', is_cut=is_cut)[0]:
        found = [
            Candidate(told.get("delimiter", ","), '"', int(told.get("header_line", "1")), 1, len(lines) - 1)
        ]
    order = {sign: place for place, sign in enumerate((*DELIMITERS, *QUOTES))}

    def likely(candidate: Candidate) -> tuple[int, ...]:
        return (
            candidate.header_line,
            order.get(candidate.quote_char, 0) - order['"'] if candidate.quote_char != '"' else 0,
            -candidate.width,
            order.get(candidate.delimiter, 0),
        )

    return sorted(found, key=likely)


def _table(lines: list[str], delimiter: str, quote: str, *, is_cut: bool) -> tuple[list[str], int]:
    """The header, [] where not all records are as wide as it is, or it is blank; and the number of records."""
    reader = csv.reader(
        lines,
        delimiter=delimiter,
        quotechar=quote or None,
        quoting=csv.QUOTE_MINIMAL if quote else csv.QUOTE_NONE,
        strict=True,
    )
    header: list[str] = []
    records = 0
    try:
        header = next(reader, [])
        for values in reader:
            if values and len(values) != len(header):
                return [], 0
            records += bool(values)
    except csv.Error as error:
        if not (is_cut and _UNCLOSED in str(error)):
            return [], 0
    return header, records
