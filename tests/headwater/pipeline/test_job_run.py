"""The end of a run whose tasks are processes of their own: what failed is not made good by the last task."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import Engine

from headwater.metadata.failures import failure_of
from headwater.metadata.process.jobs import SharedJobInstance
from headwater.pipeline.shared_run import WITHOUT_A_WORD, SharedRun
from headwater.project import Project


@pytest.fixture
def run(database: Engine, tmp_path: Path) -> SharedRun:
    """A run of which nothing failed yet."""
    SharedJobInstance.begin(database, "cities", "run 1", {})
    return SharedRun(Project(tmp_path, tmp_path), "cities", "run 1", print)


def test_a_run_in_which_nothing_failed_has_succeeded(run: SharedRun) -> None:
    assert (run.finish({}), run.last_error) == ("succeeded", None)


@pytest.mark.parametrize("state", ["failed", "upstream_failed"])
def test_a_task_that_died_before_it_was_on_record_fails_the_run(run: SharedRun, state: str) -> None:
    assert run.finish({"cities_extract.land": state}) == "failed"
    message = f"cities_extract.land: {WITHOUT_A_WORD}"
    assert run.last_error == (message if state == "failed" else None)


def test_what_is_on_record_as_failed_stays_so_when_the_last_task_itself_went_well(
    run: SharedRun, database: Engine
) -> None:
    joined = SharedJobInstance(database, "cities", "run 1")
    with pytest.raises(ValueError, match="first"), joined.attempt("discover", 1):
        raise ValueError("first")
    with pytest.raises(ValueError, match="second"), joined.attempt("land", 1, 0):
        raise ValueError("second")
    with joined.attempt("land", 1, 1):
        pass
    assert run.finish({}) == "failed"
    assert run.last_error == str(failure_of(ValueError("second")))
