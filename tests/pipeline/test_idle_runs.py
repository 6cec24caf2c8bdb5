"""Runs that find nothing new: what has nothing to do is left out, and whatever waits is done."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import Engine

from headwater.extract.landing.store import ObjectStore
from headwater.home import make_home
from headwater.metadata.errors import StepHalted
from headwater.metadata.process.events import record_event
from headwater.metadata.static.step_names import StepName
from headwater.pipeline.job_run import JobRun
from headwater.pipeline.runners.jobs import run_jobs
from headwater.project import Project
from tests.pipeline.line import Line, cities, prices, ratings
from tests.pipeline.project import make_project

AFTER_DISCOVER = [
    "cities_extract.land",
    "cities_stage.stage.stg_cities",
    "cities_stage.check",
    "cities_historize.historize.hist_cities",
]
SKIPPED = f"cities: nothing is new and nothing waits in any layer, so {', '.join(AFTER_DISCOVER)} are skipped"


@pytest.fixture
def line(tmp_path: Path, database: Engine, store: ObjectStore, publisher: Path) -> Line:
    """A line that has made history and its mart of two deliveries."""
    root = make_project(tmp_path / "town")
    made = Line(Project(root, make_home(root)), publisher, database, store)
    made.deliver("cities", cities(1, {"a": ("Aa", 1)}))
    made.deliver("cities", cities(2, {"a": ("Aa", 2)}))
    assert run(made) != ["cities_extract.discover"]
    return made


def run(line: Line, job: str = "cities", **overrides: bool) -> list[str]:
    """Run a job well, and return its tasks on record."""
    result, *more = run_jobs(line.project, [job], line.messages.append, overrides=overrides)
    assert {result.status, *(one.status for one in more)} == {"succeeded"}, line.messages
    return [
        task
        for (task,) in line.query(
            "select task from metadata.job_inst_task join metadata.job_inst using (job_inst_id)"
            " where run_id = :run_id and job_inst_task.parameters ? 'try_number' order by job_inst_task_id",
            run_id=result.run_id,
        )
    ]


def insert(line: Line, table: str, row: str) -> None:
    with (line.project.seeds / f"{table}.csv").open("a", encoding="utf-8") as file:
        file.write(f"{row}\n")


def comment(line: Line, model: str) -> None:
    path = next(line.project.models.rglob(f"{model}.sql"))
    path.write_text(f"-- reviewed\n{path.read_text(encoding='utf-8')}", encoding="utf-8")


def withdraw(line: Line) -> None:
    record(line, "withdrawn")


def replay(line: Line) -> None:
    record(line, "replayed")


def record(line: Line, event: str) -> None:
    record_event(line.database, line.store, line.sqn("cities-20260102.csv"), "cities", event, why="a test")


def lose_raw(line: Line) -> None:
    """Take a delivery back to where a killed run would have left it."""
    line.execute("delete from raw.cities where delivery_sqn = 2")
    line.execute("delete from staging.stg_cities where delivery_sqn = 2")
    line.execute("delete from historical.cities where delivery_sqn = 2")
    line.execute(
        "update historical.cities set valid_to = null, end_type = null, ended_by_delivery_sqn = null"
    )
    line.execute("delete from metadata.delivery_status where delivery_sqn = 2 and layer <> 'landed'")


def test_an_idle_run_ends_after_discover_says_so_and_has_succeeded(line: Line) -> None:
    before = line.essence()
    assert run(line) == ["cities_extract.discover"]
    assert line.essence() == before
    assert line.query(
        "select count(*) from metadata.log_dtl where level = 'information' and message = :message",
        message=SKIPPED,
    ) == [(1,)]
    assert line.messages[-1] == SKIPPED
    assert line.query("select status from metadata.job_inst order by job_inst_id desc limit 1") == [
        ("succeeded",)
    ]


@pytest.mark.parametrize(
    "prepare",
    [
        withdraw,
        replay,
        lose_raw,
        lambda line: line.deliver("cities", cities(3, {"a": ("Aa", 3)})),
        lambda line: comment(line, "stg_cities"),
        lambda line: comment(line, "hist_cities"),
        lambda line: comment(line, "town"),
        lambda line: insert(line, "source_attribute", "cities,keep_raw,1,"),
        lambda line: insert(line, "source_attribute", "cities,keep_staging,1,"),
    ],
    ids=[
        "withdrawn", "replayed", "not_loaded", "delivered", "staging_edited", "history_edited", "mart_edited",
        "raw_to_purge", "staging_to_purge",
    ],
)  # fmt: skip
def test_whatever_waits_has_the_whole_run_go_on_and_the_next_one_is_idle(
    line: Line, prepare: Callable[[Line], object]
) -> None:
    prepare(line)
    tasks = run(line)
    assert set(AFTER_DISCOVER[1:]) | {"finish"} <= {task.partition("[")[0] for task in tasks}
    assert run(line) == ["cities_extract.discover"]


def test_temporary_data_that_this_run_is_to_delete_is_deleted(line: Line) -> None:
    assert run(line, del_temp_data=True)[-1] == "finish"
    assert line.query("select count(*) from raw.cities") == [(0,)]
    assert run(line, del_temp_data=True) == ["cities_extract.discover"]


def test_each_source_of_a_job_is_idle_by_itself(line: Line) -> None:
    line.deliver("prices", prices(1, {("s", 1): ("9.50",)}))
    line.deliver("ratings", ratings(1, {"r": (5,)}))
    run(line, "market")
    line.deliver("ratings", ratings(2, {"r": (4,)}))
    begun = {"start", "prices_extract.discover", "ratings_extract.discover"}
    assert set(run(line, "market")) == begun | {
        "ratings_extract.land", "ratings_stage.stage.stg_ratings", "ratings_stage.check",
        "ratings_historize.historize.hist_ratings", "finish",
    }  # fmt: skip
    assert set(run(line, "market")) == begun


def test_a_delivery_that_an_earlier_try_of_the_run_halted_is_told_again(line: Line) -> None:
    line.deliver("cities", cities(3, {"a": ("Aa", 3)}), "a,Aa,4,x")
    job = JobRun.begin(line.project, "cities", "run 1", line.messages.append)
    step = job.step("cities_extract")
    for batch in job.discover(step):
        job.do(StepName.LAND, step, batch)
    job.do(StepName.STAGE, step)
    with pytest.raises(StepHalted, match="duplicate_keys"):
        job.do(StepName.CHECK, step)

    assert job.discover(step) == []
    assert job.idle_tasks(step) == []
    job.finish({})
    assert run(line) == ["cities_extract.discover"], "in another run it waits for a decision"
