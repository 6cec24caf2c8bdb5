"""The rows that were current before a delivery: those that the oracle names of what counts before it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from headwater.checks.baseline import Baseline
from headwater.checks.delivery_checks import Doubts
from headwater.metadata.errors import HeadwaterError
from headwater.metadata.process.deliveries import Delivery as Landed
from tests.support.history_oracle import Delivery, Key, Policy, Row, history

COLUMNS = "station integer*, reading integer"
COLUMN_NAMES = ("station", "reading")
FORGET = "; ".join(
    f"delete from {table}"
    for table in (
        "staging.stg_readings", "metadata.delivery_status", "metadata.delivery_event", "metadata.quarantined_row",
        "metadata.delivery",
    )
)  # fmt: skip


def at(day: int) -> datetime:
    return datetime(2026, 1, day, tzinfo=UTC)


def snapshot(day: int, rows: Mapping[int, int], unreadable: Iterable[int] = (), name: str = "a") -> Delivery:
    return Delivery(
        name, at(day), "snapshot", {(key,): (value,) for key, value in rows.items()},
        unreadable=frozenset((key,) for key in unreadable),
    )  # fmt: skip


def delta(day: int, rows: Mapping[int, int], removed: Iterable[int] = (), name: str = "a") -> Delivery:
    return Delivery(
        name, at(day), "delta", {(key,): (value,) for key, value in rows.items()},
        removed=frozenset((key,) for key in removed),
    )  # fmt: skip


def parts(
    day: int,
    rows: Mapping[int, int],
    unreadable: Iterable[int] = (),
    name: str = "a",
    part: int | None = None,
) -> Delivery:
    """A snapshot of the parts of its rows, or of one part."""
    named = None if part is None else (part,)
    return replace(snapshot(day, rows, unreadable, name), type="partition_snapshot", part=named)


def held(baseline: Baseline, connection: Any, sqn: int) -> dict[Key, Row] | None:
    """Return what was current before a delivery; None when nothing counts before it."""
    query = baseline.current_before(sqn)
    if query is None:
        return None
    rows = [tuple(row) for row in connection.execute(sa.text(query))]
    assert len(rows) == len({row[:1] for row in rows}), "a key is current once"
    return {row[:1]: row[1:] for row in rows}


def current(deliveries: Iterable[Delivery], policy: Policy) -> dict[Key, Row]:
    return {v.key: v.row for v in history(deliveries, policy) if v.valid_to is None}


@dataclass(frozen=True)
class Landing:
    """A delivery, where it stands, and what its checks will say of it if it is to be checked."""

    delivery: Delivery
    standing: str
    will_pass: bool


IN_HISTORY = ("loaded", "withdrawn", "replayed")
KEYS = range(5)


@st.composite
def landings(draw: st.DrawFn) -> list[Landing]:
    found: list[Landing] = []
    for _ in range(draw(st.integers(1, 7))):
        kind = draw(st.sampled_from(["snapshot", "snapshot", "delta", "parts", "parts", "parts"]))
        keys = draw(st.lists(st.sampled_from(KEYS), unique=True))
        values = {key: draw(st.integers(0, 1)) for key in keys}
        others = [key for key in KEYS if key not in values and draw(st.booleans())]
        day, name = draw(st.integers(1, 4)), draw(st.sampled_from("ab"))
        unreadable = others if draw(st.integers(0, 2)) == 0 else []
        if kind == "snapshot":
            delivery = snapshot(day, values, unreadable, name)
        elif kind == "parts":
            delivery = parts(day, values, unreadable, name, draw(st.sampled_from([None, None, 0, 1])))
        else:
            delivery = delta(day, values, others, name)
        standing = draw(st.sampled_from(["loaded", "passed", "pending", "pending", "withdrawn", "replayed"]))
        is_taken = any(
            one.standing in IN_HISTORY and (one.delivery.date, one.delivery.name) == (delivery.date, name)
            for one in found
        )
        if standing in IN_HISTORY and is_taken:
            standing = "passed"  # history holds one delivery of an identity
        found.append(Landing(delivery, standing, draw(st.booleans())))
    return found


policies = st.one_of(
    st.just(Policy()), st.builds(Policy, new=st.booleans(), changed=st.booleans(), removed=st.booleans())
)


def landed(sqn: int, delivery: Delivery) -> Landed:
    return Landed(
        sqn, "readings", delivery.name, "", delivery.type, delivery.date, delivery.date, "", 1, {}, None
    )


@pytest.fixture
def stations(make_bench: Any) -> Any:
    """The bench of a source of snapshots: station → reading."""
    return make_bench(COLUMNS, delivery_type="snapshot")


@settings(
    max_examples=settings().max_examples // 3,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(landings(), policies)
def test_any_mix_of_deliveries_gives_what_the_oracle_says(
    marked_stations: Any, found: list[Landing], policy: Policy
) -> None:
    bench = marked_stations
    # by the reading; where changes are not loaded, by the key
    policy = replace(policy, partition_by=(1,) if policy.changed else (0,))
    put_in_place(bench, found, policy)
    landing_of = dict(enumerate(found, bench.delivery_sqn - len(found) + 1))
    place = {sqn: (landing.delivery.date, landing.delivery.name) for sqn, landing in landing_of.items()}
    counting = {sqn for sqn, landing in landing_of.items() if landing.standing in ("loaded", "passed")}
    checked = [sqn for sqn, landing in landing_of.items() if landing.standing in ("pending", "replayed")]

    with bench.engine.connect() as connection:
        doubts = Doubts(connection, bench.source)
        for sqn in sorted(checked, key=lambda s: (place[s], s)):
            delivery = landing_of[sqn].delivery
            newest = {place[s]: landing_of[s].delivery for s in sorted(counting)}
            before = [one for where, one in newest.items() if where < place[sqn]]
            was = current(before, policy)
            actual = held(doubts._baseline, connection, sqn)
            assert (actual is None) == (not before)
            if delivery.type == "partition_snapshot":  # nobody asks for more than concerns it
                of_parts = in_parts(was, delivery, policy)
                assert set(actual or {}) >= set(of_parts) | (set(was) & set(delivery.rows))
                was = {key: row for key, row in was.items() if key in (actual or {})}
            assert set(actual or {}) == set(was)
            if policy.changed:  # else nobody asks what the rows were
                assert (actual or {}) == was
            if delivery.type != "delta":
                assert_doubts(list(doubts.about(landed(sqn, delivery))), was, delivery, policy)
            if landing_of[sqn].will_pass:
                doubts.let_pass(landed(sqn, delivery))
                counting.add(sqn)


@pytest.fixture
def marked_stations(make_bench: Any) -> Any:
    """The same, but its deltas may mark keys as deleted."""
    return make_bench(COLUMNS, options={"delete_column": "gone"})


def put_in_place(bench: Any, found: Iterable[Landing], policy: Policy) -> None:
    """Land the deliveries of one example, and no others, each as it stands."""
    bench.rows(FORGET)
    bench.source = replace(
        bench.source, load_new=policy.new, load_changed=policy.changed, load_removed=policy.removed,
        max_removed_pct=Decimal(50), partition_by=(COLUMN_NAMES[policy.partition_by[0]],),
    )  # fmt: skip
    sqns = {bench.deliver(landing.delivery): landing for landing in found}
    bench.load({sqn: one.delivery for sqn, one in sqns.items() if one.standing in IN_HISTORY}, policy)
    for sqn, landing in sqns.items():
        if landing.standing != "pending":
            bench.say(sqn, "passed")
        if landing.standing == "withdrawn":
            bench.say(sqn, "withdrawn")
        if landing.standing == "replayed":
            bench.say(sqn, "replayed")  # which takes it out of staging, and it comes back
            rows, fallen = len(landing.delivery.rows), len(landing.delivery.unreadable)
            bench.record_staged(sqn, staged=rows + len(landing.delivery.removed), fallen=fallen)


def assert_doubts(answers: list[Any], was: dict[Key, Row], delivery: Delivery, policy: Policy) -> None:
    """The removal guard and nothing_new say what a comparison by hand says."""
    spoken = in_parts(was, delivery, policy) if delivery.type == "partition_snapshot" else was
    by_name = {answer.result.check_name: answer.result for answer in answers}
    removed = set(spoken) - set(delivery.rows) - delivery.unreadable
    if not policy.removed:
        assert "removed" not in by_name
    else:
        guard = by_name["removed"]
        assert guard.passed == (not spoken or 100 * len(removed) <= 50 * len(spoken))
        if spoken:
            assert guard.observed.startswith(f"{len(removed)} of {len(spoken)} current keys")
        if not guard.passed:
            assert guard.unexpected_count == len(removed)
            assert guard.unexpected_sample == tuple({"key": {"station": key}} for (key,) in sorted(removed))
    news = [
        policy.removed and removed,
        policy.new and set(delivery.rows) - set(was),
        policy.changed and [key for key, row in delivery.rows.items() if key in was and was[key] != row],
    ]
    assert by_name["nothing_new"].passed == (not spoken or any(news))


def in_parts(was: Mapping[Key, Row], delivery: Delivery, policy: Policy) -> dict[Key, Row]:
    """Return what of the current rows is of the parts of a delivery."""
    complete_for = (
        {delivery.part} if delivery.part else {policy.part_of(*row) for row in delivery.rows.items()}
    )
    return {key: row for key, row in was.items() if policy.part_of(key, row) in complete_for}


def before(bench: Any, sqn: int, *passing: int) -> dict[Key, Row] | None:
    with bench.engine.connect() as connection:
        baseline = Baseline(connection, bench.source)
        for passed in passing:
            baseline.let_pass(passed)
        return held(baseline, connection, sqn)


def test_what_is_put_back_on_the_same_day_was_never_gone_though_nothing_new_is_let_in(stations: Any) -> None:
    bench = stations
    bench.source = replace(bench.source, load_new=False)
    first = bench.deliver(snapshot(1, {1: 1, 2: 2}))
    half = bench.deliver(snapshot(2, {1: 1}, name="a"))
    whole = bench.deliver(snapshot(2, {1: 1, 2: 2, 3: 3}, name="b"))
    last = bench.deliver(snapshot(3, {}))

    seen = []
    with bench.engine.connect() as connection:
        baseline = Baseline(connection, bench.source)
        for sqn in (first, half, whole, last):
            seen.append(held(baseline, connection, sqn))
            baseline.let_pass(sqn)

    assert seen == [None, {(1,): (1,), (2,): (2,)}, {(1,): (1,)}, {(1,): (1,), (2,): (2,)}]


def test_a_key_that_is_marked_as_deleted_and_stays_keeps_its_row(marked_stations: Any) -> None:
    bench = marked_stations
    bench.source = replace(bench.source, load_removed=False)
    steps = [snapshot(1, {1: 1, 2: 2}), delta(2, {1: 9}, removed=[2]), snapshot(3, {})]
    first, marking, last = map(bench.deliver, steps)

    assert before(bench, last, first, marking) == {(1,): (9,), (2,): (2,)}


def test_a_delete_mark_in_a_snapshot_is_no_row(marked_stations: Any) -> None:
    bench = marked_stations
    first = bench.stage([(False, 1, 1), (True, 2, None)], delivery_type="snapshot")
    last = bench.stage([], delivery_type="snapshot")

    assert before(bench, last, first) == {(1,): (1,)}


def test_a_purged_snapshot_is_taken_from_history_though_a_late_one_comes_before_it(stations: Any) -> None:
    bench = stations
    first, third = snapshot(1, {1: 1}), snapshot(3, {1: 1, 3: 3})
    loaded = {bench.deliver(first): first, bench.deliver(third): third}
    bench.load(loaded)
    for sqn in loaded:
        bench.say(sqn, "passed")
    late = bench.deliver(snapshot(2, {2: 2}))
    newest = bench.deliver(snapshot(4, {4: 4}))
    bench.rows("delete from staging.stg_readings where delivery_sqn <= 2")
    bench.rows("delete from metadata.delivery_status where layer = 'staging' and delivery_sqn <= 2")

    assert before(bench, late) == {(1,): (1,)}
    assert before(bench, newest, late) == {(1,): (1,), (3,): (3,)}


def test_a_delivery_that_counts_and_is_nowhere_to_be_found_is_named(stations: Any) -> None:
    bench = stations
    missing = bench.deliver(snapshot(1, {1: 1}))
    bench.say(missing, "passed")
    bench.rows("delete from metadata.delivery_status where layer = 'staging'")
    checked = bench.deliver(snapshot(2, {1: 1}))

    with pytest.raises(HeadwaterError) as error:
        before(bench, checked)

    assert str(error.value) == (
        "source readings: delivery 1, a, counts and is not staged; expected it staged before the next one is"
        " checked"
    )


def test_a_delivery_of_the_same_identity_is_not_what_came_before(stations: Any) -> None:
    bench = stations
    bench.say(bench.deliver(snapshot(1, {1: 1})), "passed")
    bench.say(bench.deliver(snapshot(2, {1: 1, 2: 2})), "passed")
    again = bench.deliver(snapshot(2, {1: 1}))

    assert before(bench, again) == {(1,): (1,)}


def test_a_first_snapshot_on_top_of_history_costs_no_table(stations: Any) -> None:
    """Current rows are read where they lie: nothing is copied, and history's index on current rows serves."""
    bench = stations
    first = snapshot(1, {1: 1})
    loaded = {bench.deliver(first): first}
    bench.load(loaded)
    bench.say(1, "passed")
    second, third = bench.deliver(snapshot(2, {2: 2})), bench.deliver(snapshot(3, {3: 3}))

    with bench.engine.connect() as connection:
        baseline = Baseline(connection, bench.source)
        on_history = baseline.current_before(second)
        baseline.let_pass(second)
        on_staging = baseline.current_before(third)

    assert on_history == 'select "station", "reading" from "historical"."readings" where valid_to is null'
    assert on_staging == 'select "station", "reading" from "staging"."stg_readings" where delivery_sqn = 2'
