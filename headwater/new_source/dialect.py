"""Candidates for the dialect of a CSV: delimiter, quote and header line, the likeliest first.

csv.Sniffer uses character frequencies and is often wrong. Here a dialect is a candidate if, from its header
on, every record of the sample has the same number of values; `look` then reads the whole file with our own
reader. What the file does not prove about the chosen dialect is a doubt.
"""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from headwater.extract.files.text_blocks import LONGEST_RECORD
from headwater.metadata.static.spelling import spell
from headwater.new_source.doubt import Doubt, listed, option_flag, quoted

SAMPLE = 256 << 10  # characters
MOST_ABOVE = 30  # lines above the header
DELIMITERS = (",", ";", "\t", "|", ":", "~", "^")
QUOTES = ('"', "", "'")
_UNCLOSED = "unexpected end of data"


@dataclass(frozen=True)
class Candidate:
    """A possible dialect of a CSV."""

    delimiter: str
    quote_char: str
    header_line: int
    width: int
    records: int

    @property
    def options(self) -> dict[str, str]:
        """Return the options for this dialect that differ from the defaults."""
        options = {
            "delimiter": self.delimiter,
            "quote_char": self.quote_char,
            "header_line": str(self.header_line),
        }
        usual = {"delimiter": ",", "quote_char": '"', "header_line": "1"}
        return {name: value for name, value in options.items() if value != usual[name]}


def physical_lines(text: str) -> list[str]:
    r"""Split lines as the reader counts them: only \n, \r\n and \r end a line, no other Unicode character."""
    return list(io.StringIO(text, newline=""))


def candidates(content: bytes, encoding: str, given: dict[str, str]) -> list[Candidate]:
    """Return the dialects in which all records have the same width, the likeliest first; `given` ones are fixed."""
    lines, is_cut = _sample(content, encoding)
    found = []
    delimiters = [given["delimiter"]] if "delimiter" in given else DELIMITERS
    quotes = [given["quote_char"]] if "quote_char" in given else QUOTES
    headers = [int(given["header_line"])] if "header_line" in given else range(1, MOST_ABOVE + 1)
    for delimiter in delimiters:
        for quote in quotes:
            poor = None
            for header in headers:
                names, records = _table(lines[header - 1 :], delimiter, quote, is_cut=is_cut)
                if len(names) < 2 and "delimiter" not in given:
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
            Candidate(given.get("delimiter", ","), '"', int(given.get("header_line", "1")), 1, len(lines) - 1)
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


def dialect_doubts(
    content: bytes, encoding: str, chosen: Candidate, all_found: Sequence[Candidate], given: Collection[str]
) -> Iterator[Doubt]:
    """Yield what the text does not prove about the dialect that was chosen from all candidates."""
    lines, is_cut = _sample(content, encoding)
    text = "".join(lines)
    if "header_line" not in given and chosen.header_line > 1:
        yield _doubt_of_header_line(lines, chosen, is_cut=is_cut)
    if "delimiter" not in given:
        yield from _doubts_of_delimiter(lines, chosen, all_found)
    if "quote_char" not in given:
        yield from _doubts_of_quotes(text, chosen)


def _sample(content: bytes, encoding: str) -> tuple[list[str], bool]:
    """Return the complete lines of the sample, and whether the file has more."""
    text = codecs.getincrementaldecoder(encoding)("strict").decode(content).removeprefix("\ufeff")
    is_cut = len(text) > SAMPLE or len(content) >= LONGEST_RECORD
    lines = physical_lines(text[:SAMPLE])
    return (lines[:-1] if is_cut else lines), is_cut


def _doubt_of_header_line(lines: list[str], chosen: Candidate, *, is_cut: bool) -> Doubt:
    line = chosen.header_line
    above = [(number, text.strip("\r\n")) for number, text in enumerate(lines[: line - 1], 1) if text.strip()]
    if not above:
        return Doubt(
            "header_line", f"line {line} is the header", "the lines above it are blank", "the first record is lost",
            option_flag("header_line", str(line)),
        )  # fmt: skip
    messages = [f"line {number} ({quoted(text)})" for number, text in above]
    rests = f"from there on all records have {chosen.width} values; left out above it: {listed(messages, 3)}"
    if trailing := _header_without_end(lines, chosen, is_cut=is_cut):
        rests = (
            f"line {trailing} holds {chosen.width - 1} names, and all lines below end with {quoted(chosen.delimiter)},"
            f" which line {trailing} does not: line {trailing} is likely the header, and line {line} a record. The"
            f" publisher has to end all lines in one way; left out above line {line}: {listed(messages, 3)}"
        )
    return Doubt(
        "header_line", f"line {line} is the header ({quoted(lines[line - 1].strip())})", rests,
        "the names are wrong and a record is lost, in this and every later delivery",
        option_flag("header_line", str(line)), is_harmful=True, option="header_line",
        choices=(str(line), *(str(number) for number, _ in above)),
    )  # fmt: skip


