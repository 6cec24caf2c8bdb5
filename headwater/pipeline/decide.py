"""Decisions about a delivery: withdraw, restore, accept, replay. Each is an event with a reason; history follows.

`put_on_record` is the decision itself and takes a moment; `decide` brings history up to date as well, as any later run
of the source would.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy import Connection, Engine

from headwater.checks.data_docs import write_lists
from headwater.dbt_project.dry_run import DryRunResult
from headwater.extract.landing.register import register_events_of
from headwater.extract.landing.store import ObjectStore
from headwater.metadata.errors import HeadwaterError
from headwater.metadata.process.deliveries import lock_source
from headwater.metadata.process.events import write_event
from headwater.metadata.process.orphaned_runs import close_abandoned
from headwater.metadata.sql_text import sql_literal
from headwater.metadata.static.model import Catalog, Source
from headwater.pipeline.preparation import Say, prepare
from headwater.pipeline.question import Question
from headwater.pipeline.results import RunResult
from headwater.pipeline.runners.sources import SourcesRun
from headwater.project import Project
from headwater.queries.delivery_list import STATE_OF

LONGEST_WHY = 2000  # characters
LOCK_NOT_AVAILABLE = "55P03"  # what Postgres calls it when lock_timeout is over
EVENTS = {"withdraw": "withdrawn", "restore": "restored", "accept": "accepted", "replay": "replayed"}
NEVER_ACCEPTED = {
    "format": "the file breaks its own format, so there are no rows to accept",
    "key_columns": "it lacks a column without which rows cannot be distinguished",
    "ledger": "its counts do not balance, and history must not hold what cannot be accounted for",
}


class NotDecidable(HeadwaterError):  # noqa: N818  (like its siblings in headwater.metadata.errors, it says what happened)
    """The decision does not fit the state that the delivery is in."""


class SourceBusy(HeadwaterError):  # noqa: N818
    """A run is writing the layers of the source, longer than one is willing to wait."""


@dataclass(frozen=True)
class DeliveryState:
    """The facts about a delivery that a decision needs."""

    delivery_sqn: int
    source: str
    publisher_name: str
    status: str
    verdict: str
    is_withdrawn: bool
    failed_checks: tuple[str, ...]
    is_accepted: bool  # in spite of `failed_checks`


def decide(
    project: Project, decision: str, delivery_sqn: int, why: str, say: Say, *, despite: Sequence[str] = ()
) -> RunResult:
    """Put the decision on record and make history follow; no publisher is asked.

    `despite` names the checks in spite of which a delivery is accepted; without it these are all that it failed.
    Raises `NotDecidable` when it does not fit, e.g. restoring what was never withdrawn.
    """
    why = require_reason(why)
    catalog, engine = prepare(project)
    source = _source(catalog, state_of(engine, delivery_sqn))
    store = ObjectStore.from_environment()
    before = put_on_record(engine, store, decision, delivery_sqn, why, despite=despite)
    say(f"{source.name}: delivery {delivery_sqn}, {before.publisher_name}, is {EVENTS[decision]}")
    close_abandoned(engine)
    result = SourcesRun(project, engine, catalog, [source], say, is_offline=True).whole()
    write_lists(project.home, engine, [source.name])
    return result


def put_on_record(
    engine: Engine, store: ObjectStore, decision: str, delivery_sqn: int, why: str, *,
    despite: Sequence[str] = (), who: str | None = None, patience_s: int | None = None,
) -> DeliveryState:  # fmt: skip
    """Record the decision, and return how the delivery stood before. History is as it was until the source's next run.

    `who` is the user of the operating system by default. Of two who decide the same at once one is told so. Raises
    `NotDecidable`, or `SourceBusy` when a run writes the source for longer than `patience_s`; by default it waits.
    """
    why = require_reason(why)
    with engine.connect() as connection:
        source = _state(connection, delivery_sqn).source
    with engine.begin() as connection:
        _lock(connection, source, patience_s)
        register_events_of(connection, store, source, delivery_sqn)  # of who died before Postgres knew
        before = _state(connection, delivery_sqn)
        checks = require_fit(decision, before, despite)
        write_event(
            connection, store, delivery_sqn, source, EVENTS[decision], why=why, checks=checks, who=who
        )
    return before


def require_reason(why: str) -> str:
    """The reason, without blanks around it. Raises `NotDecidable` when it says nothing or far too much."""
    why = why.strip()
    if not why:
        raise NotDecidable("a decision goes on record with its reason, and none is given (`--why`)")
    if len(why) > LONGEST_WHY:
        raise NotDecidable(f"the reason has {len(why):,} characters, expected {LONGEST_WHY:,} at most")
    return why


def _lock(connection: Connection, source: str, patience_s: int | None) -> None:
    if patience_s is not None:
        connection.execute(sa.text(f"set local lock_timeout = {sql_literal(f'{patience_s}s')}"))
    try:
        lock_source(connection, source)
    except sa.exc.OperationalError as error:
        if getattr(error.orig, "pgcode", None) != LOCK_NOT_AVAILABLE:
            raise
        raise SourceBusy(
            f"a run is writing {source} just now, and nothing can be decided about its deliveries meanwhile: try"
            " again once it is done"
        ) from None


def dry_run(
    project: Project, decision: str, delivery_sqn: int, say: Say, *, despite: Sequence[str] = ()
) -> DryRunResult:
    """Return what the decision would do to history, without putting anything on record.

    Deliveries from which history would be made anew, and which are not staged, are brought back from S3. A replay
    is tried from the checks on: the delivery is checked again by its rows as they are staged.
    """
    catalog, engine = prepare(project)
    state = state_of(engine, delivery_sqn)
    checks = require_fit(decision, state, despite)
    if decision == "replay":
        _require_same_rows_when_replayed(state)
    if "columns" in checks:
        raise NotDecidable(
            f"delivery {delivery_sqn} was halted before raw, and once it is accepted all other checks run on it: what"
            " it does is known only then; `headwater withdraw` takes it out should you not like it"
        )
    source = _source(catalog, state)
    question = Question(project, engine, catalog, source, say)
    if decision == "replay":
        return question.dry_run_of_replay(delivery_sqn)
    return question.dry_run(EVENTS[decision], delivery_sqn, checks)


def state_of(engine: Engine, delivery_sqn: int) -> DeliveryState:
    """Return how a delivery stands. Raises `NotDecidable` when there is none of that number."""
    with engine.connect() as connection:
        return _state(connection, delivery_sqn)


def _state(connection: Connection, delivery_sqn: int) -> DeliveryState:
    row = connection.execute(
        sa.text(
            "select state.delivery_sqn, state.source, state.publisher_name, status, verdict, is_withdrawn,"
            " coalesce((select checks from metadata.delivery_event as halt"
            " where halt.delivery_sqn = state.delivery_sqn and event = 'halted'"
            " order by event_at desc, event_id desc limit 1), '{}') as failed_checks,"
            " coalesce((select event = 'accepted' from metadata.delivery_event as word"
            " where word.delivery_sqn = state.delivery_sqn and event in ('accepted', 'replayed')"
            " order by event_at desc, event_id desc limit 1), false) as is_accepted"
            f" from metadata.delivery {STATE_OF.format(of='delivery')}"
            " where delivery.delivery_sqn = :sqn and state.delivery_sqn = :sqn"
        ),
        {"sqn": delivery_sqn},
    ).mappings().first()  # fmt: skip
    if row is None:
        raise NotDecidable(
            f"there is no delivery {delivery_sqn}. `headwater deliveries` lists them with their numbers."
        )
    return DeliveryState(**{**row, "failed_checks": tuple(row["failed_checks"])})


def require_fit(decision: str, state: DeliveryState, despite: Sequence[str]) -> Sequence[str]:
    """The checks that the decision is about; raises `NotDecidable` when it does not fit."""
    named = f"delivery {state.delivery_sqn} of {state.source}"
    if decision == "restore":
        if not state.is_withdrawn:
            raise NotDecidable(f"{named} is {state.status}, not withdrawn: there is nothing to restore")
        return ()
    if state.is_withdrawn and decision == "withdraw":
        raise NotDecidable(f"{named} is withdrawn already")
    if state.is_withdrawn:
        raise NotDecidable(f"{named} is withdrawn. Expected `headwater restore {state.delivery_sqn}` first.")
    if decision == "accept":
        if state.verdict != "halted":
            raise NotDecidable(f"{named} is {state.status}, not halted: there is nothing to accept")
        for check in state.failed_checks:
            if check in NEVER_ACCEPTED:
                raise NotDecidable(
                    f"{named} cannot be accepted: {NEVER_ACCEPTED[check]}."
                    f" Mend what is wrong, then `headwater replay {state.delivery_sqn}`."
                )
        _require_all_named(named, state.failed_checks, despite)
        return state.failed_checks
    return ()


def _require_all_named(named: str, failed: Sequence[str], despite: Sequence[str]) -> None:
    """Require that the named checks are those that the delivery failed, no other and no fewer."""
    if others := [check for check in despite if check not in failed]:
        raise NotDecidable(f"{named} did not fail {', '.join(others)}. It failed {', '.join(failed)}.")
    if despite and (unnamed := [check for check in failed if check not in despite]):
        raise NotDecidable(
            f"{named} failed {', '.join(unnamed)} too: name each check with --check, or none to accept it in spite"
            " of all"
        )


def _require_same_rows_when_replayed(state: DeliveryState) -> None:
    """Raises `NotDecidable` when what is staged is certainly not what a replay would check."""
    named = f"delivery {state.delivery_sqn} of {state.source}"
    unread = [check for check in state.failed_checks if check in (*NEVER_ACCEPTED, "columns")]
    if state.verdict == "halted" and unread:
        raise NotDecidable(
            f"{named} was halted by {', '.join(unread)} before its rows were checked: what a replay does is known only"
            " once it is done"
        )
    let_go = [check for check in state.failed_checks if check in ("columns", "duplicate_keys")]
    if state.verdict == "passed" and state.is_accepted and let_go:
        raise NotDecidable(
            f"{named} was accepted in spite of {', '.join(let_go)}, and a replay checks it with all that it brought:"
            " it would be halted again, unless what is wrong was mended"
        )


def _source(catalog: Catalog, state: DeliveryState) -> Source:
    if state.source not in catalog.sources:
        raise NotDecidable(
            f"the source {state.source} of delivery {state.delivery_sqn} is not in seeds/ any more"
        )
    return catalog.sources[state.source]
