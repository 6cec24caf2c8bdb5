"""Decisions of a person about a delivery are on record, and history is what it would be had it always been so."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from headwater.dbt_project.dbt import Dbt
from headwater.dbt_project.dry_run import DryRunResult, dry_run_from_json
from headwater.metadata.process.deliveries import lock_source
from headwater.metadata.process.events import event_key, from_json, to_json, whoami
from headwater.metadata.process.migrate import upgrade
from headwater.metadata.static.model import Catalog
from headwater.pipeline import decide, preparation
from headwater.pipeline.rebuild import rebuild
from headwater.project import Project
from headwater.queries import status
from tests.pipeline.line import Line, cities, prices
from tests.support.history_oracle import Delivery

SCHEMAS = "metadata, raw, staging, historical, marts"


def decided(line: Line, decision: str, name: str, why: str = "a test") -> int:
    """Decide about the newest landing of a name; the run's exit code."""
    return decide.decide(line.project, decision, line.sqn(name), why, line.messages.append).exit_code


def dry_run(line: Line, decision: str, name: str) -> DryRunResult:
    return decide.dry_run(line.project, decision, line.sqn(name), line.messages.append)


def three_days(line: Line) -> tuple[Delivery, Delivery, Delivery]:
    first = line.deliver("cities", cities(1, {"a": ("A", 1), "b": ("B", 1)}))
    second = line.deliver("cities", cities(2, {"a": ("A", 2), "c": ("C", 1)}))
    third = line.deliver("cities", cities(3, {"a": ("A", 2), "b": ("B", 1)}))
    line.ran_well("cities")
    return first, second, third


def test_withdrawn_a_delivery_never_came_and_restored_it_always_did(line: Line) -> None:
    first, second, third = three_days(line)
    before = line.essence()["historical.cities"]

    would = dry_run(line, "withdraw", second.name)
    line.assert_history("cities", first, second, third)  # a dry run changes nothing …
    assert line.status(second.name) == "loaded"
    assert decided(line, "withdraw", second.name, "the publisher took it back") == 0
    line.assert_history("cities", first, third)
    assert line.status(second.name) == "withdrawn"
    # … and said what came: a is new from the 3rd and no more from the 2nd, c was never there, b never went
    assert would == DryRunResult(added=1, dropped=3, ended=1, reopened=1)
    day = {
        kind: [(one.key["city"], one.valid_from[:10]) for one in keys] for kind, keys in would.sample.items()
    }
    assert day == {
        "added": [("a", "2026-01-03")],
        "dropped": [("a", "2026-01-02"), ("b", "2026-01-03"), ("c", "2026-01-02")],
        "ended": [("a", "2026-01-01")],
        "reopened": [("b", "2026-01-01")],
    }
    assert would.sentence == (
        "1 version appears, 3 versions disappear, 1 version ends and 1 version is current again."
    )
    ((event, why, who),) = line.query(
        "select event, why, who from metadata.delivery_event where event = 'withdrawn' and delivery_sqn = :sqn",
        sqn=line.sqn(second.name),
    )
    assert (event, why) == ("withdrawn", "the publisher took it back")
    assert who

    assert decided(line, "restore", second.name) == 0
    line.assert_history("cities", first, second, third)
    assert line.essence()["historical.cities"] == before


def test_the_newest_delivery_withdrawn_reopens_what_it_ended(line: Line) -> None:
    first, second, third = three_days(line)
    assert decided(line, "withdraw", third.name) == 0
    line.assert_history("cities", first, second)


def test_every_delivery_withdrawn_leaves_an_empty_history(line: Line) -> None:
    for delivery in three_days(line):
        assert decided(line, "withdraw", delivery.name) == 0
    line.assert_history("cities")


def test_accepted_in_spite_of_duplicate_keys_the_last_row_wins_until_it_is_replayed(line: Line) -> None:
    first = line.deliver("cities", cities(1, {"a": ("A", 1)}))
    halted = line.deliver("cities", cities(2, {"b": ("B", 9)}), "b,Bee,3,cities-20260102.csv")
    assert line.run("cities").exit_code == 3
    would = dry_run(line, "accept", halted.name)
    line.assert_history("cities", first)

    assert decided(line, "accept", halted.name, "the second line corrects the first") == 0
    line.assert_history("cities", first, cities(2, {"b": ("Bee", 3)}))
    assert would == DryRunResult(added=1, dropped=0, ended=1, reopened=0)
    assert [(line_number, rule) for line_number, rule, *_ in line.quarantine(halted.name)] == [
        (2, "duplicate_key")
    ]

    ((known_at,),) = line.query("select clock_timestamp()")

    assert decided(line, "replay", halted.name, "check it again") == 3
    line.assert_history("cities", first)
    assert line.quarantine(halted.name) == []
    # both rows of b are staged again; what was known then is the last one all the same
    dbt = Dbt(line.project.root, line.project.home, "as-of")
    known = status.rows_as_of(
        line.database, dbt, "cities", datetime(2026, 1, 2, tzinfo=UTC), known_at, None
    ).rows
    assert [(row["city"], row["people"]) for row in known] == [("b", 3)]


