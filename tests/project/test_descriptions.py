"""Whatever a person can meet in the database is described, and the models are what the seeds say."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Engine

from headwater.dbt_project.generate import generated_files, stale_files
from headwater.metadata.process.tables import metadata
from headwater.metadata.static.model import Catalog
from headwater.metadata.static.naming import ROW_HASH
from tests.conftest import PROJECT
from tests.project.conftest import invoke_dbt

NAMES = {  # Postgres' names of the types that the metadata writes shorter
    "time": "time without time zone",
    "timestamp": "timestamp without time zone",
    "timestamptz": "timestamp with time zone",
}


def test_models_are_as_the_seeds_say(catalog: Catalog) -> None:
    stale = stale_files(generated_files(catalog.sources.values(), PROJECT / "models"))
    assert [str(file.path.relative_to(PROJECT)) for file in stale] == []


def test_every_model_belongs_to_a_source_or_is_a_mart(catalog: Catalog, models: list[Any]) -> None:
    expected = {f"{layer}_{name}" for layer in ("stg", "hist") for name in catalog.sources}
    assert {model.name for model in models if model.fqn[1] != "marts"} == expected


def test_everything_that_dbt_knows_is_described(manifest: Any, models: list[Any]) -> None:
    seeds = [node for node in manifest.nodes.values() if node.resource_type == "seed"]
    assert len(seeds) == 11
    described = [*models, *seeds, *manifest.sources.values(), *manifest.exposures.values()]
    assert [node.unique_id for node in described if not node.description.strip()] == []
    columns = [
        (node.unique_id, column.name, column.description)
        for node in described
        for column in getattr(node, "columns", {}).values()
    ]
    assert len(columns) > 300
    assert [column for column in columns if not column[2].strip()] == []


def test_the_grain_is_the_first_sentence_of_every_table_that_consumers_read(models: list[Any]) -> None:
    for model in models:
        if model.fqn[1] in ("historical", "marts"):
            assert re.match(r"One row per \w+", model.description), model.name


def test_described_columns_are_the_columns_that_there_are(
    models: list[Any], database: Engine, tmp_path: Path
) -> None:
    run_everything_on_nothing(tmp_path)
    for model in models:
        there = columns(database, model.schema, model.alias)
        assert set(model.columns) == set(there) - {ROW_HASH}, model.name


def run_everything_on_nothing(target: Path) -> None:
    """Have dbt make every table, empty."""
    done = invoke_dbt("run", target)
    assert done.success, [result.message for result in done.result.results] if done.result else done.exception


def columns(database: Engine, schema: str, table: str) -> dict[str, str]:
    """Column → type, as Postgres writes it."""
    statement = sa.text(
        "select attname, format_type(atttypid, atttypmod) from pg_attribute"
        " where attrelid = cast(:table as regclass) and attnum > 0 and not attisdropped"
    )
    with database.connect() as connection:
        rows = connection.execute(statement, {"table": f'{schema}."{table}"'})
        return {row.attname: row.format_type for row in rows}


def test_process_metadata_is_described_as_it_is(manifest: Any) -> None:
    described = {
        s.name: set(s.columns) for s in manifest.sources.values() if s.source_name == "process_metadata"
    }
    known = {table.name: set(table.columns.keys()) for table in metadata.tables.values()}
    assert {name: cols for name, cols in described.items() if name in known} == known
    assert set(described) - set(known) <= {
        "delivery_state",
        "fallen_out_row",
        "run_report",
        "stale_current_key",
    }


SIGNATURE = re.compile(r"\{%-?\s*(?:macro|test)\s+(\w+)\s*\((.*?)\)\s*-?%\}", re.DOTALL)


def test_a_macro_lies_in_a_file_of_its_name_and_is_documented_argument_by_argument(manifest: Any) -> None:
    documented = {
        macro.name: macro for macro in manifest.macros.values() if macro.package_name == "headwater"
    }
    for file in sorted((PROJECT / "macros").rglob("*.sql")):
        found = SIGNATURE.findall(file.read_text(encoding="utf-8"))
        if file.stem.startswith("materialization_"):
            macro = documented[f"{file.stem}_postgres"]
            assert macro.description.strip(), file
            continue
        assert len(found) == 1, f"{file}: one macro a file"
        ((name, arguments),) = found
        name = file.stem if file.stem == f"test_{name}" else name
        assert name == file.stem, file
        macro = documented[name]
        assert macro.description.strip(), f"{name}: no description"
        messages = [argument.name for argument in macro.arguments if (argument.description or "").strip()]
        assert messages == re.findall(r"(\w+)\s*(?:=[^,]+)?(?:,|$)", re.sub(r"\(.*?\)", "x", arguments)), name
