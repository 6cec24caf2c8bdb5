"""Raw and staging lose what history has, by policy; whatever is asked for afterwards, S3 gives back what it needs."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime

import pytest

from headwater.dbt_project.dbt import Dbt
from headwater.dbt_project.dry_run import DryRunResult
from headwater.extract.files.dialect import Dialect
from headwater.extract.run import extract_source
from headwater.metadata.errors import HeadwaterError
from headwater.metadata.process.jobs import JobInstance
from headwater.metadata.static.read import read_catalog
from headwater.pipeline import decide, retention
from headwater.pipeline.purge import bring_back_known_at, purge
from headwater.pipeline.rebuild import rebuild
from headwater.queries import status as source_status
from tests.pipeline.line import Line, cities, of_source
from tests.support.history_oracle import Delivery

DAYS = (
    cities(1, {"a": ("A", 1), "b": ("B", 1)}),
    cities(3, {"a": ("A", 2), "c": ("C", 1)}),
    cities(5, {"a": ("A", 2), "b": ("B", 1)}),
    cities(7, {"a": ("A", 3), "b": ("B", 1)}),
)


@pytest.fixture
def keep(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Say what the sources keep, from now on."""

    def say(**layers: int) -> None:
        monkeypatch.setattr(retention, "policy", lambda _: layers)

    return say


@pytest.fixture
def purged(line: Line, keep: Callable[..., None]) -> Line:
    """A line with four deliveries in history, the newest of them in raw and staging."""
    keep(raw=1, staging=1)
    for delivery in DAYS:
        line.deliver("cities", delivery)
    line.ran_well("cities")
    return line


def statuses(line: Line, layer: str) -> list[str]:
    """The status of each delivery in a layer, by date; '-' where it has none."""
    rows = line.query(
        "select coalesce(done.status, '-') from metadata.delivery"
        " left join metadata.delivery_status as done on done.delivery_sqn = delivery.delivery_sqn and layer = :layer"
        " order by delivery_date, delivery.delivery_sqn",
        layer=layer,
    )
    return [status for (status,) in rows]


def held(line: Line) -> tuple[list[str], list[str]]:
    """The publisher's names of the deliveries whose rows raw and staging hold."""
    names = "select distinct publisher_name from {} join metadata.delivery using (delivery_sqn) order by 1"
    raw, staging = (line.query(names.format(table)) for table in ("raw.cities", "staging.stg_cities"))
    return [name for (name,) in raw], [name for (name,) in staging]


def loaded_into_raw(line: Line, act: Callable[[], object]) -> list[str]:
    """The publisher's names of what raw loads while something is done."""
    line.execute("create table if not exists public.seen (publisher_name text)")
    line.execute(
        "create or replace function public.see() returns trigger language plpgsql as $$ begin"
        " insert into public.seen select publisher_name from metadata.delivery where delivery_sqn = new.delivery_sqn;"
        " return null; end $$;"
        " create or replace trigger see after insert or update on metadata.delivery_status for each row"
        " when (new.layer = 'raw' and new.status = 'loaded') execute function public.see();"
        " truncate public.seen"
    )
    act()
    return [name for (name,) in line.query("select publisher_name from public.seen order by 1")]


def names(*deliveries: Delivery) -> list[str]:
    return [delivery.name for delivery in deliveries]


def decided(line: Line, decision: str, name: str) -> int:
    return decide.decide(line.project, decision, line.sqn(name), "a test", line.messages.append).exit_code


def test_purged_rows_are_gone_their_counts_stay_and_an_idle_run_does_nothing(purged: Line) -> None:
    line = purged
    line.assert_history("cities", *DAYS)
    assert held(line) == (names(DAYS[3]), names(DAYS[3]))
    assert statuses(line, "raw") == statuses(line, "staging") == ["purged"] * 3 + ["loaded"]
    assert (
        line.query(
            "select layer, record_count from metadata.delivery_status where status = 'purged'"
            " order by delivery_sqn, layer"
        )
        == [("raw", 2), ("staging", 2)] * 3
    )
    assert "cities: purged 3 deliveries, 6 rows, from staging" in line.messages

    before = line.contents()
    assert loaded_into_raw(line, lambda: line.ran_well("cities")) == []
    assert line.contents() == before


