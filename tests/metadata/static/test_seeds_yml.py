"""The description of the seeds for dbt (`seeds/_seeds.yml`) is what Python knows of them and what the files hold."""

from __future__ import annotations

import csv
import re
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from headwater.metadata.static.delivery_checks import DOUBTS, PERIODS, REACTIONS, Doubt
from headwater.metadata.static.schema import TABLES, Table

SEEDS = Path(__file__).resolve().parents[3] / "seeds"
DECLARED: dict[str, dict[str, Any]] = {
    seed["name"]: seed for seed in YAML(typ="safe").load(SEEDS / "_seeds.yml")["seeds"]
}

tables = pytest.mark.parametrize("table", TABLES.values(), ids=TABLES.keys())


def columns_of(table: Table) -> dict[str, dict[str, Any]]:
    return {column["name"]: column for column in DECLARED[table.name]["columns"]}


def data_tests_of(column: dict[str, Any]) -> dict[str, Any]:
    """The data tests of a column: name → arguments."""
    found: dict[str, Any] = {}
    for test in column.get("data_tests", []):
        name, body = (test, {}) if isinstance(test, str) else next(iter(test.items()))
        found[name] = body.get("arguments", {})
    return found


def test_every_table_is_declared_and_no_other() -> None:
    assert list(DECLARED) == list(TABLES)


@tables
def test_every_column_of_the_file_is_described_and_declared(table: Table) -> None:
    with (SEEDS / f"{table.name}.csv").open(encoding="utf-8", newline="") as file:
        header = next(csv.reader(file))
    columns = columns_of(table)
    assert list(table.current_names) == list(columns) == list(DECLARED[table.name]["config"]["column_types"])
    required = {column.name for column in table.columns if column.required}
    assert header == [name for name in columns if name in header], "columns that nobody needs may be missing"
    assert required <= set(header)
    assert all(len(column["description"]) > len("A name.") for column in columns.values())
    assert DECLARED[table.name]["description"]


@tables
def test_every_column_is_declared_text_or_boolean(table: Table) -> None:
    expected = {
        column.name: "boolean" if column.kind == "boolean" else "text"
        for column in table.columns
        if not column.former
    }
    assert DECLARED[table.name]["config"]["column_types"] == expected


@tables
def test_data_tests_say_what_the_layout_says(table: Table) -> None:
    for column in table.columns:
        if column.former:
            continue
        tests = data_tests_of(columns_of(table)[column.name])
        where = f"{table.name}.{column.name}"
        assert ("not_null" in tests) == column.required, where
        assert ("unique" in tests) == ((column.name,) in table.keys), where
        accepted = column.accepted if column.kind == "accepted" else ()
        assert tuple(tests.get("accepted_values", {}).get("values", ())) == accepted, where
        related = (
            {"to": f"ref('{column.refers_to}')", "field": column.refers_to}
            if column.kind == "reference" and not TABLES[column.refers_to or ""].has_defaults
            else None
        )
        assert tests.get("relationships") == related, where


@tables
def test_keys_of_several_columns_are_tested(table: Table) -> None:
    tests = DECLARED[table.name].get("data_tests", [])
    combinations = [tuple(test["headwater.unique_combination"]["arguments"]["columns"]) for test in tests]
    assert combinations == [key for key in table.keys if len(key) > 1]


@pytest.mark.parametrize("doubt", DOUBTS.values(), ids=DOUBTS.keys())
def test_what_follows_from_a_doubt_by_default_is_documented(doubt: Doubt) -> None:
    columns = columns_of(TABLES["source_attribute"])
    message = re.search(rf"\b{doubt.option} \(([^)]*)\)", columns["name"]["description"])
    assert message is not None
    assert f"by default {doubt.default('snapshot')}" in message[1]
    differs = doubt.default("delta") != doubt.default("snapshot")
    assert (f"for a delta {doubt.default('delta')}" in message[1]) == differs
    assert all(reaction in columns["value"]["description"] for reaction in REACTIONS)
    assert all(period in columns["name"]["description"] for period in PERIODS)
    assert doubt.needs is None or doubt.needs in columns["name"]["description"]
