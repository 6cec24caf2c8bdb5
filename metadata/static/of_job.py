"""The rows of the static metadata that one job has to do with: what is kept with its runs, and read again by them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from headwater.metadata.static.defaults import complete
from headwater.metadata.static.load import Seeds
from headwater.metadata.static.model import Catalog
from headwater.metadata.static.read import catalog_of
from headwater.metadata.static.rows import Row
from headwater.metadata.static.schema import TABLES

Cells = Mapping[str, str | None]
JobRows = Mapping[str, Sequence[Cells]]  # by table, in the order of its file

_CONNECTIONS = ("conn_str", "conn_api")


def rows_of_job(seeds: Seeds, job: str) -> JobRows:
    """The rows, in which nothing is wrong, of a job: its tasks, sources, and what those refer to.

    Of its sources also the tasks that belong to other jobs, as they say which phases are done elsewhere.
    """
    every = seeds.rows
    its_own = [row for row in every["job_task"] if row["job"] == job]
    sources = {row.text("source") for row in every["source"] if row["job"] == job} | _named(its_own, "source")
    tasks = [row for row in every["job_task"] if row["job"] == job or row.text("source") in sources]
    its_sources = [row for row in every["source"] if row.text("source") in sources]
    options = [row for row in every["source_attribute"] if row.text("source") in sources]
    tables = _named(tasks, "src_tbl", "tgt_tbl") | _values(options, "tbl")
    tbls = [row for row in every["tbl"] if row.text("tbl") in tables]
    data_sources = _named([*its_sources, *tbls], "data_source")
    connections = {
        table: [
            row
            for row in every[table]
            if row.text("data_source") in data_sources
            or row.text(table) in _named(tasks, table) | _parents(seeds)
        ]
        for table in _CONNECTIONS
    }
    data_sources |= _named([row for rows in connections.values() for row in rows], "data_source")
    scripts = _named(tasks, "sql_script") | _values(options, "sql_script")
    jobs = {job} | _named([*tasks, *its_sources], "job")
    found = {
        "data_source": [row for row in every["data_source"] if row.text("data_source") in data_sources],
        **connections,
        "tbl": tbls,
        "sql_script": [row for row in every["sql_script"] if row.text("sql_script") in scripts],
        "job": [row for row in every["job"] if row.text("job") in jobs],
        "job_task": tasks,
        "source": its_sources,
        "attribute": [row for row in every["attribute"] if row.text("source") in sources],
        "source_attribute": options,
        "quality_check": [row for row in every["quality_check"] if row.text("source") in sources],
    }
    return {table: [row.cells for row in rows] for table, rows in found.items()}


def catalog_of_rows(rows: JobRows) -> Catalog:
    """Return what `rows_of_job` gave, as the catalog of that job."""
    seeds = Seeds()
    for table, cells in rows.items():
        columns = TABLES[table].column_names
        seeds.rows[table] = [Row(0, {column: of_one.get(column) for column in columns}) for of_one in cells]
        seeds.by_name[table] = {name: row for row in seeds.rows[table] if (name := row[table])}
    complete(seeds)  # rows on record may be of before a column or a table
    return catalog_of(seeds)


def _named(rows: Iterable[Row], *columns: str) -> set[str]:
    return {name for row in rows for column in columns if (name := row[column])}


def _values(options: Iterable[Row], name: str) -> set[str]:
    return {row.text("value") for row in options if row["name"] == name}


def _parents(seeds: Seeds) -> set[str]:
    """The connections from which others have their tokens."""
    return _named(seeds.rows["conn_api"], "parent_conn_api")
