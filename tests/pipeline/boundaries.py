"""The kill matrix: the moments at which a process is killed, what exists then, and what the next run does.

The tests kill at each of these boundaries and count what exists; `python -m tests.pipeline.boundaries` writes
docs/operations/kill-matrix.md from the same list.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tests.conftest import PROJECT
from tests.pipeline.demo_cut import FIRST, THEN
from tests.pipeline.starter import Stop
from tests.pipeline.world import LOADED, NOTHING, ON_S3

PAGE = PROJECT / "docs" / "operations" / "kill-matrix.md"
IN_POSTGRES = ("deliveries", "events", "in raw", "staged", "checked", "in history")
DBT = "dbt.adapters.sql:SQLConnectionManager.add_query"


@dataclass(frozen=True)
class Hold:
    """A point at which Postgres itself waits: a lock that the test holds, and the statement that waits for it."""

    lock: str
    waits: str


@dataclass(frozen=True)
class Boundary:
    """A moment of a command at which it is killed.

    `there` counts what the command has added for the source, in the order of `World.counted`.
    """

    name: str
    when: str  # what was done, and what was not
    how: Stop | Hold
    there: tuple[int, ...]
    then: str  # what the next run does
    command: tuple[str, ...] = ("run",)
    begins: str = LOADED
    site: str = THEN
    source: str = "airports"
    is_short: bool = False  # whether it runs without --long too


LANDED_ONLY = (2, 2, 2, 2, 2)  # two deliveries, on S3 and in Postgres, with their events
RAW = (*LANDED_ONLY, 2)
STAGED = (*RAW, 2)

BOUNDARIES = (
    Boundary(
        "mid-migration", "the tables of process metadata are made and not committed",
        Stop("alembic.command:upgrade", moment="after"), (0,) * 9,
        "Postgres rolled the migration back; it is applied again.",
        begins=NOTHING, site=FIRST,
    ),
    Boundary(
        "seeds-comment", "the seeds are loaded; the checksum that says so is not written",
        Stop("headwater.dbt_project.dbt:Dbt._invoke", says="seed", moment="after"), (*RAW, 0, 0, 0),
        "The checksum is missing, so the seeds are loaded again.",
        begins=NOTHING, site=FIRST,
    ),
    Boundary(
        "mid-download", "some bytes of the file have come; nothing of it is on S3",
        Stop("headwater.extract.landing.store:Upload.write", call=3), (0,) * 9,
        "Its number was claimed and stays unused; the file is fetched again.",
        is_short=True,
    ),
    Boundary(
        "mid-upload", "half of the file has been sent to S3, which stores complete objects only",
        Stop("botocore.awsrequest:AWSConnection.send", says='"icao","iata"', moment="halfway"), (0,) * 9,
        "S3 has nothing of the file: the run fetches it again.",
    ),
    Boundary(
        "object-manifest", "the file is on S3; its manifest is not",
        Stop("headwater.extract.landing.land:to_json"), (1, 0, 0, 0, 0, 0, 0, 0, 0),
        "An object that no manifest names is no delivery. The run fetches the file again, under another"
        " number; the first object stays.",
        is_short=True,
    ),
    Boundary(
        "mid-manifest", "half of the manifest has been sent to S3, which stores complete objects only",
        Stop("botocore.awsrequest:AWSConnection.send", says="manifest_version", moment="halfway"),
        (1, 0, 0, 0, 0, 0, 0, 0, 0),
        "Without a manifest there is no delivery: the run fetches the file again, as for `object-manifest`.",
    ),
    Boundary(
        "manifest-row", "the manifest is on S3; Postgres has no row of the delivery",
        Stop("headwater.extract.landing.land:register_landed"), (1, 1, 0, 0, 0, 0, 0, 0, 0),
        "A delivery with a manifest is landed: the run writes its rows from the manifest and fetches nothing.",
        is_short=True,
    ),
    Boundary(
        "landed-event", "the event of landing is on S3; Postgres has committed neither row nor event",
        Stop("headwater.metadata.process.events:register_event", says="'landed'"), (1, 1, 1, 0, 0, 0, 0, 0, 0),
        "Rows and event are written from S3.",
    ),
    Boundary(
        "mid-copy", "COPY has sent some of the rows",
        Stop("headwater.extract.raw.load:_Pieces.read", call=3), (*LANDED_ONLY, 0, 0, 0, 0),
        "Postgres rolled the COPY back; the delivery is loaded again, from S3.",
        is_short=True,
    ),
    Boundary(
        "raw-status", "all rows are in raw; their status is not, and nothing is committed",
        Stop("headwater.extract.raw.load:record_layer"), (*LANDED_ONLY, 0, 0, 0, 0),
        "Rows and status commit together, so Postgres rolled both back; the delivery is loaded again.",
        is_short=True,
    ),
    Boundary(
        "refused-event", "a broken file was refused; the event that halts it is on S3 and not in Postgres",
        Stop("headwater.metadata.process.events:register_event", says="'halted'"),
        (2, 2, 3, 2, 2, 1, 0, 0, 0),
        "The event is registered from S3; the file is not tried again.",
        source="flight_weather",
    ),
    Boundary(
        "mid-staging", "Postgres executes dbt's statement that fills staging, and continues for a while after the kill",
        Hold("lock table staging.stg_airports in share mode", "%staging%stg_airports%"),
        (*RAW, 0, 0, 0),
        "Postgres notices that the client is gone and rolls back; the next run waits for the source's lock until"
        " then, and stages again.",
        is_short=True,
    ),
    Boundary(
        "staging-status", "the rows are staged; their status is not, and nothing is committed",
        Stop(DBT, says="'staging', 'loaded'"), (*RAW, 0, 0, 0),
        "Postgres rolled both back; they are staged again.",
    ),
    Boundary(
        "check-result", "the deliveries are checked; no result is recorded",
        Stop("headwater.checks.run:_record"), (*STAGED, 0, 0),
        "They have no verdict, so the run checks them again.",
    ),
    Boundary(
        "result-event", "the results of both deliveries are recorded; no event, which is the verdict, is",
        Stop("headwater.checks.run:record_event"), (*STAGED, 2, 0),
        "Without events there is no verdict: they are checked again, and the results are written in place of"
        " the first ones.",
    ),
    Boundary(
        "event-row", "the verdict on the first delivery is on S3 and not in Postgres",
        Stop("headwater.metadata.process.events:register_event", says="'passed'"), (2, 2, 3, 2, 2, 2, 2, 2, 0),
        "The event is registered from S3; that delivery is not checked again, the second one is.",
        is_short=True,
    ),
    Boundary(
        "mid-rewind", "a late delivery has landed: Postgres executes dbt's statement that rewinds history",
        Hold("lock table historical.airports in exclusive mode", "%historical%airports%"),
        (2, 2, 4, 2, 4, 2, 2, 2, 0),
        "Postgres notices that the client is gone and rolls back; the run rewinds history and loads it again.",
        is_short=True,
    ),
    Boundary(
        "close-open", "in history, versions are rewound and closed; none is opened, and nothing is committed",
        Stop(DBT, says="ended_by_delivery_sqn,\n    process_date"), (2, 2, 4, 2, 4, 2, 2, 2, 0),
        "Postgres rolled it back; the run rewinds history and loads it again.",
    ),
    Boundary(
        "historical-status", "the versions are in history; their status is not recorded, and nothing is committed",
        Stop(DBT, says="'historical', 'loaded'"), (2, 2, 4, 2, 4, 2, 2, 2, 0),
        "Postgres rolled both back; the run loads history again.",
    ),
    Boundary(
        "history-marts", "history is committed; the marts are not built yet",
        Stop("headwater.pipeline.runners.sources:build_marts"), (2, 2, 4, 2, 4, 2, 2, 2, 2),
        "The marts were built from an earlier history, so the run builds them, though nothing else is pending.",
        is_short=True,
    ),
    Boundary(
        "marts-record", "marts are built; the history that they were built from is not recorded",
        Stop("headwater.dbt_project.dbt:Dbt.run", says="airport_changes", moment="after"),
        (2, 2, 4, 2, 4, 2, 2, 2, 2),
        "The run builds them again.",
    ),
    Boundary(
        "log-end", "all steps are done; the job instances are open",
        Stop("headwater.metadata.process.jobs:end"), (2, 2, 4, 2, 4, 2, 2, 2, 2),
        "No process holds their locks any more: the run closes them as failed, and has nothing else to do.",
        is_short=True,
    ),
    Boundary(
        "withdraw-event", "the withdrawal is on S3 and not in Postgres",
        Stop("headwater.metadata.process.events:register_event", says="'withdrawn'"), (0, 0, 1, 0, 0, 0, 0, 0, 0),
        "The event is registered from S3, and the run loads history as if the delivery had never come.",
        command=("withdraw", "2", "--why", "it was taken back"), site=FIRST,
        is_short=True,
    ),
    Boundary(
        "withdraw-history", "the withdrawal is recorded; history without the delivery is not committed",
        Stop(DBT, says="where valid_to >="), (0, 0, 1, 0, 1, 0, 0, 0, 0),
        "The effective deliveries differ from the loaded ones: the run rewinds history to the delivery's date.",
        command=("withdraw", "2", "--why", "it was taken back"), site=FIRST,
    ),
    Boundary(
        "accept-event", "the acceptance of a halted delivery is on S3 and not in Postgres",
        Stop("headwater.metadata.process.events:register_event", says="'accepted'"), (0, 0, 1, 0, 0, 0, 0, 0, 0),
        "The event is registered from S3; the delivery is staged again, where the last row of a key wins, and"
        " goes to history.",
        command=("accept", "4", "--why", "the last row will do"), site=FIRST, source="flight_weather",
    ),
    Boundary(
        "replay-event", "the decision to replay a delivery is on S3 and not in Postgres",
        Stop("headwater.metadata.process.events:register_event", says="'replayed'"), (0, 0, 1, 0, 0, 0, 0, 0, 0),
        "The event is registered from S3; the delivery goes through every layer again.",
        command=("replay", "2", "--why", "once more"), site=FIRST,
    ),
    Boundary(
        "mid-setting-aside", "a rebuild has set raw and staging of a source aside; this is not committed",
        Stop("sqlalchemy:Connection.execute", says="set_layers_aside", moment="after"), (0,) * 9,
        "Postgres rolled it back: the tables are as before the command.",
        command=("rebuild", "airports"), site=FIRST,
    ),
    Boundary(
        "mid-rebuild", "a rebuild has set raw and staging of a source aside, and loaded one delivery again; history"
        " holds what it held",
        Stop("headwater.extract.raw.pending:load_delivery", call=2), (0, 0, 0, 0, 0, -1, -2, 0, -2),
        "The process of the rebuild is gone: the run puts back what was set aside, as before the command.",
        command=("rebuild", "airports"), site=FIRST,
        is_short=True,
    ),
    Boundary(
        "mid-swap", "the new history has replaced the old one; this is not committed",
        Stop(DBT, says="finish_rebuild"), (0, 0, 0, 0, 0, 0, 0, 0, -2),
        "Postgres rolled it back: history is unchanged, and the run puts back what was set aside.",
        command=("rebuild", "airports"), site=FIRST,
        is_short=True,
    ),
)  # fmt: skip


def page() -> str:
    """docs/operations/kill-matrix.md."""
    rows = [
        (
            f"`{boundary.name}`",
            f"`{' '.join(boundary.command[:2])}`",
            f"{boundary.when[0].upper()}{boundary.when[1:]}.",
            _listed(boundary.there[: len(ON_S3)], tuple(ON_S3)),
            _listed(boundary.there[len(ON_S3) :], IN_POSTGRES),
            boundary.then,
        )
        for boundary in BOUNDARIES
    ]
    return PAGE_TEXT.format(rows="\n".join(f"| {' | '.join(row)} |" for row in rows))


def _listed(counts: Sequence[int], names: Sequence[str]) -> str:
    counted = [
        f"{count:+} {name.removesuffix('s') if count == 1 else name}"
        for count, name in zip(counts, names, strict=True)
        if count
    ]
    return ", ".join(counted) or "nothing"


PAGE_TEXT = """\
# The kill matrix

