"""Detection of a column's type from its values: a datatype that loses nothing, and a format.

Staging accepts only what `format` says, so a type is proposed only if every value fits it. Ambiguous values,
and values whose text would change (leading zeros, a plus), stay text.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime

# common null tokens; recognized only in columns that are not text
NULL_TOKENS = frozenset({
    "NA", "Na", "N/A", "n/a", "#N/A", "na", "NULL", "null", "None", "none", "NaN", "nan", "nil", r"\N", "-", "--",
    "---", "\u2013", "\u2014", ".", "..", "...", ":", "?", "*",
})  # fmt: skip
SIGNS = frozenset(
    {"-", "--", "---", "\u2013", "\u2014", ".", "..", "...", ":", "?", "*"}
)  # may be a real value
LARGE, LARGEST = (
    10**6,
    10**15,
)  # limits for integer and bigint, with room for values a thousand times as large
ENOUGH = 5  # different values that prove one format
THOUSAND = 1000
# names of identifiers, which are no amounts: their digits stay unchanged
IDENTIFIES = re.compile(
    r"(^|[_ .-])(id|ids|key|code|codes|uuid|guid|nr|no|num|number|zip|zip_?code|plz|postal|post_?code|postleitzahl|"
    r"phone|telephone|tel|telefon|fax|isbn|issn|ean|gtin|upc|sku|isin|wkn|cusip|sedol|figi|lei|iban|bic|swift|blz|ssn|nino|"
    r"siren|siret|nif|duns|account|konto|card|imei|imsi|icao|iata|fips|geoid|nuts|nace|sic|naics|version|"
    r"reference|ref|serial|barcode|iso\w*)$", re.IGNORECASE,
)  # fmt: skip
_HUMP = re.compile(r"[a-z](Id|ID|Code|Key|Nr|No|Zip|ZIP|Phone|Isbn|ISBN|Ean|EAN|Number)$")
SHORTEST_IDENTIFIER = 4  # digits, if all values have the same number
_FIRST_YEAR, _LAST_YEAR = 1500, 2200
USUAL_NUMBER = "1234.56"  # needs no format
BOOLEANS = (("Y", "N"), ("y", "n"), ("yes", "no"), ("Yes", "No"), ("YES", "NO"))

DATES = (
    "YYYY-MM-DD", "DD.MM.YYYY", "DD/MM/YYYY", "MM/DD/YYYY", "DD-MM-YYYY", "MM-DD-YYYY", "YYYY/MM/DD", "YYYY.MM.DD",
    "DD Mon YYYY", "DD-Mon-YYYY", "DD/Mon/YYYY", "Mon DD, YYYY", "DD Month YYYY", "Month DD YYYY",
)  # fmt: skip
LOOSE_DATES = (  # without leading zeros
    "FMDD.FMMM.YYYY", "FMDD/FMMM/YYYY", "FMMM/FMDD/YYYY", "FMDD-FMMM-YYYY", "FMMM-FMDD-YYYY", "YYYY-FMMM-FMDD",
    "YYYY/FMMM/FMDD",
)  # fmt: skip
CLOCKS = (" HH24:MI:SS", " HH24:MI", "THH24:MI:SS", "THH24:MI")
NAMES_A_DAY = re.compile(r"date|day|datum|tag|fecha|jour|dato|\bdt\b|_dt\b", re.IGNORECASE)

_MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
    "December",
)  # fmt: skip
_PARTS = {
    "YYYY": r"(?P<year>[0-9]{4})",
    "HH24": r"(?P<hour>[01][0-9]|2[0-3])",
    "Month": f"(?P<month>{'|'.join(_MONTHS)})",
    "Mon": f"(?P<month>{'|'.join(name[:3] for name in _MONTHS)})",
    "FMMM": r"(?P<month>[0-9]{1,2})",
    "FMDD": r"(?P<day>[0-9]{1,2})",
    "MM": r"(?P<month>[0-9]{2})",
    "DD": r"(?P<day>[0-9]{2})",
    "MI": r"(?P<minute>[0-5][0-9])",
    "SS": r"(?P<second>[0-5][0-9])",
}
_TOKEN = re.compile("|".join(_PARTS))
_WHOLE = re.compile(r"0|-?[1-9][0-9]*")
_DECIMAL = re.compile(r"(?!-0*\.?0*$)-?(?P<whole>0|[1-9][0-9]*|(?=\.))(\.(?P<part>[0-9]+))?")
_EXPONENT = re.compile(r"(?!-0*\.?0*$)-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?")
_CLOCK = r"([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9](\.[0-9]{1,6})?)?"
_TIME = re.compile(_CLOCK)
_MOMENT = re.compile(
    rf"(?P<day>[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}})[ T]{_CLOCK}(?P<zone> ?(Z|UTC|[+-][0-9]{{2}}(:?[0-9]{{2}})?))?"
)
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_EIGHT_DIGITS = re.compile(r"(19|20)[0-9]{6}")


@dataclass(frozen=True)
class Typed:
    """The type of a column by its values.

    `others` are formats that fit as well, so that `datatype` is text; `rival` is a less likely one that reads
    other values. `identifies` means that the values could be numbers, but stay text because they are
    identifiers. `nearly` is what it would be but for the few values `odd`, for which `datatype` is text.
    """

    datatype: str = "text"
    format: str | None = None
    null_tokens: tuple[str, ...] = ()
    others: tuple[tuple[str, str], ...] = ()
    rival: tuple[str, str] | None = None
    identifies: bool = False
    nearly: tuple[str, str | None] | None = None
    odd: tuple[str, ...] = ()


def type_of(values: Collection[str], name: str, null_tokens: Collection[str] = ()) -> Typed:
    """Return the type of the different values of a column; `name` is the publisher's, `null_tokens` are given ones."""
    known = {value for value in values if value}
    nothing = NULL_TOKENS | set(null_tokens)
    rest = known - nothing
    if not rest:
        return Typed()
    found = _read(rest, name)
    if found is None:
        return _nearly(rest, name)
    if found.datatype.startswith(("integer", "bigint", "numeric")) and _identifies(rest, name):
        found = Typed(identifies=True)
    is_text = found.datatype == "text" and not found.identifies  # that every value fits
    return replace(found, null_tokens=() if is_text else tuple(sorted(known & nothing)))


