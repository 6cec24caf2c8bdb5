"""Rows and cells that follow from what a person wrote, made once: right after reading, before any rule sees the tables.

    source     its connection (the only one of its data source) and its job (its own, of its name)
    job        that of a source that names no other; blank cells of one that has sources
    job_task   a step of a source that its job has and no row does: extract, stage, historize
    tbl        the tables of a source in raw, staging and historical

All that reads the static metadata sees complete rows: rules, the plan of a job, Airflow, dbt. A row that is made names
the row from which it follows (`Row.origin`), so that an error names what a person can edit.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path

from headwater.metadata.static.load import Seeds, load_seeds
from headwater.metadata.static.model import WAREHOUSE
from headwater.metadata.static.naming import warehouse_tables
from headwater.metadata.static.problem import Problems
from headwater.metadata.static.quality_rows import FORMER, cells_of, members_of
from headwater.metadata.static.rows import Origin, Row
from headwater.metadata.static.schema import TABLES
from headwater.metadata.static.source_schedule import SOURCE_SCHEDULES, default_cron
from headwater.metadata.static.source_types import connection_table
from headwater.metadata.static.step_names import NAMES_OF_PHASES, STEPS_OF_PHASE

ALL_STEPS = "ETL"
Cells = Mapping[str, str | None]


def load_complete_seeds(folder: Path, problems: Problems) -> Seeds:
    """Read every table of `folder`, and complete it."""
    seeds = load_seeds(folder, problems)
    complete(seeds)
    return seeds


def complete(seeds: Seeds) -> None:
    """Add what follows from the rows. What is complete stays as it is."""
    connections = _Connections(seeds)
    for source in seeds.rows["source"]:
        _move_former_checks(source, seeds)
        _set_connection(source, connections, seeds)
    _complete_jobs(seeds)
    steps = _Steps(seeds, connections)
    for source in seeds.rows["source"]:
        steps.complete(source)
        _add_tables(source, seeds)


def _add(seeds: Seeds, table: str, cells: Cells, source: Row, name: str, column: str | None = None) -> None:
    """Add a row that follows from a source."""
    row = Row(
        source.line,
        {column: cells.get(column) for column in TABLES[table].column_names},
        Origin("source", source.line, name, column),
    )
    seeds.rows[table].append(row)
    if key := row[table]:
        seeds.by_name[table].setdefault(key, row)


def _is_free(seeds: Seeds, table: str, name: str) -> bool:
    """Return whether no row has the name, as far as can be told."""
    return not seeds.knows(table, name)


def _move_former_checks(source: Row, seeds: Seeds) -> None:
    """Turn the JSON of `quality_checks` into rows of quality_check; what is none is left for the rules to tell."""
    checks = members_of(source.text(FORMER)) if source[FORMER] else []
    if checks is None:
        return
    source.cells[FORMER] = None
    for number, check in enumerate(checks, start=1):
        cells = cells_of(source.text("source").strip(), check)
        _add(seeds, "quality_check", cells, source, f"check {number}", FORMER)


class _Connections:
    """The connections of each data source, and the type of each."""

    def __init__(self, seeds: Seeds) -> None:
        self._types = {
            row.text("data_source"): row.text("data_source_type") for row in seeds.rows["data_source"]
        }
        self._names: dict[tuple[str, str], list[str]] = defaultdict(list)
        for table in ("conn_str", "conn_api"):
            for row in seeds.rows[table]:
                self._names[table, row.text("data_source")].append(row.text(table))

    def table(self, data_source: str) -> str | None:
        """Return which table has the connections of a data source; None of one that is not there."""
        return connection_table(self._types[data_source]) if data_source in self._types else None

    def only(self, data_source: str) -> str | None:
        """Return the one connection of a data source, None where there is none or a choice."""
        table = self.table(data_source)
        names = self._names.get((table, data_source), []) if table else []
        return names[0] if len(names) == 1 else None


def _set_connection(source: Row, connections: _Connections, seeds: Seeds) -> None:
    """Name the connection of a source: its own choice in either place, else the only one there is."""
    if source["connection"] is None:
        chosen = [
            row["value"] for row in seeds.options_of(source.text("source")) if row["name"] == "conn_str"
        ]
        source.cells["connection"] = chosen[0] if chosen else connections.only(source.text("data_source"))


def _complete_jobs(seeds: Seeds) -> None:
    for source in seeds.rows["source"]:
        name = source.text("source").strip()
        if source["job"] is None and name:
            source.cells["job"] = name
        if name and source["job"] == name and _is_free(seeds, "job", name):
            _add(seeds, "job", _default_job(source), source, "its job")
    sources: dict[str, list[Row]] = defaultdict(list)
    for source in seeds.rows["source"]:
        sources[source.text("job")].append(source)
    for task in seeds.rows["job_task"]:
        of_task = seeds.find("source", task["source"])
        if of_task is not None and of_task["job"] != task["job"]:
            sources[task.text("job")].append(of_task)
    for job in seeds.rows["job"]:
        if not job.origin:
            _complete_job(job, sources.get(job.text("job"), []))


def _default_job(source: Row) -> Cells:
    schedule = source.text("schedule")
    name = source.text("source").strip()
    return {
        "job": name,
        **_OF_ANY_JOB,
        "is_etl": "true",
        "etl_steps": ALL_STEPS,
        "is_full_load": "true" if source["delivery_type"] == "snapshot" else "false",
        "del_temp_data": "false",
        "schedule": default_cron(name, schedule) if schedule in SOURCE_SCHEDULES else schedule or None,
        "owner": source["owner"],
        "description": source["description"],
    }


_OF_ANY_JOB = {"job_type": "batch", "is_active": "true"}


def _complete_job(job: Row, sources: list[Row]) -> None:
    """Fill the blank cells of a written job: kind and steps by its sources, owner and description where they agree."""
    cells: dict[str, str | None] = {**_OF_ANY_JOB, "is_etl": "true" if sources else "false"}
    if sources:
        cells |= {column: _common(sources, column) for column in ("owner", "description")}
        if job["is_etl"] in (None, "true"):
            cells["etl_steps"] = ALL_STEPS
    for column, cell in cells.items():
        if job[column] is None:
            job.cells[column] = cell


def _common(rows: Iterable[Row], column: str) -> str | None:
    """Return the cell that all rows have in a column, None where they differ."""
    cells = {row[column] for row in rows}
    return cells.pop() if len(cells) == 1 else None


class _Steps:
    """The steps of sources: those that rows do, and those that follow."""

    def __init__(self, seeds: Seeds, connections: _Connections) -> None:
        self._seeds, self._connections = seeds, connections
        self._tasks: dict[str, list[Row]] = defaultdict(list)
        for row in seeds.rows["job_task"]:
            self._tasks[row.text("source")].append(row)

    def complete(self, source: Row) -> None:
        """Fill the blank tables and connections of the source's tasks, and add the steps that no task does."""
        name, seeds = source.text("source").strip(), self._seeds
        tasks = self._tasks.get(name, [])
        for task in tasks:
            if task["tgt_tbl"] is None and not task.origin:
                for column, cell in self._ends(source, task.text("etl_step")).items():
                    if task[column] is None and not (column == "conn_api" and task["conn_str"]):
                        task.cells[column] = cell
        job = seeds.find("job", source["job"])
        if not name or not job or job["is_etl"] == "false":
            return
        if "job_task" in seeds.unreadable or name in seeds.broken_cells["job_task"]:
            return  # a row that cannot be read may do the step
        self._add_steps(source, name, job, tasks)

    def _add_steps(self, source: Row, name: str, job: Row, tasks: list[Row]) -> None:
        done = {task["etl_step"] for task in tasks}
        done_here = {
            task["etl_step"]: int(task.text("step_seq"))
            for task in tasks
            if task["job"] == job["job"] and task["is_active"] == "true" and task.text("step_seq").isdigit()
        }
        step_seq = min(done_here.values(), default=2) - 1
        for phase in STEPS_OF_PHASE:
            if phase in done_here:
                step_seq = done_here[phase]
            elif phase in job.text("etl_steps") and phase not in done:
                step_seq = step_seq if phase == "E" else step_seq + 1
                cells = {
                    "job_task": f"{name}_{NAMES_OF_PHASES[phase]}",
                    "job": job["job"],
                    "etl_step": phase,
                    "step_seq": str(step_seq),
                    "is_active": "true",
                    "source": name,
                    **self._ends(source, phase),
                }
                _add(self._seeds, "job_task", cells, source, "its task")

    def _ends(self, source: Row, phase: str) -> dict[str, str | None]:
        """Return the connection and the tables of a step."""
        name, seeds = source.text("source").strip(), self._seeds
        has_warehouse = WAREHOUSE in seeds.by_name["data_source"]
        raw, staging, historical = warehouse_tables(name) if has_warehouse else (None, None, None)
        if phase != "E":
            ends = (raw, staging) if phase == "T" else (staging, historical)
            return {"conn_str": self._connections.only(WAREHOUSE), "src_tbl": ends[0], "tgt_tbl": ends[1]}
        table = self._connections.table(source.text("data_source"))
        published = [row["value"] for row in seeds.options_of(name) if row["name"] == "tbl"]
        src_tbl = published[0] if published and seeds.find("tbl", published[0]) else None
        connection = (
            {table: source["connection"]} if table and seeds.find(table, source["connection"]) else {}
        )
        return {**connection, "src_tbl": src_tbl, "tgt_tbl": raw}


def _add_tables(source: Row, seeds: Seeds) -> None:
    """Add the tables of a source in the database; those after raw are as large as raw."""
    name = source.text("source").strip()
    if not name or WAREHOUSE not in seeds.by_name["data_source"]:
        return
    tables = warehouse_tables(name)
    raw = seeds.find("tbl", tables[0])
    size = (raw["data_size"] if raw else None) or "small"
    for table in tables:
        if _is_free(seeds, "tbl", table):
            cells = {
                "tbl": table,
                "data_source": WAREHOUSE,
                "incr_column": "delivery_sqn",
                "data_size": size,
            }
            _add(seeds, "tbl", cells, source, "its table")
