"""A rebuild verifies first, builds beside and swaps: whatever fails, all that was right before is right still."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa

from headwater.metadata.process.jobs import JobInstance
from headwater.metadata.process.rebuilds import set_aside
from headwater.pipeline import rebuild as module
from headwater.pipeline.rebuild import rebuild
from headwater.pipeline.results import RunResult
from headwater.pipeline.runners.sources import run
from headwater.project import Project
from tests.macros.history_bench import at
from tests.pipeline.line import Line, cities, of_source, prices
from tests.pipeline.test_columns import decided
from tests.pipeline.test_definitions import WithSeeds
from tests.support.history_oracle import Delivery

PUT_BACK = "cities: the rebuild failed, and tables and records are what they were before it"


@pytest.fixture
def with_seeds(line: Line, tmp_path: Path) -> WithSeeds:
    return WithSeeds(tmp_path / "told", line.project.home)


def three_days(line: Line) -> list[Delivery]:
    """Three deliveries in history; a row of the third fell out."""
    days = [
        line.deliver("cities", cities(1, {"a": ("A", 1), "b": ("B", 1)})),
        line.deliver("cities", cities(2, {"a": ("A", 2), "b": ("B", 1)})),
        replace(
            line.deliver("cities", cities(3, {"a": ("A", 2)}), "b,Bee,many,x"), unreadable=frozenset({("b",)})
        ),
    ]
    line.run("cities")
    line.assert_history("cities", *days)
    return days


def failures(result: RunResult, source: str = "cities") -> list[str]:
    return of_source(result, source).failures


def object_of(line: Line, delivery: Delivery) -> str:
    """The key of a delivery's object on S3."""
    ((address,),) = line.query(
        "select delivery_filename from metadata.delivery where delivery_sqn = :sqn",
        sqn=line.sqn(delivery.name),
    )
    return line.store.key(str(address))


def replace_object(line: Line, delivery: Delivery, old: bytes, new: bytes) -> None:
    """Have S3 hold something else than what landed."""
    key = object_of(line, delivery)
    body = line.store.get(key)
    assert old in body
    line.store.delete(key)
    assert line.store.put_new(key, body.replace(old, new))


@contextmanager
def edited(project: Project, model: str, text: Callable[[str], str]) -> Iterator[None]:
    """Have the SQL of a model be another one, for as long as the body runs."""
    (path,) = project.models.rglob(f"{model}.sql")
    before = path.read_text(encoding="utf-8")
    path.write_text(text(before), encoding="utf-8")
    try:
        yield
    finally:
        path.write_text(before, encoding="utf-8")


def test_an_object_that_is_not_what_landed_is_found_before_anything_is_set_aside(line: Line) -> None:
    _, second, third = three_days(line)
    before = line.contents()
    replace_object(line, second, b"A", b"Z")  # as long as it was
    (failure,) = failures(rebuild(line.project, ["cities"], line.messages.append))
    assert failure.startswith(
        f"cities: 1 of 3 deliveries on S3 are not what landed, first delivery 2 ({second.name}), s3://"
    )
    assert line.contents() == before

    replace_object(line, second, b"Z", b"A")
    line.store.delete(object_of(line, third))
    (failure,) = failures(rebuild(line.project, ["cities"], line.messages.append))
    assert failure.startswith("cities: S3 lacks 1 of 3 deliveries, first s3://")
    assert line.contents() == before


def test_a_source_that_fails_does_not_stop_the_others(line: Line) -> None:
    days = three_days(line)
    price = line.deliver("prices", prices(1, {("north", 1): ("1.50",)}))
    line.run("prices")
    before = line.essence()
    runs_before = line.query("select distinct job_inst_id from raw.prices")
    replace_object(line, days[0], b"A", b"Z")
    result = rebuild(line.project, ["cities", "prices"], line.messages.append)
    assert result.exit_code == 1
    assert len(failures(result)) == 1
    assert failures(result, "prices") == []
    assert line.essence() == before
    assert line.query("select distinct job_inst_id from raw.prices") != runs_before
    line.assert_history("prices", replace(price, rows={("north", 1): (1.5,)}))


