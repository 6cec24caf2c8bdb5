"""The cost of a small delta in a long history.

    python -m benchmarks.small_deltas [--rows N] [--repeats N] [--json]

Deltas of 1 % of `--rows` (half changed, three in ten new, two in ten marked as deleted) go into three histories of
`--rows`, 10 and 30 times as many versions: warm, and right after a checkpoint, when every page that is touched has
to be written to the log as a whole. What Postgres scanned and read of the histories is counted.

With 1,000,000 rows it needs some 20 GB of disk and builds for minutes before it measures.
"""

from __future__ import annotations

import json
import os
import re
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from benchmarks.data import COLUMNS, date_of, delta, snapshot
from benchmarks.measure import median
from benchmarks.ours import Ours
from benchmarks.profile import beginning
from benchmarks.project import make_project
from benchmarks.report import Aim, Bar, Report, Setting, Table, parser, publish, seconds, times
from benchmarks.servers import EXPLAIN, Database
from headwater.metadata.process.deliveries import record_layer

FACTORS = (1, 10, 30)
MOST = {10: 1.3, 30: 2.0}  # times what the shortest history takes
WARM, COLD = "warm", "after a checkpoint"


@dataclass(frozen=True)
class Touched:
    """Postgres' statistics of one historical table and its indexes."""

    scans: int  # of the whole table
    rows_scanned: int
    blocks: int  # of 8 kB, found in memory or read

    def __sub__(self, other: Touched) -> Touched:
        return Touched(
            self.scans - other.scans, self.rows_scanned - other.rows_scanned, self.blocks - other.blocks
        )


@dataclass(frozen=True)
class Loaded:
    """One loaded delta: seconds of its steps, and the parts of history that it touched."""

    checks: float
    history: float
    touched: Touched


def measure(setting: Setting) -> Report:
    database, rows, repeats = setting.database, setting.rows, setting.repeats
    size = rows // 100
    lengths = {f"customers_{factor}": rows * factor for factor in FACTORS}
    ours = Ours(make_project(setting.folder / "project", dict.fromkeys(lengths, "delta")), database)
    with ThreadPoolExecutor(2) as builders:
        list(builders.map(lambda name: _build(ours, name, lengths[name]), reversed(lengths)))
    database.execute("checkpoint")
    numbers = Counter[str]()

    def load(source: str, when: str) -> Loaded:
        numbers[source] += 1
        number = numbers[source]
        ours.stage(source, date_of(number), delta(lengths[source], number, size))
        before = _touched(database, source)
        checks = ours.check(source)
        if when == COLD:
            database.execute("checkpoint")
        history = ours.load(source)
        return Loaded(checks, history, _touched(database, source) - before)

    for source in lengths:
        load(source, WARM)
    found: dict[tuple[str, str], list[Loaded]] = {}
    for when in (WARM, COLD):
        for _ in range(repeats):
            for source in lengths:
                found.setdefault((source, when), []).append(load(source, when))
    plans = {source: _plans(database, source, lambda s=source: load(s, WARM)) for source in lengths}

    took = {(source, when): median(one.history for one in loaded) for (source, when), loaded in found.items()}
    shortest = next(iter(lengths))
    scans = sum(one.touched.scans for loaded in found.values() for one in loaded)
    return Report(
        name="small_deltas",
        title="A small delta into a long history",
        about=(
            f"Deltas of {size:,} rows (half changed, three in ten new, two in ten marked as deleted, the keys all over"
            f" the table) go into histories of {', '.join(f'{n:,}' for n in lengths.values())} versions, each built as"
            " one load would have left it. The time is that of the historical model. Warm: the pages were used not"
            " long ago. After a checkpoint: each page that is changed is first written to the log as a whole."
        ),
        command="python -m benchmarks.small_deltas",
        tables=[
            Table(
                "",
                ("versions", *(f"{when}, {what}" for when in (WARM, COLD) for what in ("s", "ratio")), "checks, s"),
                [
                    (
                        f"{length:,}",
                        *(
                            cell
                            for when in (WARM, COLD)
                            for cell in (seconds(took[source, when]), times(took[source, when] / took[shortest, when]))
                        ),
                        seconds(median(one.checks for one in found[source, WARM])),
                    )
                    for source, length in lengths.items()
                ],
            ),
            Table(
                "What checks and load touched of the historical table and its indexes, as Postgres counts (medians;"
                " scans: the sum of all loads):",
                ("versions", "scans of the table", "rows scanned", "blocks of 8 kB", "blocks that there are"),
                [_touched_row(database, source, length, found) for source, length in lengths.items()],
            ),
            *(
                Table(
                    f"EXPLAIN (ANALYZE, BUFFERS) of one load into {lengths[source]:,} versions, every node that reads"
                    " or writes the historical table:",
                    ("statement: node", "rows", "blocks found", "blocks read"),
                    [(f"{n.statement}: {n.node}", f"{n.rows:,}", f"{n.hit:,}", f"{n.read:,}") for n in nodes],
                )
                for source, nodes in plans.items()
                if nodes
            ),
        ],
        aims=[
            *(
                Aim(
                    f"{lengths[source]:,} versions at most {MOST[factor]} times {rows:,}, {when}",
                    times(took[source, when] / took[shortest, when]),
                    took[source, when] <= MOST[factor] * took[shortest, when],
                )
                for when in (WARM, COLD)
                for factor, source in zip(FACTORS, lengths, strict=True)
                if factor in MOST
            ),
            Aim("no load scans the history", f"{scans} scans", scans == 0),
        ],
        bars=[
            Bar(f"{length / 1e6:g} M versions, {when}", took[source, when], True)
            for when in (WARM, COLD)
            for source, length in lengths.items()
        ],
        profiles={},
        server=database.settings(),
    )  # fmt: skip


