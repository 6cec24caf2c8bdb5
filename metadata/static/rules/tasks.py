"""Rules of what a job_task runs: are the script, the callable and the connection there, and do they fit each other?"""

from __future__ import annotations

from pathlib import Path

from headwater.metadata.static import extensions
from headwater.metadata.static.callables import lacks
from headwater.metadata.static.load import Seeds
from headwater.metadata.static.model import WAREHOUSE
from headwater.metadata.static.problem import Problems
from headwater.metadata.static.rows import Row
from headwater.metadata.static.schema import TABLES
from headwater.metadata.static.script_text import is_procedure_name, parameters_of
from headwater.metadata.static.source_types import connection_table, find_type

PARAMETERS = ("job_inst_id", "job_inst_task_id")  # of a script that a task runs


def check_tasks(seeds: Seeds, problems: Problems) -> None:
    """Every task with what it runs, and every script that a task runs."""
    for row in seeds.rows["job_task"]:
        if script := seeds.find("sql_script", row["sql_script"]):
            _check_script(row, script, seeds, problems)
        elif row["source"] is not None:
            _check_connection(row, seeds, problems)
    for table, column in (
        ("job_task", "python_callable"),
        ("source", "extract_function"),
        ("source", "wrangle_function"),
    ):
        for row in seeds.rows[table]:
            _check_function(table, row, column, seeds.folder.parent, problems)


def _check_script(row: Row, script: Row, seeds: Seeds, problems: Problems) -> None:
    """The connection is that of a database, and the script asks for nothing that the task does not have."""
    expected = f"the connection of a database, such as that of the data source {WAREHOUSE}"
    if row["conn_api"] is not None:
        problems.add("job_task", row, "conn_api", "cannot run a sql_script", f"a conn_str: {expected}")
    elif row["conn_str"] is None:
        problems.add("job_task", row, "conn_str", "is blank beside a sql_script", expected)
    elif (kind := find_type(_kind_of(row, seeds))) and not kind.runs_sql_scripts:
        message = f'"{row["conn_str"]}" is of the type {kind.name}, which runs no sql_script'
        problems.add("job_task", row, "conn_str", message, expected)
    text = script.text("sql_text")
    if script.is_true("is_stored_proc"):
        if text and not is_procedure_name(text.strip().rstrip(";")):
            message = "is no name of a procedure though is_stored_proc is true"
            expected = (
                "its name alone, such as tidy or scratch.tidy: it is called with the numbers of the run"
            )
            problems.add("sql_script", script, "sql_text", message, expected)
    else:
        for name in parameters_of(text):
            if name not in PARAMETERS:
                message = f'"{script["sql_script"]}" asks for :{name}, which a task does not have'
                known = " and ".join(f":{parameter}" for parameter in PARAMETERS)
                problems.add(
                    "job_task", row, "sql_script", message, rf"{known}, or \:{name} where it is text"
                )


def _kind_of(row: Row, seeds: Seeds) -> str | None:
    """The type of the data source that a conn_str leads to, None where it cannot be told."""
    connection = seeds.find("conn_str", row["conn_str"])
    data_source = seeds.find("data_source", connection["data_source"]) if connection else None
    return data_source["data_source_type"] if data_source else None


def _check_connection(row: Row, seeds: Seeds, problems: Problems) -> None:
    """A task of a source names the connection that its step uses, or none."""
    source = seeds.find("source", row["source"])
    if source is None:
        return
    used = _used_by(row, source, seeds)
    if used is None:
        return
    table, names = used
    for column in ("conn_str", "conn_api"):
        if row[column] is None or not names or (column == table and row[column] in names):
            continue
        message = f'"{row[column]}" is not what the step {row["etl_step"]} of {source["source"]} uses'
        expected = f"{' or '.join(sorted(names))} (in {table}), or a blank cell"
        problems.add("job_task", row, column, message, expected)


def _used_by(row: Row, source: Row, seeds: Seeds) -> tuple[str, set[str]] | None:
    """The table of the connection that a step of a source uses, and its names; None where it cannot be told."""
    if row["etl_step"] != "E":
        return "conn_str", _connections_of("conn_str", WAREHOUSE, seeds)
    data_source = seeds.find("data_source", source["data_source"])
    if data_source is None or "source_attribute" in seeds.unreadable:
        return None
    table = connection_table(data_source.text("data_source_type"))
    chosen = {source.text("connection")} - {""}
    return table, chosen or _connections_of(table, data_source.text("data_source"), seeds)


def _connections_of(table: str, data_source: str, seeds: Seeds) -> set[str]:
    return {row.text(table) for row in seeds.rows[table] if row["data_source"] == data_source}


def _check_function(table: str, row: Row, column: str, root: Path, problems: Problems) -> None:
    spec = row.text(column)
    named = f'"{spec}"'
    group = next(one.group for one in TABLES[table].columns if one.name == column)
    if group and not extensions.problem(group, spec) and (extension := extensions.find(group, spec)):
        named, spec = f"the {extension}", extension.value
    if ":" in spec and (missing := lacks(spec, root)):
        expected = "package.module:function, of an installed package or of the project's folder"
        problems.add(table, row, column, f"{named} cannot be called: {missing}", expected)
