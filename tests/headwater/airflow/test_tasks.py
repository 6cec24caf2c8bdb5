"""Errors of a task: a sentence for the person who looks at Airflow; the stack trace is in its log."""

from __future__ import annotations

import psycopg2
import pytest
from airflow.sdk.exceptions import AirflowException, AirflowFailException, AirflowSkipException

from headwater.airflow.tasks import explained
from headwater.metadata.errors import PublisherError, StepHalted


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (PublisherError("cities: no such folder"), "cities: no such folder"),
        (psycopg2.OperationalError("FATAL:  sorry, too many clients already"), "Expected a free connection"),
        (AssertionError("no such thing"), "an unexpected error, AssertionError: no such thing"),
        (MemoryError(), "not enough memory"),
    ],
    ids=["for a person", "of Postgres", "of nobody", "memory"],
)
def test_whatever_a_task_meets_is_a_sentence(
    error: Exception, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(AirflowException) as raised, explained():
        raise error
    assert message in str(raised.value)
    assert raised.value.__suppress_context__
    is_for_a_person = isinstance(error, PublisherError)
    assert ("Traceback" in capsys.readouterr().out) == (not is_for_a_person)


@pytest.mark.parametrize("error", [AirflowSkipException("not due"), AirflowFailException("halted")])
def test_what_airflow_is_told_stays(error: AirflowException) -> None:
    with pytest.raises(type(error)) as raised, explained():
        raise error
    assert raised.value is error


def test_a_halt_is_not_tried_again() -> None:
    with pytest.raises(AirflowFailException, match="halted"), explained():
        raise StepHalted("halted")