NOWHERE = {
    "staging": (
        "stg_cities",
        "union all select * from typed",
        "cities: Model refused: source cities, model stg_cities makes 2",
    ),
    "historical": (
        "hist_cities",
        "union all select * from final",
        "cities: Model refused: source cities, model hist_cities",
    ),
    "a column": ("hist_cities", "where no_such_column", "cities: hist_cities: Database Error"),
}


@pytest.mark.parametrize("broken", NOWHERE)
def test_a_model_that_fails_leaves_tables_records_and_verdicts_as_they_were(
    line: Line, with_seeds: WithSeeds, broken: str
) -> None:
    project = with_seeds()
    days = three_days(line)
    before = line.contents()
    model, end, message = NOWHERE[broken]

    with edited(project, model, lambda text: f"{text.rstrip()}\n{end}\n"):
        result = rebuild(project, ["cities"], line.messages.append)
    assert result.exit_code == 1
    assert failures(result)[0].startswith(message)
    assert failures(result)[1:] == [PUT_BACK]
    assert line.contents() == before

    assert run(project, ["cities"], line.messages.append).exit_code == 0  # nothing to do
    assert line.contents() == before
    assert rebuild(project, ["cities"], line.messages.append).exit_code == 0
    line.assert_history("cities", *days)


def test_a_model_that_does_not_compile_fails_before_anything_is_set_aside(
    line: Line, with_seeds: WithSeeds, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = with_seeds()
    three_days(line)
    before = line.contents()
    monkeypatch.setattr(module, "set_aside", lambda *_: pytest.fail("it was set aside"))
    with edited(project, "hist_cities", lambda text: text + "{{ no_such_macro('cities') }}\n"):
        result = rebuild(project, ["cities"], line.messages.append)
    assert "no_such_macro" in failures(result)[0]
    assert line.contents() == before


class Reader:
    """A consumer that asks again and again, in a thread of its own, and keeps what it was told."""

    def __init__(self, line: Line, *statements: str) -> None:
        self.seen: set[object] = set()
        self._database = line.database
        self._statements = statements
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._ask)

    def __enter__(self) -> Reader:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over.set()
        self._thread.join()

    def _ask(self) -> None:
        while True:
            for statement in self._statements:
                try:
                    with self._database.connect() as connection:
                        self.seen.add(connection.execute(sa.text(statement)).scalar())
                except sa.exc.DBAPIError as error:
                    self.seen.add(str(error.orig))
            if self._is_over.is_set():
                return


def test_readers_meet_the_whole_history_at_every_moment_and_what_hangs_on_it_stays(line: Line) -> None:
    days = three_days(line)
    line.execute(
        "create schema report create view latest as select * from historical.cities;"
        " create materialized view report.kept as select city, people from historical.cities;"
        " create function report.how_many() returns bigint begin atomic select count(*) from historical.cities; end;"
        " create index by_name on historical.cities (name);"
        " comment on table historical.cities is 'ours'; comment on column historical.cities.name is 'its name';"
        " create role analyst; grant analyst to current_user; grant select on historical.cities to analyst"
    )
    hanging = (
        "select (select array_agg(indexdef order by indexname) from pg_indexes where schemaname = 'historical'),"
        " obj_description('historical.cities'::regclass), relacl::text,"
        " (select array_agg(description order by objsubid) from pg_description where objoid = pg_class.oid), oid"
        " from pg_class where oid = 'historical.cities'::regclass"
    )
    was = line.query(hanging)
    rows = line.query("select count(*) from historical.cities")[0][0]
    # a transaction that began before sees what was, also after the swap
    try:
        with line.database.connect().execution_options(isolation_level="REPEATABLE READ") as early:
            early.execute(sa.text("select 1 from pg_class limit 1")).all()
            with Reader(
                line,
                "select count(*) from historical.cities",
                "select count(*) from report.latest",
                "select report.how_many()",
            ) as reader:
                assert rebuild(line.project, ["cities"], line.messages.append).exit_code == 0
            assert early.execute(sa.text("select count(*) from historical.cities")).scalar() == rows
        assert reader.seen == {rows}
        line.assert_history("cities", *days)
        assert line.query(hanging) == was
        assert line.query("select count(*) from report.latest") == [(rows,)]
        assert (
            line.query(
                "select table_schema, table_name from information_schema.tables"
                " where table_schema in ('raw_set_aside', 'staging_set_aside', 'historical_beside')"
            )
            == []
        )
    finally:
        line.execute("drop schema report cascade; drop owned by analyst; drop role analyst")


