"""Rules of source together with its attributes and connections: is it keyed, reached and guarded?"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

from headwater.metadata.static.load import Seeds
from headwater.metadata.static.naming import INDEX_ENDINGS, is_raw_column, one_of
from headwater.metadata.static.problem import Problems
from headwater.metadata.static.rows import Row
from headwater.metadata.static.rules.delivery_checks import check_doubts
from headwater.metadata.static.rules.files import check_files
from headwater.metadata.static.rules.parts import check_parts
from headwater.metadata.static.rules.renamed import check_renamed
from headwater.metadata.static.rules.types import check_types
from headwater.metadata.static.source_parts import SourceParts
from headwater.metadata.static.source_schedule import SOURCE_SCHEDULES, source_schedule_problem
from headwater.metadata.static.source_types import connection_table, find_option, find_type
from headwater.metadata.static.spelling import unspell

Connections = Mapping[tuple[str, str], list[str]]  # (table of connections, data source) → their names


def check_sources(seeds: Seeds, problems: Problems) -> None:
    """Every source with all that belongs to it."""
    connections = _connections_by_data_source(seeds)
    for source in _gather_parts(seeds):
        _check_name(source, seeds, problems)
        _check_policy(source, seeds, problems)
        if "attribute" not in seeds.unreadable:
            _check_columns(source, problems)
            check_renamed(source, problems)
            check_parts(source, problems)
        _check_connection(source, connections, seeds, problems)
        check_types(source, seeds, problems)
        if not source.data_source_type or find_type(source.data_source_type):
            check_files(
                source, seeds, problems
            )  # how those of a type are read that cannot be used, nobody knows
        check_doubts(source, problems)


def _gather_parts(seeds: Seeds) -> list[SourceParts]:
    """Every source with what belongs to it, in the order of the file."""
    parts = {
        name: SourceParts(row, seeds.find("data_source", row["data_source"]))
        for name, row in seeds.by_name["source"].items()
    }
    for row in seeds.rows["attribute"]:
        if row.text("source") in parts:
            parts[row.text("source")].attributes.append(row)
    for row in seeds.rows["source_attribute"]:
        if row.text("source") in parts:
            of_source = parts[row.text("source")]
            option = find_option(row.text("name"), of_source.data_source_type)
            if row["valid_from"] is not None and option is not None and option.is_of_reading:
                of_source.dated_options.append(row)
            else:
                of_source.options.setdefault(row.text("name"), row)
    return list(parts.values())


def _connections_by_data_source(seeds: Seeds) -> Connections:
    names: dict[tuple[str, str], list[str]] = defaultdict(list)
    for table in ("conn_str", "conn_api"):
        for row in seeds.rows[table]:
            names[table, row.text("data_source")].append(row.text(table))
    return names


def _check_name(source: SourceParts, seeds: Seeds, problems: Problems) -> None:
    for ending in INDEX_ENDINGS:
        other = source.name.removesuffix(ending)
        if other != source.name and other in seeds.by_name["source"]:
            message = f'"{source.name}" is the name of an index of "{other}"'
            source.blame(problems, "source", message, "another name")


def _check_policy(source: SourceParts, seeds: Seeds, problems: Problems) -> None:
    job = seeds.find("job", source.row["job"])
    if job and job["is_etl"] == "false":
        message = f'"{source.row["job"]}" is not an ETL job'
        source.blame(problems, "job", message, "a job with is_etl true")
    schedule = source.row.text("schedule")
    if (
        job
        and not job.origin
        and schedule not in SOURCE_SCHEDULES
        and source_schedule_problem(schedule) is None
    ):
        message = f'"{schedule}" is the schedule of a job that has a row (job.csv:{job.line}), which says it'
        expected = f"how often the publisher delivers: one of {', '.join(SOURCE_SCHEDULES)}"
        source.blame(problems, "schedule", message, expected)
    if source.row["delivery_type"] == "delta" and source.row["max_removed_pct"] is not None:
        source.blame(problems, "max_removed_pct", "guards snapshots only", "a blank cell for a delta")


def _check_columns(source: SourceParts, problems: Problems) -> None:
    if not source.attributes:
        message = f'"{source.name}" has no attributes'
        source.blame(problems, "source", message, "its columns in attribute.csv")
    elif not any(attribute.is_true("is_key") for attribute in source.attributes):
        message = f'"{source.name}" has no key attribute'
        source.blame(problems, "source", message, "one row at least in attribute.csv with is_key true")
    taken: dict[str, Row] = {}
    for attribute in source.attributes:
        raw_column = _raw_column(attribute)
        first = taken.setdefault(raw_column, attribute)
        if first["source_name"] != attribute["source_name"]:  # the same one twice is said already
            message = f'needs the raw column "{raw_column}", which line {first.line} has'
            problems.add("attribute", attribute, "target_name", message, "another target name")


def _raw_column(attribute: Row) -> str:
    source_name = unspell(attribute.text("source_name"))
    return source_name if is_raw_column(source_name) else f"_{attribute.text('target_name')}"


def _check_connection(
    source: SourceParts, connections: Connections, seeds: Seeds, problems: Problems
) -> None:
    if source.data_source is None:
        return
    name, table = source.data_source.text("data_source"), connection_table(source.data_source_type)
    local, chosen = connections.get((table, name), []), source.row["connection"]
    if table in seeds.unreadable:
        return
    if chosen is None and len(local) > 1:
        message = f'is blank, and "{name}" is reached by {", ".join(local)}'
        source.blame(problems, "connection", message, f"one of {', '.join(local)}")
    if chosen is not None and chosen not in local:
        message = f'"{chosen}" is not a connection of "{name}"'
        expected = one_of(local, chosen) if local else f"a row in {table}.csv"
        if chosen == source.option("conn_str"):
            source.blame_option(problems, "conn_str", "value", f"conn_str {message}", expected)
        else:
            source.blame(problems, "connection", message, expected)
    if source.option("conn_str") not in (None, chosen):
        expected = "one of the option conn_str and the column connection of source.csv"
        source.blame_option(
            problems, "conn_str", "name", f'stands beside the connection "{chosen}"', expected
        )