def test_of_many_versions_that_change_the_first_ten_keys_are_told(line: Line) -> None:
    line.deliver("prices", prices(1, {("the 'north'", number): (1,) for number in range(12)}))
    second = line.deliver("prices", prices(2, {("the 'north'", number): (2,) for number in range(12)}))
    line.ran_well("prices")
    would = dry_run(line, "withdraw", second.name)
    assert would == DryRunResult(added=0, dropped=12, ended=0, reopened=12)
    assert [one.key for one in would.sample["dropped"]] == [
        {"shop": "the 'north'", "item": number} for number in range(10)
    ]
    assert would == dry_run_from_json(json.loads(json.dumps(asdict(would))))


def test_a_replayed_delivery_goes_through_every_layer_again_and_counts_once(line: Line) -> None:
    deliveries = three_days(line)
    before = line.essence()
    assert decided(line, "replay", deliveries[1].name) == 0
    line.assert_history("cities", *deliveries)
    after = line.essence()
    assert {table: rows for table, rows in after.items() if table != "metadata.delivery_event"} == {
        table: rows for table, rows in before.items() if table != "metadata.delivery_event"
    }


def test_a_dry_replay_says_what_todays_checks_would_make_of_the_delivery(
    line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second, third = three_days(line)
    proper = preparation.prepare

    def guarded(project: Project) -> tuple[Catalog, Engine]:
        catalog, engine = proper(project)
        cautious = replace(catalog.sources["cities"], max_removed_pct=Decimal(10))
        return replace(catalog, sources={**catalog.sources, "cities": cautious}), engine

    assert replace(dry_run(line, "replay", second.name), why=None) == DryRunResult(0, 0, 0, 0, "passed")
    with monkeypatch.context() as patch:
        patch.setattr(decide, "prepare", guarded)
        before = line.contents()
        would = dry_run(line, "replay", second.name)
        assert line.contents() == before
        assert replace(would, why=None) == DryRunResult(1, 3, 1, 1, "halted")
        assert would.why is not None
        assert would.why.startswith("removed: 1 of 2 current keys would be removed, 50.0 %, more than 10 %")
        assert decided(line, "replay", second.name) == 3
        line.assert_history("cities", first, third)

    would = dry_run(line, "replay", second.name)
    assert replace(would, why=None) == DryRunResult(3, 1, 2, 0, "passed")
    line.assert_history("cities", first, third)
    assert decided(line, "replay", second.name) == 0
    line.assert_history("cities", first, second, third)


def test_a_dry_replay_says_so_when_other_rows_than_the_staged_ones_would_be_checked(line: Line) -> None:
    twice = line.deliver("cities", cities(1, {"b": ("B", 9)}), "b,Bee,3,cities-20260101.csv")
    broken = line.deliver("cities", cities(2, {"a": ("A", 1)}), "ragged")
    assert line.run("cities").exit_code == 3
    assert dry_run(line, "replay", twice.name).verdict == "halted"
    with pytest.raises(decide.NotDecidable, match="was halted by format before its rows were checked"):
        dry_run(line, "replay", broken.name)
    decided(line, "accept", twice.name)
    with pytest.raises(decide.NotDecidable, match="was accepted in spite of duplicate_keys, and a replay"):
        dry_run(line, "replay", twice.name)


@pytest.mark.parametrize(
    ("is_withdrawn", "decision", "message"),
    [
        (False, "restore", "is loaded, not withdrawn: there is nothing to restore"),
        (False, "accept", "is loaded, not halted: there is nothing to accept"),
        (True, "withdraw", "is withdrawn already"),
        (True, "accept", r"is withdrawn. Expected `headwater restore \d+` first"),
        (True, "replay", r"is withdrawn. Expected `headwater restore \d+` first"),
    ],
)
def test_a_decision_that_does_not_fit_is_refused_and_leaves_no_event(
    line: Line, is_withdrawn: bool, decision: str, message: str
) -> None:
    first = line.deliver("cities", cities(1, {"a": ("A", 1)}))
    line.ran_well("cities")
    if is_withdrawn:
        decided(line, "withdraw", first.name)
    before = line.contents()
    with pytest.raises(decide.NotDecidable, match=message):
        decided(line, decision, first.name)
    with pytest.raises(decide.NotDecidable, match=message):
        dry_run(line, decision, first.name)
    assert line.contents() == before


def test_a_decision_without_a_reason_is_refused(line: Line) -> None:
    first = line.deliver("cities", cities(1, {"a": ("A", 1)}))
    line.ran_well("cities")
    with pytest.raises(decide.NotDecidable, match="goes on record with its reason"):
        decided(line, "withdraw", first.name, why=" ")
    assert line.status(first.name) == "loaded"


def test_put_on_record_a_decision_waits_for_the_next_run(line: Line) -> None:
    first, second, third = three_days(line)
    sqn = line.sqn(second.name)
    before = decide.put_on_record(line.database, line.store, "withdraw", sqn, " wrong day ", who="ada")
    assert before.status == "loaded"
    assert line.status(second.name) == "withdrawn"
    line.assert_history("cities", first, second, third)  # as it was
    events = "select event, why, who from metadata.delivery_event where event = 'withdrawn' and delivery_sqn = :sqn"
    assert line.query(events, sqn=sqn) == [("withdrawn", "wrong day", "ada")]
    with pytest.raises(decide.NotDecidable, match="is withdrawn already"):
        decide.put_on_record(line.database, line.store, "withdraw", sqn, "twice", who="bob")
    assert len(line.query(events, sqn=sqn)) == 1
    line.ran_well("cities")
    line.assert_history("cities", first, third)


def test_while_a_run_writes_the_source_a_decision_is_put_off_with_a_message(line: Line) -> None:
    _, second, _ = three_days(line)
    with line.database.begin() as writing:
        lock_source(writing, "cities")
        with pytest.raises(decide.SourceBusy, match="a run is writing cities just now"):
            decide.put_on_record(
                line.database, line.store, "withdraw", line.sqn(second.name), "why", patience_s=1
            )
    assert line.status(second.name) == "loaded"
    assert line.query("select count(*) from metadata.delivery_event where event = 'withdrawn'") == [(0,)]
    decide.put_on_record(line.database, line.store, "withdraw", line.sqn(second.name), "why", patience_s=1)
    assert line.status(second.name) == "withdrawn"


@pytest.mark.parametrize(
    ("despite", "message"),
    [
        (["min_rows"], r"did not fail min_rows. It failed duplicate_keys, delivery_date_in_future\."),
        (["duplicate_keys"], "failed delivery_date_in_future too: name each check with --check"),
    ],
)
def test_whoever_names_the_checks_to_accept_must_name_those_that_failed(
    line: Line, despite: list[str], message: str
) -> None:
    future = replace(
        cities(1, {"b": ("B", 9)}), name="cities-29990101.csv", date=datetime(2999, 1, 1, tzinfo=UTC)
    )
    line.deliver("cities", future, "b,Bee,3,cities-29990101.csv")
    assert line.run("cities").exit_code == 3
    sqn, failed = line.sqn(future.name), ["duplicate_keys", "delivery_date_in_future"]
    with pytest.raises(decide.NotDecidable, match=message):
        decide.decide(line.project, "accept", sqn, "a test", line.messages.append, despite=despite)
    assert line.status(future.name) == "halted"
    decide.decide(line.project, "accept", sqn, "a test", line.messages.append, despite=failed[::-1])
    assert line.status(future.name) == "loaded"


def test_who_decided_what_when_and_why_is_told_and_whether_it_holds(line: Line) -> None:
    name = line.deliver("cities", cities(1, {"b": ("B", 9)}), "b,Bee,3,cities-20260101.csv").name
    assert line.run("cities").exit_code == 3

    def current_state() -> dict[str, Any]:
        return status.delivery(line.database, line.sqn(name))

    assert (current_state()["decisions"], status.decision_that_holds(current_state())) == ([], None)
    decided(line, "accept", name, "the second line corrects the first")
    (decision,) = current_state()["decisions"]
    assert status.decision_that_holds(current_state()) == decision
    assert {what: decision[what] for what in ("event", "checks", "who", "why")} == {
        "event": "accepted",
        "checks": ["duplicate_keys"],
        "who": whoami(),
        "why": "the second line corrects the first",
    }
    assert datetime.now(UTC) - datetime.fromisoformat(decision["event_at"]) < timedelta(hours=1)

    decided(line, "withdraw", name, "it does not")
    held = status.decision_that_holds(current_state())
    assert held is not None
    assert (held["event"], held["why"]) == ("withdrawn", "it does not")
    decided(line, "restore", name)
    assert status.decision_that_holds(current_state()) == decision
    decided(line, "replay", name)
    assert status.decision_that_holds(current_state()) is None
    assert [made["event"] for made in current_state()["decisions"]] == [
        "accepted",
        "withdrawn",
        "restored",
        "replayed",
    ]


def test_a_broken_file_cannot_be_accepted(line: Line) -> None:
    line.deliver("cities", cities(1, {"a": ("A", 1)}))
    broken = line.deliver("cities", cities(2, {"a": ("A", 1)}), "ragged")
    assert line.run("cities").exit_code == 3
    with pytest.raises(
        decide.NotDecidable, match="the file breaks its own format, so there are no rows to accept"
    ):
        decided(line, "accept", broken.name)


def test_a_number_that_no_delivery_has_is_named(line: Line) -> None:
    with pytest.raises(decide.NotDecidable, match="there is no delivery 999"):
        decide.decide(line.project, "withdraw", 999, "a test", line.messages.append)


def test_rebuilt_without_the_publisher_every_table_is_what_it_was(line: Line) -> None:
    three_days(line)
    line.deliver("cities", cities(4, {"a": ("A", 5)}), "b,Bee,many,x")  # one row falls out
    line.run("cities")
    before = line.essence()
    for file in line.publisher.rglob("*.csv"):
        file.unlink()

    assert rebuild(line.project, ["cities"], line.messages.append).exit_code == 0
    assert line.essence() == before


def test_an_empty_database_is_rebuilt_from_s3_decisions_included(line: Line) -> None:
    first, second, third = three_days(line)
    halted = line.deliver("cities", cities(4, {"b": ("B", 9)}), "b,Bee,3,cities-20260104.csv")
    assert line.run("cities").exit_code == 3
    decided(line, "withdraw", second.name)
    decided(line, "accept", halted.name)
    before = line.essence()
    sqns = line.query("select delivery_sqn, publisher_name from metadata.delivery order by 1")
    for file in line.publisher.rglob("*.csv"):
        file.unlink()
    with line.database.begin() as connection:
        connection.execute(sa.text(f"drop schema {SCHEMAS} cascade"))
    upgrade(line.database)

    assert rebuild(line.project, ["cities"], line.messages.append).exit_code == 0
    line.assert_history("cities", first, third, cities(4, {"b": ("Bee", 3)}))
    assert line.query("select delivery_sqn, publisher_name from metadata.delivery order by 1") == sqns
    after = line.essence()
    tables = ("historical.cities", "metadata.delivery_event", "metadata.quarantined_row")
    assert {table: after[table] for table in tables} == {table: before[table] for table in tables}

    # what does not count was not loaded; S3 has it when it is wanted again
    assert decided(line, "restore", second.name) == 0
    line.assert_history("cities", first, second, third, cities(4, {"b": ("Bee", 3)}))


def clock_ahead(line: Line, event: str) -> None:
    """As if the database's clock had been a year ahead when the last event of a kind was written, here and on S3."""
    ((event_id,),) = line.query(
        "select event_id from metadata.delivery_event where event = :event order by event_at desc limit 1",
        event=event,
    )
    [key] = [key for key in line.store.list("events/cities/") if str(event_id) in key]
    happened = from_json(line.store.get(key))
    later = replace(happened, event_at=happened.event_at + timedelta(days=365))
    line.store.delete(key)
    assert line.store.put_new(event_key("cities", later), to_json(later))
    moved = "update metadata.delivery_event set event_at = :at where event_id = :id"
    line.execute(moved, at=later.event_at, id=event_id)


def test_a_decision_after_the_clock_went_back_has_effect_here_in_its_dry_run_and_from_s3(line: Line) -> None:
    first, second, third = three_days(line)
    decided(line, "withdraw", second.name)
    clock_ahead(line, "withdrawn")
    would = dry_run(line, "restore", second.name)
    assert would.added
    assert decided(line, "restore", second.name) == 0
    line.assert_history("cities", first, second, third)
    line.execute("truncate metadata.delivery cascade")
    rebuild(line.project, ["cities"], line.messages.append)
    line.assert_history("cities", first, second, third)


def test_a_decision_follows_one_that_only_s3_has_whatever_the_clock_said(line: Line) -> None:
    """A withdrawal whose process died before Postgres knew of it, while the clock was ahead, and then a decision."""
    first, second, third = three_days(line)
    decided(line, "withdraw", second.name)
    clock_ahead(line, "withdrawn")
    line.execute("delete from metadata.delivery_event where event = 'withdrawn'")
    with pytest.raises(decide.NotDecidable, match="is withdrawn already"):
        decided(line, "withdraw", second.name)
    assert decided(line, "restore", second.name) == 0
    line.assert_history("cities", first, second, third)
