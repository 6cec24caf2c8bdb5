"""Types of cells: a check per kind, on the cell alone.

Every check returns None when all is well, or what is wrong and what was expected instead.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation

from headwater.metadata.static import extensions
from headwater.metadata.static.cron import schedule_problem, time_zone_problem
from headwater.metadata.static.naming import PYTHON_SPEC, SAFE_NAME, names_in, one_of
from headwater.metadata.static.schema import Column
from headwater.metadata.static.secrecy import is_secret_reference
from headwater.metadata.static.source_schedule import source_schedule_problem
from headwater.metadata.static.source_types import type_problem
from headwater.metadata.static.spelling import SPELLINGS, unknown_spellings
from headwater.metadata.static.table_names import parts_of

Wrong = tuple[str, str]

MOST_COUNTED = 1_000_000_000
ROLE = "role:"  # before a decider that is a role
WHOLE_PERCENTAGE = 100

_EXPECTED = {
    "name": "a to z, 0 to 9 and _, a letter first, 50 characters at most",
    "table": 'schema.table in a to z, 0 to 9 and _; what is named otherwise in quotes, as in public."User"',
    "boolean": "true or false",
    "count": "1, 2, 3 …",
    "number": "0, 1, 2 …",
    "percentage": "a number from 0 to 100",
    "reference": "a name",
    "references": "names, separated by |",
    "deciders": f"names of users, and {ROLE}NAME of roles, separated by |",
    "moment": "a day such as 2026-01-31, or a moment in UTC such as 2026-01-31T18:00:00Z",
}


def blank_problem(column: Column) -> Wrong | None:
    """Return whether the cell may be blank."""
    if not column.required:
        return None
    accepted = extensions.names(column.group) if column.group else column.accepted
    choices = f"one of {', '.join(accepted)}" if accepted else None
    return "is blank", choices or _EXPECTED.get(column.kind, "a text")


def cell_problem(column: Column, cell: str) -> Wrong | None:
    """Return whether a cell that is not blank is what its column may hold."""
    if column.kind == "secret":
        return _secret_problem(cell)  # before all others, which repeat the cell
    if cell != cell.strip() and not column.free:
        return f'"{cell}" begins or ends with white space', 'none, or "<space>" if it is intended'
    if column.kind == "accepted":
        return choice_problem(column.accepted, cell)
    if column.kind == "function":
        return _function_problem(column.group, cell)
    check = _CHECKS.get(column.kind)
    return check(cell) if check else None


def choice_problem(accepted: tuple[str, ...], cell: str) -> Wrong | None:
    """Return whether the cell is one of the accepted values."""
    return None if cell in accepted else (f'"{cell}" is not known', one_of(accepted, cell))


def boolean_problem(cell: str) -> Wrong | None:
    """Return whether the cell is true or false, in these letters: dbt and Python must agree."""
    return None if cell in ("true", "false") else (f'"{cell}" is not a boolean', _EXPECTED["boolean"])


def count_problem(cell: str) -> Wrong | None:
    """Return whether the cell is a whole number from 1, in plain digits."""
    plain = cell.isascii() and cell.isdigit() and not cell.startswith("0")
    if plain and int(cell) < MOST_COUNTED:
        return None
    return f'"{cell}" is not a whole number from 1', _EXPECTED["count"]


def number_problem(cell: str) -> Wrong | None:
    """Return whether the cell is a whole number from 0, in plain digits."""
    if cell == "0" or count_problem(cell) is None:
        return None
    return f'"{cell}" is not a whole number from 0', _EXPECTED["number"]


def spelling_problem(cell: str) -> Wrong | None:
    """Return whether a cell is spelled so that Python and dbt read it alike, and as it is meant."""
    if unknown := unknown_spellings(cell):
        return f'"{unknown[0]}" is not a spelling', one_of(SPELLINGS, unknown[0])
    if cell.lower() == "null":
        return f'"{cell}" alone is a blank cell to dbt', f'another token beside it, such as "{cell}|<empty>"'
    return None


def _function_problem(group: str | None, cell: str) -> Wrong | None:
    """Return whether the cell names a function, or an extension of the group. Whether it is there is asked later."""
    if PYTHON_SPEC.fullmatch(cell):
        return None
    if group is None:
        return f'"{cell}" is not a function', "package.module:function"
    ours = extensions.names(group)
    if cell not in ours:
        return f'"{cell}" is not a function that we know', f"{one_of(ours, cell)}, or package.module:function"
    return type_problem(cell) if group == extensions.SOURCES else extensions.problem(group, cell)


def _source_type_problem(cell: str) -> Wrong | None:
    known = extensions.names(extensions.SOURCES)
    return choice_problem(known, cell) or type_problem(cell)


def _name_problem(cell: str) -> Wrong | None:
    return None if SAFE_NAME.fullmatch(cell) else (f'"{cell}" is not a safe name', _EXPECTED["name"])


def _table_problem(cell: str) -> Wrong | None:
    return None if parts_of(cell) else (f'"{cell}" is not the name of a table', _EXPECTED["table"])


def _percentage_problem(cell: str) -> Wrong | None:
    try:
        fits = Decimal(cell) <= WHOLE_PERCENTAGE and set(cell) <= set("0123456789.")
    except InvalidOperation:
        fits = False
    return None if fits else (f'"{cell}" is not a percentage', _EXPECTED["percentage"])


def _secret_problem(cell: str) -> Wrong | None:
    if is_secret_reference(cell):
        return None
    # The message goes to terminals and logs: it must not repeat what may be a password.
    return "does not say where the secret is", "env:NAME, file:/path, aws:id#key or airflow:conn_id"


def moment_of(cell: str) -> datetime:
    """The moment that a cell names; a day is its beginning in UTC. Raises ValueError unless it is one."""
    moment = datetime.fromisoformat(cell)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _moment_problem(cell: str) -> Wrong | None:
    """Each moment has one spelling, so that the same one twice is the same text twice."""
    wrong = f'"{cell}" is not a moment', _EXPECTED["moment"]
    try:
        moment = moment_of(cell)
    except ValueError:
        return wrong
    day, exact = f"{moment:%Y-%m-%d}", f"{moment:%Y-%m-%dT%H:%M:%SZ}"
    if exact == f"{day}T00:00:00Z":
        return {day: None, exact: (f'"{cell}" is the beginning of a day', day)}.get(cell, wrong)
    return None if cell == exact else wrong


def _several_problem(kind: str) -> Callable[[str], Wrong | None]:
    def problem(cell: str) -> Wrong | None:
        names = names_in(cell)
        if not all(name.removeprefix(ROLE).strip() for name in names):
            return f'"{cell}" has a blank name', _EXPECTED[kind]
        twice = next((name for name in names if names.count(name) > 1), None)
        return (f'"{twice}" stands twice', "each name once") if twice else None

    return problem


def json_problem(cell: str) -> Wrong | None:
    try:
        json.loads(cell)
    except json.JSONDecodeError as error:
        return f"is not JSON from character {error.pos + 1} on", "JSON"
    return None


_CHECKS: dict[str, Callable[[str], Wrong | None]] = {
    "name": _name_problem,
    "source_type": _source_type_problem,
    "table": _table_problem,
    "boolean": boolean_problem,
    "count": count_problem,
    "number": number_problem,
    "percentage": _percentage_problem,
    "schedule": schedule_problem,
    "source_schedule": source_schedule_problem,
    "time_zone": time_zone_problem,
    "references": _several_problem("references"),
    "deciders": _several_problem("deciders"),
    "moment": _moment_problem,
    "json": json_problem,
    "spelled": spelling_problem,
}
