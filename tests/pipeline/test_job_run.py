"""The steps of a job as processes of their own: killed between two of their deeds, the next try does the rest."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import Engine

from headwater.extract.landing.store import ObjectStore
from headwater.home import make_home
from headwater.metadata.errors import MetadataInvalid, StepFailed
from headwater.metadata.static.step_names import StepName
from headwater.pipeline import job_steps
from headwater.pipeline.job_run import JobRun
from headwater.pipeline.marts_run import MartsRun
from headwater.project import Project
from tests.pipeline.line import Line, cities
from tests.pipeline.project import make_project


@pytest.fixture
def own_line(tmp_path: Path, database: Engine, store: ObjectStore, publisher: Path) -> Line:
    """A line whose project is the test's own."""
    root = make_project(tmp_path / "town")
    return Line(Project(root, make_home(root)), publisher, database, store)


def edit(line: Line, table: str, old: str, new: str) -> None:
    """Change a cell of the seeds, as a person does while jobs run."""
    path = line.project.seeds / f"{table}.csv"
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def begin(line: Line, job: str, run_id: str) -> JobRun:
    return JobRun.begin(line.project, job, run_id, line.messages.append)


def join(line: Line, job: str, run_id: str) -> JobRun:
    """The run as a task of it, which is another process, knows it."""
    return JobRun(line.project, job, run_id, line.messages.append)


def land_all(line: Line, run_id: str) -> None:
    joined = join(line, "cities", run_id)
    step = joined.step("cities_extract")
    for batch in joined.discover(step):
        joined.do(StepName.LAND, step, batch)


def test_what_a_killed_try_landed_and_did_not_load_is_loaded_by_the_next(
    line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    line.deliver("cities", cities(1, {"a": ("Aa", 1)}))
    job = JobRun.begin(line.project, "cities", "run 1", line.messages.append)
    step = job.step("cities_extract")
    (batch,) = job.discover(step)

    def killed(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(job_steps, "load_raw", killed)
        with pytest.raises(KeyboardInterrupt):
            job.do(StepName.LAND, step, batch)
    assert line.query("select count(*) from metadata.delivery") == [(1,)]
    job.do(StepName.LAND, step, batch)
    assert line.query("select count(*) from metadata.delivery") == [(1,)]
    assert line.query("select count(*) from raw.cities") == [(1,)]
    job.finish({})


def test_the_log_of_a_task_says_what_fell_out_and_of_which_keys_history_is_silent(line: Line) -> None:
    line.deliver("cities", cities(1, {"a": ("Aa", 1), "b": ("Bb", 2)}))
    line.ran_well("cities")
    second = line.deliver("cities", cities(2, {"b": ("Bb", 2)}, unreadable=["a"]), "a,Aa,8.995,x")
    job = JobRun.begin(line.project, "cities", "run 1", line.messages.append)
    step = job.step("cities_extract")
    for batch in job.discover(step):
        job.do(StepName.LAND, step, batch)
    sqn = line.sqn(second.name)
    fell = f'cities: 1 of 2 rows of delivery {sqn} fell out: 1 for people (type): "8.995"'
    silent = "cities: 1 of their keys is current: history keeps the earlier version"
    job.do(StepName.STAGE, step)
    assert fell in line.messages
    assert silent not in line.messages  # the delivery is not checked yet
    job.do(StepName.CHECK, step)
    job.do(StepName.HISTORIZE, step)
    assert silent in line.messages
    job.finish({})
    assert line.query("select count(*) from metadata.log_dtl where message = :message", message=silent) == [
        (1,)
    ]


@pytest.mark.parametrize(
    ("table", "old", "new"),
    [
        ("attribute", "ratings,stars,stars,smallint", "ratings,stars,stars,smalint"),
        ("source", "ratings,market,market,market", "ratings,market,market"),
        ("attribute", "source_name,target_name", "source_nam,target_name"),
        ("attribute", "cities,people,people,integer", "cities,people,people,integr"),
    ],
    ids=["another_job", "a_torn_row", "a_table_that_cannot_be_read", "its_own_row"],
)
def test_a_run_goes_on_with_the_metadata_that_it_began_with(
    own_line: Line, table: str, old: str, new: str
) -> None:
    own_line.deliver("cities", cities(1, {"a": ("Aa", 1)}))
    begin(own_line, "cities", "run 1")
    edit(own_line, table, old, new)

    land_all(own_line, "run 1")

    assert join(own_line, "cities", "run 1").finish({}) == "succeeded"
    assert own_line.query("select job, status from metadata.job_inst") == [("cities", "succeeded")]
    assert own_line.query("select count(*) from raw.cities") == [(1,)]


def test_a_run_begins_although_something_is_wrong_with_another_job_and_says_so(own_line: Line) -> None:
    own_line.deliver("cities", cities(1, {"a": ("Aa", 1)}))
    edit(own_line, "attribute", "ratings,stars,stars,smallint", "ratings,stars,stars,smalint")

    begin(own_line, "cities", "run 1")

    wrong = [line for line in own_line.messages if line.startswith("metadata: ")]
    assert "seeds/attribute.csv:10" in wrong[0]
    assert "smalint" in wrong[0]
    assert wrong[1:] == [
        "metadata: not loaded into Postgres until that is mended; cities has nothing to do with it"
    ]
    land_all(own_line, "run 1")
    assert own_line.query("select count(*) from raw.cities") == [(1,)]


def test_a_run_does_not_begin_with_metadata_that_is_wrong_with_its_job(own_line: Line) -> None:
    edit(own_line, "attribute", "cities,people,people,integer", "cities,people,people,integr")

    with pytest.raises(MetadataInvalid, match="integr"):
        begin(own_line, "cities", "run 1")

    assert own_line.query("select count(*) from metadata.job_inst") == [(0,)]


def test_the_marts_are_begun_although_something_is_wrong_with_the_metadata(own_line: Line) -> None:
    edit(own_line, "attribute", "ratings,stars,stars,smallint", "ratings,stars,stars,smalint")

    begun = MartsRun.begin(own_line.project, "run 1", own_line.messages.append, lambda _job, _run_id: None)

    assert begun is not None
    assert begun.parameters["unbuilt"] == ["cities", "prices", "ratings"]


def test_the_first_task_run_again_reads_the_metadata_anew(own_line: Line) -> None:
    own_line.deliver("cities", cities(1, {"a": ("Aa", 1)}))
    edit(own_line, "source_attribute", r"cities-(?P", r"towns-(?P")
    begin(own_line, "cities", "run 1")
    edit(own_line, "source_attribute", r"towns-(?P", r"cities-(?P")

    with pytest.raises(StepFailed, match=r"matches the file_pattern towns-"):
        land_all(own_line, "run 1")

    begin(own_line, "cities", "run 1")
    land_all(own_line, "run 1")
    assert own_line.query("select count(*) from metadata.delivery") == [(1,)]
    assert own_line.query("select count(*) from metadata.job_metadata") == [(2,)]


def test_a_step_that_the_run_began_without_says_so(own_line: Line) -> None:
    begin(own_line, "cities", "run 1")

    with pytest.raises(StepFailed, match="cities had no active step tidy when the run began"):
        join(own_line, "cities", "run 1").step("tidy")