def test_each_layer_has_a_policy_of_its_own_and_none_keeps_all(line: Line, keep: Callable[..., None]) -> None:
    for delivery in DAYS:
        line.deliver("cities", delivery)
    line.ran_well("cities")
    assert held(line) == (names(*DAYS), names(*DAYS))

    keep(raw=0)
    line.ran_well("cities")
    assert held(line) == ([], names(*DAYS))

    keep(staging=2)
    late = line.deliver("cities", cities(6, {"a": ("late", 9)}))
    line.ran_well("cities")
    line.assert_history("cities", *DAYS, late)
    assert held(line) == (names(late), names(late, DAYS[3]))  # what staging has, raw need not load


LATE = cities(4, {"a": ("late", 9)})
AGAIN = cities(3, {"a": ("A", 8)})
WAYS: Mapping[str, tuple[Callable[[Line], object], list[Delivery], list[Delivery]]] = {
    "a late one": (
        lambda line: (line.deliver("cities", LATE), line.ran_well("cities")),
        [LATE, DAYS[2]],
        [*DAYS, LATE],
    ),
    "a superseding one": (
        lambda line: (line.deliver("cities", AGAIN), line.ran_well("cities")),
        [DAYS[1], AGAIN, DAYS[2]],  # until the new one has passed, the old one counts
        [DAYS[0], AGAIN, *DAYS[2:]],
    ),
    "withdrawn": (lambda line: decided(line, "withdraw", DAYS[1].name), [DAYS[2]], [DAYS[0], *DAYS[2:]]),
    "replayed": (lambda line: decided(line, "replay", DAYS[1].name), [DAYS[1], DAYS[2]], list(DAYS)),
    "rebuilt": (lambda line: rebuild(line.project, ["cities"], line.messages.append), list(DAYS), list(DAYS)),
}


@pytest.mark.parametrize("way", WAYS)
def test_after_a_purge_what_is_needed_and_no_more_comes_back_from_s3_and_goes_again(
    purged: Line, way: str
) -> None:
    act, needed, counting = WAYS[way]
    assert loaded_into_raw(purged, lambda: act(purged)) == sorted(names(*needed))
    purged.assert_history("cities", *counting)
    assert held(purged) == (names(DAYS[3]), names(DAYS[3]))
    before = purged.contents()
    purged.ran_well("cities")
    assert purged.contents() == before


def test_what_was_purged_is_restored_and_what_is_halted_is_never_purged(purged: Line) -> None:
    line = purged
    decided(line, "withdraw", DAYS[1].name)
    assert statuses(line, "staging") == ["purged"] * 3 + ["loaded"]
    assert loaded_into_raw(line, lambda: decided(line, "restore", DAYS[1].name)) == names(*DAYS[1:3])
    line.assert_history("cities", *DAYS)

    halted = line.deliver("cities", cities(2, {"b": ("B", 9)}), "b,Bee,3,cities-20260102.csv")
    assert line.run("cities").exit_code == 3
    assert halted.name in held(line)[0]
    line.assert_history("cities", *DAYS)
    assert loaded_into_raw(line, lambda: decided(line, "accept", halted.name)) == names(*DAYS[1:3])
    line.assert_history("cities", *DAYS, cities(2, {"b": ("Bee", 3)}))
    assert held(line) == (names(DAYS[3]), names(DAYS[3]))


def test_a_dry_run_brings_back_what_it_needs_and_says_what_comes(purged: Line) -> None:
    line = purged
    would = decide.dry_run(line.project, "withdraw", line.sqn(DAYS[1].name), line.messages.append)
    assert "cities: bringing 2 deliveries back from S3" in line.messages
    line.assert_history("cities", *DAYS)
    assert would == DryRunResult(added=1, dropped=3, ended=1, reopened=1)

    decided(line, "withdraw", DAYS[1].name)
    would = decide.dry_run(line.project, "restore", line.sqn(DAYS[1].name), line.messages.append)
    assert would == DryRunResult(added=3, dropped=1, ended=2, reopened=0)
    line.assert_history("cities", DAYS[0], *DAYS[2:])
    line.ran_well("cities")
    assert held(line) == (names(DAYS[3]), names(DAYS[3]))


@pytest.mark.long
def test_a_superseded_delivery_comes_back_to_say_what_a_withdrawal_would_do(purged: Line) -> None:
    line = purged
    line.deliver("cities", AGAIN)
    line.ran_well("cities")
    would = decide.dry_run(line.project, "withdraw", line.sqn(AGAIN.name), line.messages.append)
    line.assert_history("cities", DAYS[0], AGAIN, *DAYS[2:])
    assert (would.added, would.dropped) == (2, 2)  # a is 2 from the 3rd on, c is new; a was 8, then 2
    decided(line, "withdraw", AGAIN.name)
    line.assert_history("cities", *DAYS)