def _header_without_end(lines: list[str], chosen: Candidate, *, is_cut: bool) -> int | None:
    """Return the line above with one value less, if all records and the chosen header end with a delimiter."""
    end = chosen.delimiter
    below = [text.rstrip("\r\n") for text in lines[chosen.header_line - 1 :] if text.strip()]
    if not all(text.endswith(end) for text in below):
        return None
    for number in range(chosen.header_line - 1, 0, -1):
        header, _ = _table(lines[number - 1 : number], chosen.delimiter, chosen.quote_char, is_cut=is_cut)
        if len(header) == chosen.width - 1:
            return number
    return None


def _doubts_of_delimiter(
    lines: list[str], chosen: Candidate, all_found: Sequence[Candidate]
) -> Iterator[Doubt]:
    flag = option_flag("delimiter", spell(chosen.delimiter))
    first = quoted(lines[chosen.header_line - 1].strip("\r\n"))
    rivals = sorted({
        one.delimiter for one in all_found
        if one.delimiter != chosen.delimiter and one.width > 1 and one.header_line <= chosen.header_line
    })  # fmt: skip
    if chosen.width == 1:
        rivals = list(_even_signs(lines[chosen.header_line - 1 :])) or [
            sign for sign in DELIMITERS if sign != chosen.delimiter and sign in lines[chosen.header_line - 1]
        ]
    what = (
        f"values are separated by {quoted(chosen.delimiter)}" if chosen.width > 1 else "there is one column"
    )
    if rivals:
        yield Doubt(
            "delimiter", what, f"{listed(map(quoted, rivals))} may separate them, too, as in {first}",
            "values are cut in the wrong places", flag, is_harmful=True, option="delimiter",
            choices=tuple(spell(sign) for sign in (chosen.delimiter, *rivals)),
        )  # fmt: skip
    elif chosen.width > 1:
        yield Doubt(
            "delimiter", what, f"so all {chosen.records:,} records of the beginning have {chosen.width} values",
            "the reader refuses a later delivery", flag,
        )  # fmt: skip
    else:
        yield Doubt(
            "delimiter", what, "no sign comes as often in every line", "what are several values is one", flag
        )


def _even_signs(lines: Sequence[str]) -> Iterator[str]:
    """Return the characters that occur in every line with the same frequency."""
    texts = [text.strip("\r\n") for text in lines if text.strip()]
    for sign in sorted(set(texts[0]) if len(texts) > 1 else ()):
        if not (sign.isalnum() or sign in "\"'_-./") and len({text.count(sign) for text in texts}) == 1:
            yield sign


def _doubts_of_quotes(text: str, chosen: Candidate) -> Iterator[Doubt]:
    flag = option_flag("quote_char", spell(chosen.quote_char) if chosen.quote_char else "<none>")
    if chosen.quote_char == '"':
        return  # other characters follow the standard
    end = re.escape(chosen.delimiter)
    is_quoted = re.search(rf'(^|{end})"[^"\r\n]*"({end}|[\r\n]|$)', text)
    if chosen.quote_char:
        yield Doubt(
            "quote_char", f"values are quoted by {quoted(chosen.quote_char)}",
            "only so have all records as many values", "signs that belong to values are lost", flag,
            is_harmful=True, option="quote_char", choices=(chosen.quote_char, '"', "<none>"),
        )  # fmt: skip
    elif is_quoted:
        such = quoted(is_quoted.group().strip())
        yield Doubt(
            "quote_char", "values are not quoted",
            f"not all records can be read with quotes, such as {such}",
            "quotes of the publisher come to history as a part of values", flag, is_harmful=True,
            option="quote_char", choices=("<none>", '"'),
        )  # fmt: skip
    else:
        yield Doubt(
            "quote_char", "values are not quoted", "no value begins and ends with a quote",
            "quotes of the publisher come to history as a part of values", flag,
        )  # fmt: skip


def _table(lines: list[str], delimiter: str, quote: str, *, is_cut: bool) -> tuple[list[str], int]:
    """Return the header and the number of records; [] if the records differ in width, or the header is blank."""
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
