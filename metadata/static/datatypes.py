"""The datatypes that an attribute may have, and the formats that fit them.

Each function returns None when all is well, or what is wrong and what was expected instead.
"""

from __future__ import annotations

import re

from headwater.metadata.static.naming import nearest
from headwater.metadata.static.spatial_types import EXAMPLES, is_spatial, pair_problem, spatial_problem

PLAIN = (
    "text",
    "smallint",
    "integer",
    "bigint",
    "numeric",
    "real",
    "double precision",
    "boolean",
    "date",
    "time",
    "timestamp",
    "timestamptz",
    "uuid",
    "jsonb",
)
KNOWN = ("text", "varchar(n)", "numeric(p,s)", *PLAIN[1:], *EXAMPLES)

# What people write, and the one name that we use for it: two names of one type would differ in contracts.
INSTEAD = {
    "bool": "boolean",
    "char": "varchar(1)",
    "character varying": "text",
    "varchar": "text",
    "string": "text",
    "str": "text",
    "int": "integer",
    "int2": "smallint",
    "int4": "integer",
    "int8": "bigint",
    "decimal": "numeric",
    "float": "double precision",
    "float4": "real",
    "float8": "double precision",
    "double": "double precision",
    "datetime": "timestamp",
    "timestamp without time zone": "timestamp",
    "timestamp with time zone": "timestamptz",
    "time without time zone": "time",
    "json": "jsonb",
    "point": "geometry(Point,4326)",
    "polygon": "geometry(Polygon,4326)",
}

LONGEST_VARCHAR = 10_485_760
MOST_DIGITS = 1_000

_VARCHAR = re.compile(r"varchar\(([0-9]+)\)")
_NUMERIC = re.compile(r"numeric\(([0-9]+),([0-9]+)\)")
_SIZED = re.compile(r"(?:char|character|bpchar|nvarchar|character varying)\(([0-9]+)\)")
_DECIMAL = re.compile(r"(?:decimal|numeric|number)\(([0-9]+)(?:, *([0-9]+))?\)")

WHOLE_NUMBERS = ("smallint", "integer", "bigint")
NUMBERS = (*WHOLE_NUMBERS, "numeric", "real", "double precision")
_WRITTEN_NUMBER = re.compile(r"1([., ']?)234(?:([.,])56)?")

DATE_TOKENS = ("YYYY", "YY[1970]", "Month", "Mon", "MM", "DD", "FMMM", "FMDD")
TIME_TOKENS = ("HH24", "MI", "SS")
FIRST_YEARS = range(1000, 9901)  # of the hundred that two digits stand for
_TWO_DIGITS = re.compile(r"YY(?:\[([0-9]*)\]?)?")
_TEMPLATE = re.compile(r"(YYYY|YY\[[0-9]{4}\]|HH24|Month|Mon|FMMM|FMDD|MM|DD|MI|SS)|([ /.,:T-])")

_PARTS = {"Mon": "MM", "FMM": "MM", "FMD": "DD", "YY[": "YYYY"}  # by the first letters of a token

Wrong = tuple[str, str]


def datatype_problem(datatype: str) -> Wrong | None:
    """Return whether `datatype` is one of ours, written our way."""
    if datatype in PLAIN:
        return None
    if is_spatial(datatype):
        return spatial_problem(datatype)
    if sized := _VARCHAR.fullmatch(datatype):
        if 1 <= int(sized[1]) <= LONGEST_VARCHAR:
            return None
        return (
            f'"{datatype}" has a length that Postgres does not know',
            f"varchar(1) to varchar({LONGEST_VARCHAR})",
        )
    if sized := _NUMERIC.fullmatch(datatype):
        precision, scale = int(sized[1]), int(sized[2])
        if 1 <= precision <= MOST_DIGITS and scale <= precision:
            return None
        return (
            f'"{datatype}" has digits that Postgres does not know',
            f"numeric(p,s) with p from 1 to {MOST_DIGITS} and s from 0 to p",
        )
    return f'"{datatype}" is not a datatype of an attribute', _expected_instead(datatype)


def _expected_instead(datatype: str) -> str:
    word = re.sub(r"\s+", " ", datatype.lower()).strip()
    if word in PLAIN:
        return word
    if word in INSTEAD:
        return INSTEAD[word]
    if sized := _SIZED.fullmatch(word):
        return f"varchar({sized[1]})"
    if sized := _DECIMAL.fullmatch(word):
        return f"numeric({sized[1]},{sized[2] or 0})"
    if near := nearest(word, PLAIN):
        return near
    return f"one of {', '.join(KNOWN)}"