def test_what_was_known_is_asked_of_deliveries_that_are_brought_back(purged: Line) -> None:
    line = purged
    ((known_at,),) = line.query("select clock_timestamp()")
    decided(line, "withdraw", DAYS[1].name)
    with pytest.raises(
        HeadwaterError, match=r"^Not staged: source cities: what was known at .* deliveries 1, 2, 3,"
    ):
        names_on_the_fourth(line, known_at)

    assert loaded_into_raw(
        line, lambda: bring_back_known_at(line.project, "cities", known_at, line.messages.append)
    ) == names(*DAYS[:3])
    assert names_on_the_fourth(line, known_at) == [("a", 2), ("c", 1)]
    line.assert_history("cities", DAYS[0], *DAYS[2:])
    line.ran_well("cities")
    assert held(line) == (names(DAYS[3]), names(DAYS[3]))


def names_on_the_fourth(line: Line, known_at: datetime) -> list[tuple[str, int]]:
    dbt = Dbt(line.project.root, line.project.home, "as-of")
    on = datetime.fromisoformat("2026-01-04T00:00:00+00:00")
    rows = source_status.rows_as_of(line.database, dbt, "cities", on, known_at, None).rows
    return sorted((row["city"], row["people"]) for row in rows)


def test_a_dry_run_brings_back_nothing_else(purged: Line) -> None:
    """Other pending deliveries are checked by the next run, not by a question."""
    line = purged
    broken = line.deliver("cities", cities(8, {"a": ("A", 1)}), "ragged")
    land_only(line)
    decide.dry_run(line.project, "withdraw", line.sqn(DAYS[1].name), line.messages.append)
    assert (line.status(broken.name), statuses(line, "raw")[-1]) == ("pending", "-")
    assert [halt.publisher_name for halt in line.run("cities").halts] == [broken.name]


def test_a_dry_run_of_withdrawing_what_never_came_into_raw_needs_none_of_it(purged: Line) -> None:
    line = purged
    broken = line.deliver("cities", cities(8, {"a": ("A", 1)}), "ragged")
    line.run("cities")
    for decision, state in (("withdraw", "halted"), ("restore", "withdrawn")):
        assert line.status(broken.name) == state
        would = decide.dry_run(line.project, decision, line.sqn(broken.name), line.messages.append)
        assert would == DryRunResult(added=0, dropped=0, ended=0, reopened=0)
        assert statuses(line, "staging")[-1] == "-"
        decided(line, decision, broken.name)


def test_what_one_question_asks_for_another_one_does_not_forget(purged: Line) -> None:
    line = purged
    other = JobInstance(line.database, "other", "another process", {})
    with line.database.begin() as connection:
        retention.recall(connection, [line.sqn(DAYS[0].name), line.sqn(DAYS[3].name)], other.job_inst_id)
    assert statuses(line, "staging") == [
        "recalled",
        "purged",
        "purged",
        "loaded",
    ]  # the last is there already
    decide.dry_run(line.project, "restore", withdrawn(line, DAYS[2]), line.messages.append)
    with line.database.begin() as connection:
        retention.recall(connection, [line.sqn(DAYS[1].name)], other.job_inst_id)
    line.store.delete(line.store.key(filename(line, DAYS[1])))
    assert "could not be loaded" in line.run("cities").failures[0]
    assert statuses(line, "staging")[1] == "recalled"  # it still lives, and asks

    other.close()
    assert line.run("cities").failures  # tried once more for one who has gone
    line.ran_well("cities")
    assert statuses(line, "staging") == ["purged"] * 3 + ["loaded"]


def land_only(line: Line) -> None:
    """Do what a run does first, and no more."""
    source = read_catalog(line.project.seeds).sources["cities"]
    job = JobInstance(line.database, "cities", "landing", {})
    extract_source(line.database, line.store, source, job.job_inst_id, job.log)
    job.close()


def withdrawn(line: Line, delivery: Delivery) -> int:
    decided(line, "withdraw", delivery.name)
    return line.sqn(delivery.name)


def filename(line: Line, delivery: Delivery) -> str:
    ((address,),) = line.query(
        "select delivery_filename from metadata.delivery where publisher_name = :name", name=delivery.name
    )
    return str(address)