MORE_PEOPLE = ("cities,people,people,integer,,,,,,", "cities,people,people,bigint,,,,,,")
ANOTHER_NAME = ("cities,name,name,text,,,,,,", "cities,name,label,varchar(20),,,,,,")
A_KEY_MORE = ("cities,name,name,text,,,,,,", "cities,name,name,text,,,true,,,")
INDEXES = """
select indexname, split_part(indexdef, ' USING ', 2) from pg_indexes
where schemaname = 'historical' and indexname like '%key' order by 1
"""
MANDATORY = """
select array_agg(attname::text order by attname) from pg_attribute
where attrelid = 'historical.cities'::regclass and attnum > 0 and attnotnull and not attisdropped
"""


def test_another_definition_brings_another_shape_and_nobody_meets_a_missing_table(
    line: Line, with_seeds: WithSeeds
) -> None:
    days = three_days(line)
    line.execute("create schema report create view latest as select city, valid_to from historical.cities")
    indexes, mandatory = line.query(INDEXES), line.query(MANDATORY)
    rows = line.query("select count(*) from historical.cities")[0][0]
    for attribute, name, data_type in (
        (MORE_PEOPLE, "people", "bigint"),
        (ANOTHER_NAME, "label", "character varying"),
    ):
        with Reader(
            line, "select count(*) from historical.cities", "select count(*) from report.latest"
        ) as reader:
            assert rebuild(with_seeds(attribute=attribute), ["cities"], line.messages.append).exit_code == 0
        assert reader.seen == {rows}
        assert line.query(
            "select data_type from information_schema.columns where table_schema = 'historical'"
            " and table_name = 'cities' and column_name = :name", name=name,
        ) == [(data_type,)]  # fmt: skip
    assert line.query(
        "select label, people from historical.cities where city = 'a' and valid_to is null"
    ) == [("A", 2)]

    assert rebuild(with_seeds(attribute=A_KEY_MORE), ["cities"], line.messages.append).exit_code == 0
    assert line.query(INDEXES) == [
        ("cities_current_key", "btree (city, name) WHERE (valid_to IS NULL)"),
        ("cities_valid_from_key", "btree (city, name, valid_from)"),
    ]
    assert line.query(MANDATORY) == [(sorted([*mandatory[0][0], "name"]),)]

    assert rebuild(line.project, ["cities"], line.messages.append).exit_code == 0
    line.assert_history("cities", *days)
    assert (line.query(INDEXES), line.query(MANDATORY)) == (indexes, mandatory)