def format_problem(datatype: str, template: str) -> Wrong | None:
    """Return whether `template` can say how a value of `datatype` is written in the source."""
    if datatype == "boolean":
        true_token, separator, false_token = template.partition("|")
        if separator and true_token and false_token and true_token != false_token and "|" not in false_token:
            return None
        return f'"{template}" does not say what true and false are', "true_token|false_token such as Y|N"
    if datatype.partition("(")[0] in NUMBERS:
        return _number_problem(datatype, template)
    if is_spatial(datatype):
        return pair_problem(datatype, template)
    if datatype not in ("date", "time", "timestamp", "timestamptz"):
        return f'"{template}" is given for {datatype}, which has no format', "a blank cell"
    return _template_problem(datatype, template)


def _number_problem(datatype: str, template: str) -> Wrong | None:
    """Return whether `template` is 1234.56, or 1234, written with the signs of the source."""
    is_whole = datatype in WHOLE_NUMBERS
    expected = "1.234 or 1 234" if is_whole else "1.234,56 or 1 234,56 or 1234,56"
    found = _WRITTEN_NUMBER.fullmatch(template)
    if not found:
        return (
            f'"{template}" does not say how a number is written',
            f"{expected}, with the signs of the source",
        )
    if found[2] and is_whole:
        return f'"{template}" has decimals, which {datatype} has not', expected
    if found[1] and found[1] == found[2]:
        return f'"{template}" has one sign for two things', expected
    if not found[1] and found[2] in (None, "."):
        return f'"{template}" is how numbers are read without a format', "a blank cell"
    return None


def _template_problem(datatype: str, template: str) -> Wrong | None:
    allowed = {"date": DATE_TOKENS, "time": TIME_TOKENS}.get(datatype, DATE_TOKENS + TIME_TOKENS)
    tokens: list[str] = []
    at = 0
    while at < len(template):
        found = _TEMPLATE.match(template, at)
        if not found:
            if short := _TWO_DIGITS.match(template, at):
                return _short_year_problem(template, short[0])
            return (
                f'"{template}" cannot be read from "{template[at:]}" on',
                f"{' '.join(allowed)}, blanks and - / . , : T",
            )
        if token := found[1]:
            is_short = token.startswith("YY[")
            if is_short and int(token[3:-1]) not in FIRST_YEARS:
                return _short_year_problem(template, token)
            if ("YY[1970]" if is_short else token) not in allowed:
                return (
                    f'"{template}" has {token}, which a {datatype} has not',
                    f"{' '.join(allowed)}, blanks and - / . , : T",
                )
            tokens.append(token)
        at = found.end()
    return _parts_problem(datatype, template, tokens)


def _short_year_problem(template: str, token: str) -> Wrong:
    """Return what to write for a year of two digits: nobody but the source's author knows its century."""
    return (
        f'"{template}" has {token} without the first of its hundred years, from {FIRST_YEARS[0]} to {FIRST_YEARS[-1]}',
        "one such as YY[1970], which reads 70 to 99 as 1970 to 1999 and 00 to 69 as 2000 to 2069",
    )


def _parts_problem(datatype: str, template: str, tokens: list[str]) -> Wrong | None:
    parts = [_PARTS.get(token[:3], token) for token in tokens]
    if doubled := next((part for part in parts if parts.count(part) > 1), None):
        return f'"{template}" has {doubled} more than once', "each part once"
    needed = ("HH24", "MI") if datatype == "time" else ("YYYY", "MM", "DD")
    if missing := [part for part in needed if part not in parts]:
        return (
            f'"{template}" has no {" and no ".join(missing)}',
            "MM, Mon or Month beside YYYY and DD" if "MM" in missing else f"{' '.join(needed)} in it",
        )
    # a written-out month has no fixed length, so the parts are told apart by what stands between them
    between = template
    for token in sorted(tokens, key=len, reverse=True):
        between = between.replace(token, "", 1)
    loose = next((token for token in tokens if token == "Month" or token.startswith("FM")), None)
    if loose and (len(set(between)) != 1 or len(between) != len(tokens) - 1):
        return (
            f'"{template}" has {loose} and not the same one separator between all parts',
            "one kind of separator, as in DD Month YYYY",
        )
    for finer, coarser in (("MI", "HH24"), ("SS", "MI")):
        if finer in parts and coarser not in parts:
            return f'"{template}" has {finer} without {coarser}', f"{coarser} before {finer}"
    return None