def test_what_s3_has_lost_is_named_and_asked_for_no_longer(purged: Line) -> None:
    line = purged
    decided(line, "withdraw", DAYS[1].name)
    line.store.delete(line.store.key(filename(line, DAYS[1])))
    with pytest.raises(HeadwaterError, match="cities: delivery 2 could not be loaded"):
        decide.dry_run(line.project, "restore", line.sqn(DAYS[1].name), line.messages.append)
    assert statuses(line, "staging")[1] == "purged"
    line.ran_well("cities")


def test_a_delivery_that_is_read_no_more_keeps_its_verdict(
    purged: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    """History has it: to halt it now would take it out. Say, another version of the project reads files otherwise."""
    line = purged
    monkeypatch.setattr(Dialect, "of", lambda _: Dialect(delimiter=";"))
    result = decide.decide(line.project, "withdraw", line.sqn(DAYS[0].name), "a test", line.messages.append)
    assert result.halts == []
    for failure, delivery in zip(result.failures, DAYS[1:3], strict=False):
        assert failure.startswith(f"cities: delivery {line.sqn(delivery.name)} cannot be loaded again: ")
    assert "`headwater replay 2` to check it again" in result.failures[0]
    line.assert_history("cities", *DAYS)
    assert [line.status(delivery.name) for delivery in DAYS] == ["withdrawn", *["loaded"] * 3]


def test_late_ones_are_checked_against_what_would_then_be_current(
    line: Line, keep: Callable[..., None]
) -> None:
    """Rows that a purged delivery between two late ones left as they were leave history once the first one passes."""
    keep(raw=0, staging=0)
    first = line.deliver("cities", cities(1, {"a": ("A", 1), "b": ("B", 1)}))
    third = line.deliver("cities", cities(3, {"a": ("A", 3)}, unreadable=["b"]), "b,B,many,x")
    line.ran_well("cities")
    second = line.deliver("cities", cities(2, {"a": ("A", 2)}))
    fourth = line.deliver("cities", cities(4, {"a": ("A", 3)}))
    assert of_source(line.ran_well("cities"), "cities").warnings == [
        f"{fourth.name}: nothing_new: no key is new, changed or removed: the same 1 as are current"
    ]
    line.assert_history("cities", first, second, third, fourth)
    assert statuses(line, "staging") == ["purged"] * 4


def test_a_purge_that_dies_or_finds_other_rows_than_were_recorded_keeps_everything(
    line: Line, keep: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    for delivery in DAYS:
        line.deliver("cities", delivery)
    line.ran_well("cities")
    before = line.contents()
    keep(raw=1, staging=1)
    with monkeypatch.context() as patch:
        patch.setattr(retention, "record_layer", lambda *_, **__: 1 / 0)
        (failure,) = line.run("cities").failures
    assert "ZeroDivisionError" in failure
    assert line.contents() == before

    line.execute("delete from staging.stg_cities where delivery_sqn = 2 and city = 'a'")
    before = line.contents()
    result = line.run("cities")
    assert result.failures == [
        "cities: delivery 2, staging: 2 rows were recorded, but 1 are there to be purged. Nothing was purged"
    ]
    assert line.contents() == before


def test_the_space_of_what_is_purged_is_used_again(line: Line, keep: Callable[..., None]) -> None:
    keep(raw=1, staging=1)
    many = {f"city {number}": (f"{number}" * 20, number) for number in range(2000)}
    sizes = []
    for day in range(1, 5):
        line.deliver("cities", cities(day, many | {"day": ("day", day)}))
        line.ran_well("cities")
        sizes.append(
            line.query("select pg_relation_size('raw.cities'), pg_relation_size('staging.stg_cities')")[0]
        )
    for of_layer in zip(*sizes, strict=True):
        assert max(of_layer) < 2.5 * of_layer[0], "two deliveries at once and no more"


@pytest.mark.long
def test_purging_by_hand_says_first_what_would_go(line: Line, keep: Callable[..., None]) -> None:
    for delivery in DAYS:
        line.deliver("cities", delivery)
    line.ran_well("cities")
    before = line.contents()
    keep(raw=2, staging=3)
    would = purge(line.project, ["cities"], line.messages.append, is_dry_run=True)
    assert [(p.layer, p.keep, len(p.deliveries), p.row_count) for p in would.purged] == [
        ("raw", 2, 2, 4),
        ("staging", 3, 1, 2),
    ]
    assert line.contents() == before

    done = purge(line.project, ["cities"], line.messages.append)
    assert done.purged == would.purged
    assert held(line) == (names(*DAYS[2:]), names(*DAYS[1:]))
    assert not purge(line.project, ["cities"], line.messages.append).purged
    assert not re.search("purged", " ".join(of_source(line.ran_well("cities"), "cities").warnings))
