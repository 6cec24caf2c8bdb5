"""Verification of sources: every check, in one snapshot of Postgres per source. It only reads, and blocks no load."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Protocol

import sqlalchemy as sa
from sqlalchemy import Connection, Engine

from headwater.dbt_project.dbt import Dbt
from headwater.extract.landing.store import ObjectStore
from headwater.extract.schema.definition import definition
from headwater.metadata.errors import HeadwaterError
from headwater.metadata.failures import failure_of
from headwater.metadata.process.definitions import is_redefined
from headwater.metadata.static.model import Source
from headwater.queries.verify.archive import Archive, Records, records
from headwater.queries.verify.findings import CheckOutcome, Finding, Report, outcome_of
from headwater.queries.verify.ledger import check_ledger
from headwater.queries.verify.lines import CHECK as LINES
from headwater.queries.verify.lines import check_lines
from headwater.queries.verify.orphans import check_orphans
from headwater.queries.verify.recompute import CHECK as HISTORY
from headwater.queries.verify.recompute import check_history
from headwater.queries.verify.tables import SourceTables, source_tables
from headwater.queries.verify.versions import check_indexes, check_versions

_ON_RECORD = """
select layer, sum(record_count) as row_count
from metadata.delivery_status
inner join metadata.delivery using (delivery_sqn)
where source = :source and layer in ('raw', 'staging', 'historical') and status in ('loaded', 'partial')
group by layer
having sum(record_count) > 0
order by layer
"""


class Progress(Protocol):
    """The receiver of a verification's progress."""

    def begin(self, source: str, theme: str) -> None:
        """Say that the check of a theme of a source begins."""

    def count(self, number: int, total: int) -> None:
        """Say how many objects of the theme have been read."""


class Models(Protocol):
    """The SQL texts of a project's models."""

    def is_other(self, source: str, layer: str) -> bool:
        """Return whether a layer of a source was not built with the present texts."""


_BEHIND = """
select count(*) as delivery_count, min(delivery_sqn || ', ' || publisher_name) as first_one
from metadata.delivery_state
where source = :source and differs_from_history
"""


