"""Names: which are safe as identifiers, which are taken, which name was probably meant."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable

SAFE_NAME = re.compile(r"[a-z][a-z0-9_]{0,49}")
PYTHON_SPEC = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*")
ENVIRONMENT_NAME = re.compile(r"\$\{[A-Z][A-Z0-9_]*\}")

PREFIXES = {"staging": "stg_", "historical": "hist_"}  # of the models of a source, by layer
# columns of a history that are no attributes, in their order
OF_HISTORY = (
    "valid_from", "valid_to", "change_type", "end_type", "delivery_sqn", "ended_by_delivery_sqn", "job_inst_id",
    "process_date",
)  # fmt: skip
ROW_HASH = "_row_hash"  # in staging and history: of the row as it came, for nobody but the next load
_ADDED_BY_US = (
    "delivery_sqn line_number job_inst_id valid_from valid_to change_type end_type ended_by_delivery_sqn"
    " delivery_date process_date is_delete_mark reject_reason row_as_it_came _rest"
)  # what macros add beside them begins with an underscore, as no attribute does
# What the names of indexes end in that begin with the name of a source: tables and indexes share their names.
INDEX_ENDINGS = (
    "_sqn_idx", "_delivery_sqn_idx", "_current_key", "_valid_from_key", "_valid_from_idx", "_valid_to_idx",
    "_current_part_idx",
)  # fmt: skip
# Reserved: Postgres takes them as column names only in quotes, so a person's SELECT would break on them.
_SQL = (
    "all analyse analyze and any array as asc asymmetric authorization binary both case cast check collate"
    " collation column concurrently constraint create cross current_catalog current_date current_role"
    " current_schema current_time current_timestamp current_user default deferrable desc distinct do else end"
    " except false fetch for foreign freeze from full grant group having ilike in initially inner intersect"
    " into is isnull join lateral leading left like limit localtime localtimestamp natural not notnull null"
    " offset on only or order outer overlaps placing primary references returning right select session_user"
    " similar some symmetric system_user table tablesample then to trailing true union unique user using"
    " variadic verbose when where window with"
)
RESERVED_TARGETS = frozenset(_ADDED_BY_US.split())
SQL_WORDS = frozenset(_SQL.split())
SYSTEM_COLUMNS = frozenset({"ctid", "xmin", "xmax", "cmin", "cmax", "tableoid"})  # every table has these
RESERVED_RAW = frozenset({"_rest", "delivery_sqn", "line_number", "job_inst_id"}) | SYSTEM_COLUMNS

LONGEST_IDENTIFIER_BYTES = 63
_CONTROL_CHARACTER = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")  # and what ends a line in Unicode


def warehouse_tables(source: str) -> tuple[str, str, str]:
    """Return the tables of a source in the database: raw, staging, historical."""
    return f"raw.{source}", f"staging.{PREFIXES['staging']}{source}", f"historical.{source}"


def names_in(cell: str | None) -> tuple[str, ...]:
    """The names of a cell that holds several, separated by |; none of a blank one."""
    return tuple(name.strip() for name in cell.split("|")) if cell else ()


def is_raw_column(source_name: str) -> bool:
    """Return whether a publisher's column name can be a column of the raw table as it stands."""
    return (
        bool(source_name.strip())
        and len(source_name.encode()) <= LONGEST_IDENTIFIER_BYTES
        and source_name not in RESERVED_RAW
        and not _CONTROL_CHARACTER.search(source_name)
    )


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known name that is most like `word`, if any is much like it."""
    found = difflib.get_close_matches(word, list(known), n=1)
    return found[0] if found else None


def one_of(known: Iterable[str], word: str) -> str:
    """Return what was expected instead of `word`, for a message: all that is known and what was probably meant."""
    names = list(known)
    if len(names) == 1:
        return names[0]
    near = nearest(word, names)
    return f"one of {', '.join(names)}" + (f" (perhaps {near})" if near else "")