A process may be killed at any moment. The next run finds, step by step, what is available and not yet processed, and
processes just that. All tables are then the same as without the kill. You repair nothing and restart nothing by hand:
the next `headwater run`, whoever starts it, completes the work.

This rests on a few rules:

- An object exists on S3 only if its upload was completed. A delivery is landed once its manifest exists.
- Headwater writes an event to S3 before it writes it to Postgres.
- Rows and their status commit to Postgres together, under the source's lock.
- A live process holds the lock of its job instance, so that the next process can recognize a dead one.

## Named moments

A test stops a process that runs the whole pipeline, on subsets of the demo's data, at each of these moments, kills its
process group with SIGKILL, counts what exists on S3 and in Postgres, and starts a run. The table shows the counts of
one source, as differences from the moment before the command. Then the test compares the rows of every table of raw,
staging, historical, marts and metadata with those of a run that was not killed, except for delivery numbers, run logs,
ids and clocks. It also checks that

- no job instance is open,
- no layer holds rows that its status does not know,
- every object that a manifest names is on S3 with its sha256,
- S3 and Postgres have the same deliveries and events.

The result is the same for every moment: there is no difference.

| moment | command | what was done | on S3 | in Postgres | what the next run does |
|---|---|---|---|---|---|
{rows}

## Any moment

`make test-long` also kills 100 runs at random moments over the length of an undisturbed run; half of them are first
runs into an empty database. In every tenth it also kills all processes of Postgres, and restarts it on the same data.
It compares the tables in the same way.

## At once

Four processes that run everything at the same moment give the same tables as one (`make test`); so do eight processes,
fifty times (`make test-long`). They wait for one another, source by source; a locked source does not delay any other.

## Code

`tests/pipeline/boundaries.py` lists the moments, and `.venv/bin/python -m tests.pipeline.boundaries` writes this page
from it; `tests/pipeline/test_kills.py` kills; `tests/pipeline/tables.py` compares.
"""


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