class Verification:
    """The verification of some sources."""

    def __init__(
        self,
        engine: Engine,
        store: ObjectStore,
        dbt: Dbt,
        models: Models,
        progress: Progress,
        *,
        reads_objects: bool = False,
    ) -> None:
        self._engine, self._store, self._dbt, self._progress = engine, store, dbt, progress
        self._models = models
        self._reads_objects = reads_objects

    def run(self, sources: Sequence[Source]) -> Report:
        """Make all checks of the sources, one source after the other."""
        with snapshot(self._engine) as connection:
            outcomes = [check_orphans(connection)]
        for source in sources:
            outcomes += self._source(source)
        return Report(tuple(outcomes))

    def _source(self, source: Source) -> Iterator[CheckOutcome]:
        with snapshot(self._engine) as connection:
            known = records(connection, source.name)
            yield from self._tables(connection, source)
        yield from self._archive(known)

    def _tables(self, connection: Connection, source: Source) -> Iterator[CheckOutcome]:
        tables = source_tables(connection, source.name)
        if tables.is_being_rebuilt:
            yield outcome_of(
                source.name, "tables", "nothing", [],
                [f"{source.name} is being rebuilt, and its tables are set aside. Verify again when that has ended"],
            )  # fmt: skip
            return
        yield outcome_of(source.name, "tables", f"{len(tables.layers)} tables", _missing(connection, tables))
        if tables.key_names and "historical" in tables.layers:
            self._progress.begin(source.name, "versions")
            yield from self._guarded(
                connection, source.name, "versions", lambda: check_versions(connection, tables)
            )
            yield check_indexes(connection, tables)
        self._progress.begin(source.name, "ledger")
        yield from self._guarded(connection, source.name, "ledger", lambda: check_ledger(connection, tables))
        if {"raw", "staging"} <= tables.layers:
            self._progress.begin(source.name, LINES)
            yield from self._guarded(
                connection, source.name, LINES, lambda: [check_lines(connection, tables)]
            )
        if {"staging", "historical"} <= tables.layers:
            self._progress.begin(source.name, HISTORY)
            yield from self._guarded(
                connection, source.name, HISTORY, lambda: [self._history(connection, source, tables)]
            )

    def _history(self, connection: Connection, source: Source, tables: SourceTables) -> CheckOutcome:
        if is_redefined(connection, source.name, definition(source)):
            return outcome_of(
                source.name, HISTORY, "nothing", [],
                [
                    "the definition of the source is not the one that its tables were made with, so history cannot be"
                    f" made again and compared. headwater rebuild {source.name} makes them by the new one"
                ],
            )  # fmt: skip
        if self._models.is_other(source.name, "historical"):
            return outcome_of(
                source.name, HISTORY, "nothing", [],
                [
                    "the models of the source were edited since history was made, so it cannot be made again and"
                    f" compared. headwater run {source.name} says whether they are another definition"
                ],
            )  # fmt: skip
        text = self._dbt.model_text(f"hist_{source.name}")
        outcome = check_history(connection, tables, text, self._dbt.compiled)
        behind = connection.execute(sa.text(_BEHIND), {"source": source.name}).one()
        if not behind.delivery_count:
            return outcome
        they = "1 delivery does" if behind.delivery_count == 1 else f"{behind.delivery_count:,} deliveries do"
        notice = (
            f"{they} not yet stand in history as the events say, the first is {behind.first_one}."
            f" headwater run {source.name} brings history up to date"
        )
        return replace(outcome, notices=(*outcome.notices, notice))

    def _archive(self, known: Records) -> Iterator[CheckOutcome]:
        archive = Archive(self._engine, self._store, known)
        self._progress.begin(known.source, "archive")
        yield archive.check_manifests()
        yield archive.check_events()
        yield archive.check_objects()
        if self._reads_objects:
            self._progress.begin(known.source, "objects")
            yield archive.check_contents(self._progress.count)

    def _guarded(
        self, connection: Connection, source: str, check: str, look: Callable[[], list[CheckOutcome]]
    ) -> list[CheckOutcome]:
        """Return the outcomes of a check; a check that fails with an error does not stop the others."""
        try:
            with connection.begin_nested():
                return look()
        except (sa.exc.ProgrammingError, sa.exc.DataError) as error:
            finding = Finding(
                source, check, "not_readable",
                expected="tables with the columns and types of the source's definition",
                found=str(failure_of(error)),
                action=f"headwater rebuild {source}",
            )  # fmt: skip
            return [outcome_of(source, check, "nothing", [finding])]
        except HeadwaterError as error:
            return [outcome_of(source, check, "nothing", [], [f"it could not be made: {failure_of(error)}"])]


@contextmanager
def snapshot(engine: Engine) -> Iterator[Connection]:
    """Open a read-only transaction with one snapshot of the database."""
    with engine.connect() as connection, connection.begin():
        connection.execute(sa.text("set transaction isolation level repeatable read, read only"))
        yield connection


def _missing(connection: Connection, tables: SourceTables) -> list[Finding]:
    """Return missing tables that the ledger names, and a missing definition."""
    rows = connection.execute(sa.text(_ON_RECORD), {"source": tables.source})
    findings = [
        Finding(
            tables.source, "tables", "table_missing",
            expected=f"the table {tables.table(row.layer)}, of {row.row_count:,} rows by delivery_status",
            found="there is none",
            action=f"headwater rebuild {tables.source}",
        )
        for row in rows
        if row.layer not in tables.layers
    ]  # fmt: skip
    if tables.layers and not tables.key_names:
        findings.append(
            Finding(
                tables.source, "tables", "definition_missing",
                expected="the definition with which its tables were made, in metadata.source_definition",
                found="there is none, so its versions cannot be checked",
                action=f"headwater rebuild {tables.source}",
            )
        )  # fmt: skip
    return findings
