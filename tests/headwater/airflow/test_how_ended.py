"""How Airflow's answer about a run is understood, where its last task never came."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk import DagRunState
from airflow.sdk.exceptions import AirflowRuntimeError, ErrorType
from airflow.sdk.execution_time.comms import ErrorResponse

from headwater.airflow.tasks import how_ended


def answer(state: DagRunState | None, status_code: int | None = None) -> Any:
    """A task instance whose Airflow answers so, or with an error."""

    def get_dagrun_state(_job: str, _run_id: str) -> DagRunState:
        if state is None:
            raise AirflowRuntimeError(
                ErrorResponse(error=ErrorType.API_SERVER_ERROR, detail={"status_code": status_code})
            )
        return state

    return SimpleNamespace(get_dagrun_state=get_dagrun_state)


@pytest.mark.parametrize("state", [DagRunState.QUEUED, DagRunState.RUNNING])
def test_a_run_that_is_queued_or_running_lives(state: DagRunState) -> None:
    assert how_ended(answer(state), "cities", "run 1") is None


@pytest.mark.parametrize("state", [DagRunState.SUCCESS, DagRunState.FAILED])
def test_a_run_that_is_over_says_how(state: DagRunState) -> None:
    assert how_ended(answer(state), "cities", "run 1") == f"there the run is {state.value}"


def test_a_run_that_is_not_known_is_over_and_of_one_that_cannot_be_asked_for_nothing_is_said() -> None:
    assert "no such run" in str(how_ended(answer(None, 404), "cities", "run 1"))
    for status_code in (500, None):
        with pytest.raises(AirflowRuntimeError):
            how_ended(answer(None, status_code), "cities", "run 1")