def test_what_reads_a_column_that_would_go_is_named_before_anything_is_set_aside(
    line: Line, with_seeds: WithSeeds
) -> None:
    days = three_days(line)
    other = with_seeds(attribute=MORE_PEOPLE)
    assert failures(run(other, ["cities"], line.messages.append)) != []  # the seeds are loaded now
    before = line.contents()
    line.execute("create schema report create view latest as select people from historical.cities")
    (failure,) = failures(rebuild(other, ["cities"], line.messages.append))
    assert failure.startswith(
        "cities: view report.latest depends on column people of table historical.cities. Drop"
    )
    assert line.contents() == before
    line.execute(
        "drop view report.latest; create view report.latest as select people from staging.stg_cities"
    )
    (failure,) = failures(rebuild(other, ["cities"], line.messages.append))
    assert failure.startswith("cities: view report.latest depends on table staging.stg_cities. Drop")
    assert line.contents() == before
    line.execute("drop schema report cascade")
    assert rebuild(line.project, ["cities"], line.messages.append).exit_code == 0
    line.assert_history("cities", *days)


def interrupted(monkeypatch: pytest.MonkeyPatch, step: str, then: Callable[[], None]) -> None:
    """Have something happen before a step of the next rebuild."""
    proper = getattr(module, step)

    def stepping(*arguments: object) -> object:
        monkeypatch.setattr(module, step, proper)
        then()
        return proper(*arguments)

    monkeypatch.setattr(module, step, stepping)


def test_a_decision_that_is_made_meanwhile_holds_when_the_rebuild_fails(
    line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also when the clock goes back just then."""
    first, second, third = three_days(line)

    def decide_and_break() -> None:
        line.execute(
            "insert into metadata.delivery_event (event_id, delivery_sqn, event, checks, why, who, event_at)"
            " select gen_random_uuid(), delivery_sqn, event, '{}', 'a test', 'a test',"
            " began_at - interval '1 microsecond' from metadata.rebuild cross join metadata.delivery"
            " inner join (values (:second, 'withdrawn'), (:third, 'replayed')) as decided (name, event)"
            " on publisher_name = name",
            second=second.name, third=third.name,
        )  # fmt: skip
        raise KeyboardInterrupt

    interrupted(monkeypatch, "historize", decide_and_break)
    with pytest.raises(KeyboardInterrupt):
        rebuild(line.project, ["cities"], line.messages.append)
    # the test's events are in Postgres alone, which a run does not mind
    assert line.query("select delivery_sqn, layer from metadata.delivery_status where status = 'stale'") == [
        (line.sqn(third.name), "historical")
    ]
    line.ran_well("cities")
    line.assert_history("cities", first, third)


def test_what_a_run_does_meanwhile_helps_and_another_rebuild_waits_for_the_end(
    line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    days = three_days(line)
    messages: list[str] = []

    def run_and_rebuild() -> None:
        messages.extend(failures(rebuild(line.project, ["cities"], line.messages.append)))
        line.ran_well("cities")

    interrupted(monkeypatch, "stage", run_and_rebuild)
    assert rebuild(line.project, ["cities"], line.messages.append).exit_code == 0
    (refusal,) = messages
    assert "rebuilds it at this moment. Expected one rebuild at a time" in refusal
    line.assert_history("cities", *days)
    assert line.query("select count(*) from metadata.rebuild") == [(0,)]


def test_what_a_dead_rebuild_set_aside_is_put_back_by_the_next_run(line: Line) -> None:
    three_days(line)
    before = line.contents()
    job = JobInstance(line.database, "cities", "a rebuild that died", {})
    with line.database.begin() as connection:
        set_aside(connection, "cities", job.job_inst_id)
    assert (
        line.query("select to_regclass('raw.cities'), count(*) from historical.cities group by 1")[0][0]
        is None
    )
    job.close()
    line.ran_well("cities")
    assert line.contents() == before


def test_a_source_that_has_nothing_in_history_is_rebuilt_too(line: Line) -> None:
    only = line.deliver("cities", cities(1, {"a": ("A", 1)}))
    line.run("cities")
    assert decided(line, line.project, "withdraw", only.name).exit_code == 0
    assert rebuild(line.project, ["cities"], line.messages.append).exit_code == 0
    line.assert_history("cities")
    assert line.query("select count(*) from metadata.rebuild") == [(0,)]
    assert at(1) == only.date
