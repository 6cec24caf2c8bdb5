"""Jobs of every kind in a terminal: what runs, in what order, and what is on record of it, as in Airflow."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy import Engine

from headwater.extract.landing.store import ObjectStore
from headwater.home import make_home
from headwater.metadata.errors import HeadwaterError
from headwater.metadata.process.orphaned_runs import close_abandoned
from headwater.pipeline.runners.jobs import JobResult, exit_code, run_jobs
from headwater.project import Project
from headwater.services import postgres
from tests.airflow.jobs_project import SCRATCH, make_jobs_project
from tests.airflow.warehouse import publish
from tests.conftest import fresh_database
from tests.pipeline.line import Line

DATABASE = "jobs_in_a_terminal"


@pytest.fixture(scope="module")
def jobs_project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_jobs_project(tmp_path_factory.mktemp("jobs") / "project")


@pytest.fixture
def database(postgres_server: postgres.Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[Engine]:
    """A database that holds what the jobs work on, and nothing of ours."""
    with fresh_database(postgres_server, DATABASE, "template1", monkeypatch) as made:
        monkeypatch.setenv("SHELF", f"{postgres_server.environment['PGHOST']}:{postgres_server.port}")
        with made.begin() as connection:
            connection.exec_driver_sql(SCRATCH.replace("%", "%%"))
        yield made


@pytest.fixture
def line(jobs_project: Path, database: Engine, store: ObjectStore, publisher: Path) -> Line:
    return Line(Project(jobs_project, make_home(jobs_project)), publisher, database, store)


def run(line: Line, *jobs: str, follow: bool = True, **overrides: bool) -> list[JobResult]:
    return run_jobs(line.project, jobs, line.messages.append, overrides=overrides, follow=follow)


def tasks(line: Line, job: str) -> dict[str, tuple[str, str | None, int | None]]:
    """The tasks of the last run of a job: status, step of ETL and step_seq of each."""
    found = line.query(
        "select task || coalesce('[' || (parameters ->> 'map_index') || ']', ''), status, etl_step, step_seq"
        " from metadata.job_inst_task where parameters ? 'try_number'"
        " and job_inst_id = (select max(job_inst_id) from metadata.job_inst where job = :job)"
        " order by job_inst_task_id",
        job=job,
    )
    return {task: tuple(row) for task, *row in found}


def runs(line: Line) -> list[tuple[object, ...]]:
    return line.query(
        "select job, kind, runner, etl_steps, status from metadata.job_inst order by job_inst_id"
    )


def statuses(results: Sequence[JobResult]) -> list[tuple[str, str]]:
    return [(result.job, result.status) for result in results]


def test_a_job_brings_each_delivery_in_by_a_task_of_its_own_makes_history_and_then_the_marts(
    line: Line,
) -> None:
    publish(line.publisher, "cities", 1, "City Code,name,people,seen", "a,Aa,1,x", "b,Bb,2,x")
    publish(line.publisher, "cities", 2, "City Code,name,people,seen", "a,Aa,5,x")
    results = run(line, "cities")
    assert statuses(results) == [("cities", "succeeded"), ("marts", "succeeded")]
    assert tasks(line, "cities") == {
        "cities_extract.discover": ("succeeded", "E", 1),
        "cities_extract.land[0]": ("succeeded", "E", 1),
        "cities_extract.land[1]": ("succeeded", "E", 1),
        "cities_stage.stage.stg_cities": ("succeeded", "T", 2),
        "cities_stage.check": ("succeeded", "T", 2),
        "cities_historize.historize.hist_cities": ("succeeded", "L", 3),
        "finish": ("succeeded", None, None),
    }
    assert line.query("select city, people, end_type from historical.cities order by valid_from, city") == [
        ("a", 1, "changed"), ("b", 2, "removed"), ("a", 5, None),
    ]  # fmt: skip
    assert runs(line) == [
        ("cities", "run", "terminal", "ETL", "succeeded"),
        ("marts", "run", "terminal", None, "succeeded"),
    ]
    assert line.query("select cities, people from marts.town") == [(1, 5)]
    assert line.query("select count(*) from raw.cities") == [(0,)]  # the job says del_temp_data
    assert statuses(run(line, "cities")) == [("cities", "succeeded")]  # the marts are made of this history


def test_parameters_of_the_call_take_the_place_of_the_jobs_and_are_on_record(line: Line) -> None:
    publish(line.publisher, "prices", 1, "shop,item,price,gone", "s,1,9.50,")
    publish(line.publisher, "ratings", 1, "reader,stars", "r,5")
    results = run(line, "market", del_temp_data=True)
    assert ("market", "succeeded") in statuses(results)
    assert line.query("select count(*) from raw.prices") == [(0,)]
    assert line.query("select parameters from metadata.job_inst where job = 'market'") == [
        ({"sources": ["prices", "ratings"], "is_full_load": False, "del_temp_data": True},)
    ]
    assert line.query("select shop, price from historical.prices") == [("s", 9.5)]
    assert line.query("select reader, stars from historical.ratings") == [("r", 5)]


def test_one_job_extracts_and_the_next_follows_once_it_has_succeeded(line: Line) -> None:
    publish(line.publisher, "shops", 1, "shop,owner", "s,Olga")
    line.execute("create table scratch.owners as select 'Olga' as owner")
    (failed,) = run(line, "bring_shops")
    assert (failed.status, exit_code([failed])) == ("failed", 1)
    assert failed.error is not None
    assert "scratch.orders" in failed.error
    assert line.query("select (select count(*) from raw.shops), (select count(*) from raw.owners)") == [
        (1, 1)
    ]

    line.execute(
        "create table scratch.orders as select n as id, 's' as shop from generate_series(1, 2000) as n"
    )
    assert statuses(run(line, "bring_shops", follow=False)) == [("bring_shops", "succeeded")]
    results = run(line, "bring_shops")
    assert statuses(results)[:2] == [("bring_shops", "succeeded"), ("build_shops", "succeeded")]
    assert set(tasks(line, "build_shops")) == {"start", "finish"} | {
        f"build_{name}_{task}" for name in ("shops", "orders")
        for task in (
            f"stage.stage.stg_{name}", "stage.check", f"historize.historize.hist_{name}",
        )
    }  # fmt: skip
    assert line.query("select shop, owner from historical.shops") == [("s", "Olga")]
    assert line.query("select count(*), count(distinct order_id) from historical.orders") == [(2000, 2000)]
    assert line.query(
        "select distinct job from historical.shops join metadata.job_inst using (job_inst_id)"
    ) == [("build_shops",)]


def test_scripts_and_callables_run_side_by_side_or_one_after_the_other(line: Line) -> None:
    assert statuses(run(line, "tidying")) == [("tidying", "succeeded")]
    ((job_inst_id,),) = line.query("select job_inst_id from metadata.job_inst where job = 'tidying'")
    numbers = dict(line.query("select task, job_inst_task_id from metadata.job_inst_task"))
    notes = [note for (note,) in line.query("select note from scratch.notes order by note_id")]
    assert sorted(notes[1:3]) == ["left", "right"]
    assert [*notes[:1], *notes[3:]] == [
        f"first {job_inst_id} {numbers['tidy_first']}",
        f"procedure {job_inst_id} {numbers['tidy_procedure']}",
        f"callable {job_inst_id} {numbers['tidy_callable']}",
    ]
    assert line.query(
        "select count(*) from metadata.job_inst_task as one join metadata.job_inst_task as other using (job_inst_id)"
        " where one.task = 'tidy_left' and other.task = 'tidy_right'"
        " and one.started_at < other.ended_at and other.started_at < one.ended_at"
    ) == [(1,)]
    assert "tidy_never" not in numbers
    assert line.query("select level, message from metadata.log_dtl where message like '%called%'") == [
        ("information", "tidy_callable: called tests.airflow.callables:note: noted")
    ]


def test_what_comes_after_a_failing_procedure_does_not_run_nor_the_job_after_it(line: Line) -> None:
    (result,) = run(line, "failing")
    assert (result.status, exit_code([result])) == ("failed", 1)
    assert tasks(line, "failing") == {"start": ("succeeded", None, None), "fail_now": ("failed", None, 1)}
    assert str(result.error).startswith(
        "fail_now: the sql_script break_down failed: the shelf of job instance "
    )
    assert "fail_later is not run: fail_now, before it, is failed" in line.messages
    assert line.query("select note from scratch.notes") == []
    assert [job for job, *_ in runs(line)] == ["failing"]


def test_a_halted_delivery_is_failed_at_its_checks_and_the_others_go_on(line: Line) -> None:
    publish(line.publisher, "cities", 3, "City Code,name,people,seen", "a,Aa,6,x", "a,Aa,7,x")
    publish(line.publisher, "cities", 4, "City Code,name,people,seen", "a,Aa,8,x")
    result, marts = run(line, "cities")
    assert (result.status, marts.status, exit_code([result, marts])) == ("halted", "succeeded", 3)
    assert {task: row[0] for task, row in tasks(line, "cities").items() if row[0] != "succeeded"} == {
        "cities_stage.check": "halted"
    }
    assert "duplicate_keys" in str(result.error)
    assert line.query("select people from historical.cities where valid_to is null") == [(8,)]


def test_a_job_that_is_none_stops_all_before_anything_runs(line: Line) -> None:
    with pytest.raises(
        HeadwaterError, match=r"no job tidyin\. Expected one of: after_failing, bring_barns, "
    ):
        run(line, "tidying", "tidyin")
    assert line.messages == []


def test_a_run_that_is_broken_off_is_closed_and_one_that_is_killed_by_the_next(
    line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("headwater.pipeline.job_run.JobRun.run_script", interrupted)
        with pytest.raises(KeyboardInterrupt):
            run(line, "tidying")
    assert line.query("select status, last_error from metadata.log_header") == [
        ("failed", "ended from outside: KeyboardInterrupt")
    ]
    line.execute("update metadata.job_inst set status = 'running', ended_at = null")
    assert len(close_abandoned(line.database)) == 1


def test_models_that_dbt_cannot_read_together_are_run_source_by_source(
    line: Line, tmp_path: Path, store: ObjectStore
) -> None:
    root = make_jobs_project(tmp_path / "project")
    local = Line(Project(root, make_home(root)), line.publisher, line.database, store)
    publish(line.publisher, "prices", 1, "shop,item,price,gone", "s,1,9.50,")
    publish(line.publisher, "ratings", 1, "reader,stars", "r,5")
    next(root.rglob("hist_prices.sql")).write_text("{{ no_such_macro( }}")
    result = run(local, "market")[0]
    assert (result.job, result.status) == ("market", "failed")
    assert local.query("select reader, stars from historical.ratings") == [("r", 5)]


@pytest.mark.usefixtures("database")
def test_a_run_that_goes_on_is_not_taken_for_a_dead_one(line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    closed: list[list[int]] = []
    with monkeypatch.context() as patch:
        patch.setattr(
            "headwater.pipeline.job_run.JobRun.run_script",
            lambda *_: closed.append(close_abandoned(line.database)),
        )
        run(line, "tidying")
    assert closed == [[]] * len(closed)
    assert closed
    with line.database.connect() as connection:
        assert connection.execute(sa.text("select status from metadata.job_inst")).scalars().all() == [
            "succeeded"
        ]