def _build(ours: Ours, source: str, length: int) -> None:
    """Create a history of `length` current versions, and the record of their delivery."""
    database, table = ours.database, f"historical.{source}"
    with database.engine.begin() as connection:
        sqn = ours.register(connection, source, date_of(0))
        job_inst_id = ours.job_inst_id(connection, source)
        ours.record_staged(connection, source, sqn, length)
        record_layer(
            connection, sqn, "historical", status="loaded", job_inst_id=job_inst_id, record_count=length,
            new_count=length, changed_count=0, unchanged_count=0, ignored_count=0, overtaken_count=0,
            delete_mark_count=0, removed_count=0,
        )  # fmt: skip
        ours.say(connection, sqn, "passed")
        indexes = connection.scalars(
            sa.text("select indexdef from pg_indexes where schemaname = 'historical' and tablename = :table"),
            {"table": source},
        ).all()
        # emptied in the transaction that fills it, the table need not be written to the log
        connection.execute(sa.text(f"truncate {table}"))
        for name in connection.scalars(
            sa.text(
                "select indexname from pg_indexes where schemaname = 'historical' and tablename = :table"
            ),
            {"table": source},
        ).all():
            connection.execute(sa.text(f"drop index historical.{name}"))
        connection.execute(
            sa.text(
                f"insert into {table} ({', '.join(COLUMNS)}, valid_from, change_type, delivery_sqn, job_inst_id,"
                f" process_date) select customers.*, '{date_of(0).isoformat()}', 'new', {sqn}, {job_inst_id}, now()"
                f" from ({snapshot(length, 0)}) as customers"
            )
        )
        for index in indexes:
            connection.execute(sa.text(index))
    database.execute(f"vacuum (analyze) {table}")


def _touched(database: Database, source: str) -> Touched:
    [row] = database.rows(
        "select seq_scan, seq_tup_read, heap_blks_read + heap_blks_hit + idx_blks_read + idx_blks_hit"
        f" from pg_stat_user_tables inner join pg_statio_user_tables using (relid)"
        f" where relid = 'historical.{source}'::regclass"
    )
    return Touched(*(int(str(number)) for number in row))


def _touched_row(
    database: Database, source: str, length: int, found: dict[tuple[str, str], list[Loaded]]
) -> tuple[str, ...]:
    loaded = found[source, WARM] + found[source, COLD]
    blocks = database.number(f"select pg_total_relation_size('historical.{source}') / 8192")
    return (
        f"{length:,}",
        str(sum(one.touched.scans for one in loaded)),
        str(sum(one.touched.rows_scanned for one in loaded)),
        f"{median(one.touched.blocks for one in loaded):,.0f}",
        f"{blocks:,}",
    )


@dataclass(frozen=True)
class PlanNode:
    """One node of an executed plan, on the historical table."""

    statement: str
    node: str
    rows: int
    hit: int
    read: int


def _plans(database: Database, source: str, load: Any) -> list[PlanNode]:
    """Return the nodes on the historical table of all plans of one load, from the log of an embedded server."""
    if database.log is None:
        return []
    begin = database.log.stat().st_size
    before = os.environ.get("PGOPTIONS")
    os.environ["PGOPTIONS"] = " ".join(f"-c auto_explain.{name}={value}" for name, value in EXPLAIN.items())
    try:
        load()
    finally:
        del os.environ["PGOPTIONS"]
        if before is not None:
            os.environ["PGOPTIONS"] = before
    return list(_nodes(database.log, begin, source))


def _nodes(log: Path, begin: int, source: str) -> Iterator[PlanNode]:
    text = log.read_bytes()[begin:].decode(errors="replace")
    for plan in re.findall(r"duration: [\d.]+ ms  plan:\n((?:\t.*\n)+)", text):
        facts = json.loads(plan)
        for node in _below(facts["Plan"]):
            if node.get("Relation Name") == source and node.get("Schema", "historical") == "historical":
                kind = node.get("Operation", node["Node Type"])
                where = f" by {node['Index Name']}" if "Index Name" in node else ""
                yield PlanNode(
                    beginning(facts["Query Text"]), f"{kind}{where}", round(node["Actual Rows"] * node["Actual Loops"]),
                    node["Shared Hit Blocks"], node["Shared Read Blocks"],
                )  # fmt: skip


def _below(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield node
    for part in node.get("Plans", []):
        yield from _below(part)


if __name__ == "__main__":
    publish(parser(__doc__, rows=1_000_000).parse_args(), measure)
