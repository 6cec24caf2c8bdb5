"""The contract of a source's columns: whether a file fulfils it, and the message if it does not."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from headwater.extract.schema.columns import Match
from headwater.metadata.errors import ColumnsBroken
from headwater.metadata.static.model import Source
from headwater.metadata.static.spelling import spell

SHOWN = 20  # unknown columns in a message


def is_kept(source: Source, match: Match) -> bool:
    """Return whether all mandatory columns are present, and no column that the source refuses."""
    return not match.missing and not (match.unknown and source.on_unknown_column == "halt")


def lacks_key(source: Source, match: Match) -> bool:
    """Return whether a key column or the delete column is missing."""
    needed = {key.source_name for key in source.keys} | {source.options.get("delete_column")}
    return bool(needed & set(match.missing))


def breach(
    source: Source,
    match: Match,
    renamed: Mapping[str, int],
    file: str,
    line: int | None,
    expected: str,
    *,
    is_first: bool = False,
) -> ColumnsBroken:
    """Return what to say of a file that breaks the contract, given which unknown column each missing one may be.

    `expected` says what its format wants, for a file that has none of the columns. In the first file of a source
    nothing was renamed: the metadata is wrong.
    """
    if match.found or renamed:
        messages = list(_differences(source, match, renamed, is_first))
    else:
        columns = ", ".join(map(repr, match.header[:5])) + (", …" if len(match.header) > 5 else "")
        changed = "" if is_first else "; where that has changed, a row with valid_from says from when on"
        messages = [
            f"none of the columns of {source.name} is in the header, which reads {columns}: {expected}{changed}"
        ]
    return ColumnsBroken(
        file,
        line,
        ". ".join(messages),
        header=match.header,
        found=[*_missing(match, renamed), *_unknown(match)],
        lacks_key=lacks_key(source, match),
    )


def what_next(source: Source, broken: ColumnsBroken, delivery_sqn: int) -> str:
    """Return how to continue with a halted delivery."""
    replay = f"Once that is mended, `headwater replay {delivery_sqn}` loads it"
    if broken.lacks_key:
        return f"{replay}."
    unknown = "left out" if source.on_unknown_column == "ignore" else "in _rest"
    return (
        f"{replay}; `headwater accept {delivery_sqn}` takes it as it is, what is missing as null,"
        f" what is unknown {unknown}."
    )


def renamed_row(source: Source, old: str, new: str) -> str:
    """Return what to write into the seeds for a column that has a new name, as the end of a sentence."""
    if "|" in new:
        return _named_so(new)
    token = f"{spell(old)}={spell(new)}"
    if "renamed_columns" in source.options:
        return f"add |{token} to renamed_columns of {source.name} in seeds/source_attribute.csv"
    row = io.StringIO()
    csv.writer(row, lineterminator="").writerow([source.name, "renamed_columns", token, ""])
    return f"add {row.getvalue()} to seeds/source_attribute.csv"


def _named_so(new: str) -> str:
    return f"its source_name in seeds/attribute.csv should be {new!r}"


def _differences(source: Source, match: Match, renamed: Mapping[str, int], is_first: bool) -> Iterator[str]:
    keys = {key.source_name for key in source.keys}
    for old in (*match.missing, *match.absent):
        if old in renamed:
            new = renamed[old]
            advice = f"was it renamed? Then {renamed_row(source, old, match.header[new])}"
            if is_first:
                advice = f"is it meant? Then {_named_so(match.header[new])}"
            yield f"{old!r} is missing, and {match.name(new)} has no attribute: {advice}"
        elif old in keys:
            yield f"{old!r} is missing, of the key: without it rows cannot be distinguished"
        elif old == source.options.get("delete_column"):
            yield f"{old!r} is missing, the delete_column: without it rows cannot be distinguished from delete marks"
        elif old in match.missing:
            yield f"{old!r} is missing: where it may be, set its is_optional to true in seeds/attribute.csv"
    partners = frozenset(renamed.values())
    strangers = [position for position in match.unknown if position not in partners]
    if not strangers:
        return
    names = ", ".join(unknown_name(match, position) for position in strangers[:SHOWN])
    if len(strangers) > SHOWN:
        names += f" and {len(strangers) - SHOWN} more"
    if source.on_unknown_column == "halt":
        yield (
            f"{names} {'have' if len(strangers) > 1 else 'has'} no attribute: expected one in seeds/attribute.csv"
            " (is_optional, where earlier deliveries lack it), or on_unknown_column keep or ignore in seeds/source.csv"
        )
    else:
        yield f"Without an attribute: {names}"


def unknown_name(match: Match, position: int) -> str:
    """An unknown column, for people: its name and place, and whether it came before."""
    first = match.first[match.header[position]]
    again = (
        f", again after column {first + 1}" if first != position and match.header[position].strip() else ""
    )
    return f"{match.header[position]!r} (column {position + 1}{again})"


def _missing(match: Match, renamed: Mapping[str, int]) -> Sequence[Mapping[str, Any]]:
    return [
        {
            "column": name,
            "found": "missing",
            **({"perhaps": match.header[renamed[name]]} if name in renamed else {}),
        }
        for name in match.missing
    ]


def _unknown(match: Match) -> Sequence[Mapping[str, Any]]:
    return [
        {"column": match.header[position], "found": "no attribute", "place": position + 1}
        for position in match.unknown
    ]