def _nearly(values: Collection[str], name: str) -> Typed:
    """Return text, and what it would be but for a value in twenty, or one: such may be a typo."""
    most = max(1, len(values) // 20)
    odd: list[str] = []
    for value in sorted(values):
        if _read([value], name) is None:
            odd.append(value)
            if len(odd) > most:
                return Typed()
    rest = set(values) - set(odd)
    found = _read(rest, name) if len(rest) > 1 and odd else None
    is_number = found is not None and found.datatype.startswith(("integer", "bigint", "numeric"))
    if found is None or found.datatype == "text" or (is_number and _identifies(rest, name)):
        return Typed()
    return Typed(nearly=(found.datatype, found.format), odd=tuple(odd))


def _identifies(values: Collection[str], name: str) -> bool:
    """Return whether numbers are identifiers: by the column's name, or since all have equally many digits and
    are no years.
    """
    if IDENTIFIES.search(name) or _HUMP.search(name):
        return True
    lengths = {len(value) for value in values}
    is_fixed = len(values) > 1 and len(lengths) == 1 and min(lengths) >= SHORTEST_IDENTIFIER
    return (
        is_fixed
        and all(value.isdigit() for value in values)
        and not all(_FIRST_YEAR <= int(value) <= _LAST_YEAR for value in values)
    )


def _read(values: Collection[str], name: str) -> Typed | None:
    for reading in (_boolean, _whole, _decimal, _written_number, _day, _moment, _time, _uuid, _json):
        if found := reading(values):
            if found.datatype in ("integer", "bigint") and _are_days(values, name):
                return Typed("date", "YYYYMMDD")
            return found
    return None


def _boolean(values: Collection[str]) -> Typed | None:
    if {value.lower() for value in values} <= {"true", "false"}:
        return Typed("boolean")
    for true, false in BOOLEANS:
        if set(values) == {true, false}:
            return Typed("boolean", f"{true}|{false}")
    return None


def _whole(values: Collection[str]) -> Typed | None:
    return _whole_type(values) if all(map(_WHOLE.fullmatch, values)) else None


def _whole_type(values: Collection[str]) -> Typed:
    largest = max(abs(int(value)) for value in values)
    return Typed("integer" if largest < LARGE else "bigint" if largest < LARGEST else "numeric")


def _decimal(values: Collection[str]) -> Typed | None:
    """Return a decimal type without a limit of digits, because a sample does not contain the largest future amount."""
    if all(map(_DECIMAL.fullmatch, values)):
        return _may_be_thousands(values) or Typed("numeric")
    return Typed("numeric") if all(map(_EXPONENT.fullmatch, values)) else None


def _written_number(values: Collection[str]) -> Typed | None:
    """Return a type for numbers with the publisher's separators."""
    fitting = []
    for group in ("", ".", ",", " ", "'"):
        for decimal in ("", ".", ","):
            if group == decimal or (not group and decimal != ","):
                continue
            if typed := _with_signs(values, group, decimal):
                fitting.append(typed)
    if not fitting:
        return None
    wholes = [typed for typed in fitting if typed.datatype in ("integer", "bigint")]
    decimals = [typed for typed in fitting if typed not in wholes]
    if wholes and decimals:  # 1,234 may mean a thousand or a little more than one
        if _are_thousands(values, ","):
            return replace(wholes[0], rival=(decimals[0].datatype, decimals[0].format or USUAL_NUMBER))
        return Typed(others=tuple((typed.datatype, typed.format or "") for typed in (wholes[0], decimals[0])))
    return fitting[0]


def _are_thousands(values: Collection[str], sign: str) -> bool:
    """Return whether numbers below a thousand have no separator and all others have it for their thousands."""
    signed = [value for value in values if sign in value]
    bare = [value for value in values if sign not in value and value != "0"]
    return len(signed) >= ENOUGH and bool(bare) and all(abs(int(value)) < THOUSAND for value in bare)


def _may_be_thousands(values: Collection[str]) -> Typed | None:
    """Return whether numbers with a point are whole numbers if points separate thousands."""
    found = _with_signs(values, ".", "")
    bare = [value for value in values if "." not in value]
    if found is None or any(abs(int(value)) >= THOUSAND for value in bare):
        return None
    if not bare and not all(value.endswith("00") for value in values):
        return Typed("numeric", rival=(found.datatype, "1.234"))  # all have three digits after the point
    return Typed(others=((found.datatype, "1.234"), ("numeric", USUAL_NUMBER)))


def _with_signs(values: Collection[str], group: str, decimal: str) -> Typed | None:
    signs = {" ": " \u00a0\u202f", "'": "'\u2019"}.get(group, group)
    grouped = rf"([{re.escape(signs)}][0-9]{{3}})" if group else "(?!)"
    part = rf"([{decimal}](?P<part>[0-9]+))?" if decimal else "(?P<part>(?!))?"
    pattern = re.compile(rf"-?(?P<whole>0|[1-9][0-9]{{0,2}}{grouped}+|[1-9][0-9]*){part}")
    matches = [match for value in values if (match := pattern.fullmatch(value))]
    if len(matches) < len(values):
        return None
    is_grouped = any(sign in match["whole"] for match in matches for sign in signs)
    if (group and not is_grouped) or (decimal and not any(match["part"] for match in matches)):
        return None
    written = f"1{group}234{decimal}{'56' if decimal else ''}"
    plain = [re.sub("[^0-9]", "", match["whole"]) for match in matches]
    if not decimal:
        return Typed(_whole_type(plain).datatype, written)
    return Typed("numeric", written)


def _day(values: Collection[str]) -> Typed | None:
    """Return a type for days; if day and month are ambiguous, a person decides."""
    for templates in (DATES, LOOSE_DATES):
        fitting = [template for template in templates if all(map(_reads(template), values))]
        if len(fitting) > 1:
            return Typed(others=tuple(("date", template) for template in fitting))
        if fitting:
            return Typed("date", None if fitting[0] == "YYYY-MM-DD" else fitting[0])
    return None


def _moment(values: Collection[str]) -> Typed | None:
    matches = [_MOMENT.fullmatch(value) for value in values]
    if all(match and _is_day(match["day"], "%Y-%m-%d") for match in matches):
        zones = {bool(match["zone"]) for match in matches if match}
        return Typed("timestamptz" if zones == {True} else "timestamp") if len(zones) == 1 else None
    fitting = [
        template
        for template in (day + clock for day in DATES[1:8] for clock in CLOCKS)
        if all(map(_reads(template), values))
    ]
    if len(fitting) > 1:
        return Typed(others=tuple(("timestamp", template) for template in fitting))
    return Typed("timestamp", fitting[0]) if fitting else None


def _time(values: Collection[str]) -> Typed | None:
    return Typed("time") if all(map(_TIME.fullmatch, values)) else None


def _uuid(values: Collection[str]) -> Typed | None:
    return Typed("uuid") if all(map(_UUID.fullmatch, values)) else None


def _json(values: Collection[str]) -> Typed | None:
    """Return a type for lists and objects."""
    if not all(value[0] in "[{" for value in values):
        return None
    try:
        for value in values:
            json.loads(value)
    except ValueError:
        return None
    return Typed("jsonb")


def _are_days(values: Collection[str], name: str) -> bool:
    return bool(NAMES_A_DAY.search(name)) and all(
        _EIGHT_DIGITS.fullmatch(value) and _is_day(value, "%Y%m%d") for value in values
    )


def _is_day(text: str, form: str) -> bool:
    try:
        datetime.strptime(text, form)  # noqa: DTZ007
    except ValueError:
        return False
    return True


def _reads(template: str) -> Callable[[str], bool]:
    """Return whether the template can read a text as a day or a moment."""
    pattern = re.compile("".join(_pattern(template)))

    def reads(text: str) -> bool:
        match = pattern.fullmatch(text)
        return match is not None and _is_real(match)

    return reads


def _pattern(template: str) -> Iterator[str]:
    at = 0
    for token in _TOKEN.finditer(template):
        yield re.escape(template[at : token.start()])
        is_loose = token.group() == "DD" and "Month" in template
        yield r"(?P<day>[0-9]{1,2})" if is_loose else _PARTS[token.group()]
        at = token.end()
    yield re.escape(template[at:])


def _is_real(match: re.Match[str]) -> bool:
    month = match["month"]
    number = int(month) if month.isdigit() else [name[:3] for name in _MONTHS].index(month[:3]) + 1
    try:
        date(int(match["year"]), number, int(match["day"]))
    except ValueError:
        return False
    return True
