"""One value never stops its source: it is staged, or falls out with rule, line and length, and the rest goes on."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from sqlalchemy import Engine

from headwater.extract.landing.store import ObjectStore
from headwater.metadata.static.datatypes import PLAIN
from headwater.pipeline.runners.sources import run
from headwater.project import Project
from tests.pipeline.line import Line
from tests.pipeline.project import FOLDER, SEEDS, make_project
from tests.support.hostile import VALUES

GOOD = {
    "text": "a", "varchar(20)": "b", "smallint": "1", "integer": "2", "bigint": "3", "numeric": "4.5",
    "numeric(8,2)": "5.25", "real": "1.5", "double precision": "2.5", "boolean": "true", "date": "2026-01-01",
    "time": "12:00", "timestamp": "2026-01-01 12:00", "timestamptz": "2026-01-01 12:00Z",
    "uuid": "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", "jsonb": "[1]",
}  # fmt: skip
COLUMNS = {f"c{number}": kind for number, kind in enumerate(GOOD)}
SOURCES = {  # name → format, and whether the columns are its key
    "csv_values": ("csv", False),
    "csv_keys": ("csv", True),
    "ndjson_values": ("ndjson", False),
    "ndjson_keys": ("ndjson", True),
}


def seeds() -> Mapping[str, str]:
    """A source for each entry of SOURCES, with a column of every datatype."""
    made = {table: text.partition("\n")[0] + "\n" for table, text in SEEDS.items()}
    made["data_source"] += "foe,local_files,A publisher who means no good\n"
    for name, (kind, is_key) in SOURCES.items():
        made["conn_str"] += f"{name},foe,,,,,,,${{{FOLDER}}}/{name}\n"
        made["job"] += f"{name},true,ETL,true,false,batch,,,foe,true,Values,,,,,\n"
        made["source"] += f"{name},{name},foe,foe,daily,none,snapshot,,,,,,,,,,,,One row per value\n"
        made["attribute"] += f"{name},id,id,text,,,{'' if is_key else 'true'},,,Number of the row\n"
        for column, data_type in COLUMNS.items():
            is_a_key = "true" if is_key else ""
            made["attribute"] += f'{name},{column},{column},"{data_type}",,,{is_a_key},,,"A {data_type}"\n'
        made["source_attribute"] += (
            f"{name},conn_str,{name},\n{name},file_pattern,(?P<date>\\d{{8}})\\.{kind}$,\n{name},format,{kind},\n"
            f"{name},on_type_changed,ignore,\n"
        )
    return made


def rows(is_key: bool) -> list[dict[str, str]]:
    """Each value in each column, and one valid row for each; other columns are valid, or empty where they may be."""
    valid = dict(zip(COLUMNS, GOOD.values(), strict=True))
    base = valid if is_key else {}
    made = [{**base, column: text} for text in VALUES.values() for column in COLUMNS]
    made += [{**valid, "c3": str(number)} for number in range(100)]
    return [{"id": str(number), **dict.fromkeys(COLUMNS, ""), **row} for number, row in enumerate(made)]


def publish(folder: Path, kind: str, day: int, delivered: Sequence[Mapping[str, str]]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / f"202601{day:02}.{kind}").open("w", encoding="utf-8", newline="") as file:
        if kind == "csv":
            writer = csv.DictWriter(file, ["id", *COLUMNS])
            writer.writeheader()
            writer.writerows(delivered)
        else:
            file.writelines(json.dumps(row) + "\n" for row in delivered)


@pytest.fixture(scope="session")
def hostile_project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_project(tmp_path_factory.mktemp("hostile") / "project", seeds(), marts={})


def test_every_datatype_has_its_row() -> None:
    assert {kind for kind in GOOD if "(" not in kind} == set(PLAIN)


def test_every_value_at_every_datatype_is_staged_or_falls_out_and_the_delivery_ends_in_history(
    hostile_project: Path,
    empty_database: Engine,
    store: ObjectStore,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(FOLDER, str(tmp_path))
    line = Line(Project(hostile_project, tmp_path / "home"), tmp_path, empty_database, store)
    for name, (kind, is_key) in SOURCES.items():
        delivered = rows(is_key)
        publish(tmp_path / name, kind, 1, delivered)
        publish(tmp_path / name, kind, 2, delivered[1:])
    result = run(line.project, [], line.messages.append)
    assert "\n".join(result.failures) == ""
    assert result.halts == []
    for name, (_, is_key) in SOURCES.items():
        counts = line.query(
            "select publisher_name, raw.record_count, staged.record_count + staged.fallen_out_count,"
            " staged.fallen_out_count > 0, historical.record_count = staged.record_count"
            " from metadata.delivery inner join metadata.delivery_status as raw using (delivery_sqn)"
            " inner join metadata.delivery_status as staged using (delivery_sqn)"
            " inner join metadata.delivery_status as historical using (delivery_sqn)"
            " where source = :source and raw.layer = 'raw' and staged.layer = 'staging'"
            " and historical.layer = 'historical' order by delivery_date",
            source=name,
        )
        sent = len(rows(is_key))
        assert [row[1:] for row in counts] == [(sent, sent, True, True), (sent - 1, sent - 1, True, True)]
        newest = f"select max(delivery_sqn) from metadata.delivery where source = '{name}'"
        assert line.query(f"select count(*) from historical.{name} where valid_to is null") == line.query(
            f"select count(*) from staging.stg_{name} where delivery_sqn = ({newest})"
        )

    long = line.query(
        "select distinct column_name, rule, row -> 'c0', key is null from metadata.quarantined_row"
        " inner join metadata.delivery using (delivery_sqn)"
        " where source = 'csv_keys' and row ->> 'c0' like 'kkk%' and line_number is not null"
    )
    assert long == [("c0", "key_too_long", "k" * 1000 + "… (9000 characters in all)", False)]
