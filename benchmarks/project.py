"""The project of the benchmarks: sources of customers, with checks as a real source has them."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path

import psycopg2

from benchmarks.data import KEY, WIDTH, date_of, snapshot, types_of
from headwater.dbt_project.generate import generated_files, write_files
from headwater.home import make_home
from headwater.metadata.static.read import read_catalog
from headwater.project import Project, find_project

CHECKS = [
    {"expect": "expect_column_values_to_be_between", "column": "balance", "min_value": 0, "severity": "critical"},
    {
        "expect": "expect_column_values_to_match_regex", "column": "country", "regex": "^[A-Z]{2}$",
        "severity": "critical",
    },
    {
        "expect": "expect_column_values_to_be_in_set", "column": "segment",
        "value_set": ["private", "company", "public"], "severity": "warning",
    },
]  # fmt: skip

HEADERS = {  # of the tables that have rows: the columns in which these are written
    "job": "job,is_etl,etl_steps,is_full_load,del_temp_data,job_type,schedule,after_job,owner,is_active,description",
    "source": "source,job,data_source,owner,schedule,geographic_granularity,delivery_type,quality_checks,load_new,"
    "load_changed,load_removed,on_null_key,on_duplicate_key,on_unknown_column,max_removed_pct,max_fallen_out_pct,"
    "description",
    "attribute": "source,source_name,target_name,target_datatype,format,null_tokens,is_key,is_tracked,is_optional,"
    "description",
}


def make_project(root: Path, sources: Mapping[str, str], width: int = WIDTH) -> Project:
    """Write a project to the folder `root`: name of source → snapshot or delta. Also creates the publisher's folder."""
    ours = find_project().root
    (root / "seeds").mkdir(parents=True)
    shutil.copy(ours / "dbt_project.yml", root)
    shutil.copytree(ours / "profiles", root / "profiles")
    (root / "models").mkdir()
    (root / "models" / "metadata").symlink_to(ours / "models" / "metadata")
    rows = _rows(root / "published", sources, width)
    for path in (ours / "seeds").iterdir():
        text = path.read_text(encoding="utf-8")
        if path.suffix == ".csv":
            header = HEADERS.get(path.stem, text.partition("\n")[0])
            text = "\n".join([header, *rows.get(path.stem, []), ""])
        (root / "seeds" / path.name).write_text(text, encoding="utf-8")
    write_files(generated_files(read_catalog(root / "seeds").sources.values(), root / "models"))
    for name in sources:
        published(root, name).mkdir(parents=True)
    return Project(root, make_home(root))


def published(root: Path, source: str) -> Path:
    """Return the folder with the publisher's files of a source."""
    return root / "published" / source


def publish_snapshot(root: Path, source: str, rows: int, step: int, width: int = WIDTH) -> Path:
    """Write the snapshot of a step as a CSV file in the publisher's folder."""
    [path] = publish_queries(published(root, source), source, {step: snapshot(rows, step, width)})
    return path


def publish_queries(folder: Path, source: str, queries: Mapping[int, str]) -> list[Path]:
    """Write the rows of each step's query as a CSV file, named as the publisher of the source names it."""
    paths = []
    connection = psycopg2.connect("")
    with connection, connection.cursor() as cursor:
        for step, query in queries.items():
            paths.append(folder / f"{source}-{date_of(step):%Y%m%d}.csv")
            with paths[-1].open("wb") as file:
                cursor.copy_expert(f"copy ({query}) to stdout (format csv, header)", file, 1 << 16)
    connection.close()
    return paths


def _rows(folder: Path, sources: Mapping[str, str], width: int) -> dict[str, list[str]]:
    """Return the rows of each seed, as CSV."""
    rows: dict[str, list[str]] = {
        "data_source": ["bench,local_files,Files of the benchmarks"],
        "conn_str": [], "job": [], "source": [], "attribute": [], "source_attribute": [],
    }  # fmt: skip
    for name, kind in sources.items():
        checks = json.dumps(CHECKS).replace('"', '""')
        removed = "5" if kind == "snapshot" else ""
        rows["conn_str"].append(f"{name},bench,,,,,,,{folder / name}")
        rows["job"].append(f"{name},true,ETL,true,false,batch,,,bench,true,Customers to history")
        rows["source"].append(
            f'{name},{name},bench,bench,daily,customer,{kind},"{checks}",true,true,true,fall_out,halt,keep,'
            f"{removed},1,One row per customer"
        )
        for column, datatype in types_of(width).items():
            is_key = "true" if column == KEY else "false"
            tracked = "" if column == KEY else "true"
            rows["attribute"].append(
                f'{name},{column},{column},"{datatype}",,,{is_key},{tracked},false,The {column} of a customer'
            )
        rows["source_attribute"] += [
            f"{name},conn_str,{name},",
            f"{name},file_pattern,{name}-(?P<date>\\d{{8}})\\.csv$,",
        ]
        if kind == "delta":
            rows["source_attribute"] += [f"{name},delete_column,gone,", f"{name},delete_values,yes,"]
    return rows
