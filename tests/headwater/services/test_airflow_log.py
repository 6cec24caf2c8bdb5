"""The combined log: its words about Airflow's logs, as Airflow writes them."""

from __future__ import annotations

from pathlib import Path

import pytest

from headwater.services.airflow_log import CombinedLog, Line

AT = "2026-11-21T21:36:31.590018Z"
RUN = (
    f"{AT} [info     ] DagRun Finished: dag_id=airports, logical_date=None, run_id=manual__1, run_start_date=x,"
    " run_end_date=y, run_duration=21.583481, state={state}, run_type=manual, [airflow.models.dagrun.DagRun] loc=d.py:1"
)
TASK = (
    f"{AT} [info     ] TaskInstance Finished: dag_id=airports, task_id=land, run_id=manual__1, map_index={{index}},"
    " ti_id=1, run_duration=5.4, state={state}, executor=LocalExecutor(parallelism=8) [airflow.jobs] loc=s.py:1"
)
FAILURE = (
    "2026-11-21 21:36:22.611475+00:00 [error    ] Task failed with exception     [task] dag_id=airports"
    " error_detail=[{'exc_type': 'LandingFailed', 'exc_value': \"it's gone\", 'exc_notes': [], 'frames': []}]"
    " loc=task_runner.py:1676 map_index=-1 run_id=manual__1 task_id=land ti_id=1 try_number=1"
)
ACCESS = f"{AT} [info     ] request finished               [http.access] method=GET path=/api/v2/dags status_code=200"


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "scheduler.log"


@pytest.mark.parametrize(
    ("written", "level", "message"),
    [
        (RUN.format(state="success"), "info", "airports manual__1: succeeded after 22 s"),
        (RUN.format(state="failed"), "error", "airports manual__1: failed after 22 s"),
        (TASK.format(state="failed", index=-1), "error", "airports.land failed"),
        (TASK.format(state="failed", index=2), "error", "airports.land[2] failed"),
        (FAILURE, "error", "airports.land: LandingFailed: it's gone"),
        (f"{AT} [warning  ] It rains       [airflow.weather] loc=w.py:1", "warning", "It rains"),
    ],
)
def test_what_matters_is_said_in_short(log: Path, written: str, level: str, message: str) -> None:
    assert _lines(log, written) == [
        Line("21:36:22" if written == FAILURE else "21:36:31", "scheduler", level, message)
    ]


@pytest.mark.parametrize(
    "written",
    [
        ACCESS,
        TASK.format(state="success", index=-1),
        f"{AT} [warning  ] section/key [openlineage/namespace] not found in config [airflow.sdk] loc=parser.py:1455",
        f"{AT} [warning  ] noload() is deprecated [py.warnings] category=SADeprecationWarning loc=w.py:1",
        "  ____________       _____________",
    ],
)
def test_what_is_always_there_is_left_out(log: Path, written: str) -> None:
    assert _lines(log, written) == []


def test_verbose_shows_all(log: Path) -> None:
    assert [line.text for line in _lines(log, ACCESS, is_verbose=True)] == [ACCESS.partition("] ")[2]]


TRACE = """Traceback (most recent call last):
  File "x.py", line 1, in connect
    raise exc
httpcore.ConnectError: [Errno 111] Connection refused

The above exception was the direct cause of the following exception:

Traceback (most recent call last):
  File "y.py", line 2, in start
httpx.ConnectError: [Errno 111] Connection refused"""


def test_of_a_stack_trace_only_the_errors_are_shown(log: Path) -> None:
    error = f"{AT} [error    ] Workload execution failed.     [airflow.executors] loc=l.py:1 workload_type=ExecuteTask"
    shown = _lines(log, f"{error}\n{TRACE}\n{ACCESS}\nunseen")

    assert [(line.level, line.text) for line in shown] == [
        ("warning", "a task could not begin, and is tried again:"),
        ("warning", "httpcore.ConnectError: [Errno 111] Connection refused"),
        ("warning", "httpx.ConnectError: [Errno 111] Connection refused"),
    ]
    log.unlink()
    assert "  raise exc" in "\n".join(line.text for line in _lines(log, f"{error}\n{TRACE}", is_verbose=True))


def test_a_task_whose_process_was_killed_is_said_to_be(log: Path) -> None:
    message = (
        "Executor LocalExecutor(parallelism=4) reported that the task instance <TaskInstance: shops.land manual__1"
        " map_index=0 [{}] ti_id=1> finished with state success, but the task instance's state attribute is {}."
    )
    shown = _lines(
        log, "\n".join(f"{AT} [error    ] {message.format(state, state)}" for state in ("queued", "running"))
    )

    assert [line.text for line in shown] == [
        "shops.land: its process ended without a word: killed, or no memory"
    ]


def test_a_pool_that_airflow_does_not_have_is_said_once(log: Path) -> None:
    line = f"{AT} [warning  ] Tasks using non-existent pool 'x y' will not be scheduled [airflow.jobs] loc=s.py:788"

    assert [line.text for line in _lines(log, f"{line}\n{line}")] == [
        "Airflow has no pool x y: the jobs that name it wait. Make it on its page Admin, Pools"
    ]


def test_the_sentence_of_a_task_that_fails_is_said_once(log: Path) -> None:
    ours = f"{AT} [error    ] it's gone [headwater] dag_id=airports loc=tasks.py:1 task_id=land"

    assert [line.text for line in _lines(log, f"{ours}\n{FAILURE}")] == [
        "airports.land: LandingFailed: it's gone"
    ]


def test_a_dag_file_that_cannot_be_read_is_said_once(log: Path) -> None:
    table = (
        "dags-folder  jobs.py                          0           1  0.63s            2026-11-21T21:35:59"
    )

    assert [line.text for line in _lines(log, f"{table}\n{table}")] == [
        "jobs.py cannot be read; the first page of Airflow shows why"
    ]


def test_only_what_is_new_is_read_and_only_whole_lines(log: Path) -> None:
    log.write_text(RUN.format(state="failed") + "\n")
    combined = CombinedLog({"scheduler": log})
    with log.open("a") as file:
        file.write(f"{AT} [warning  ] first\n{AT} [warning  ] sec")
        file.flush()
        assert [line.text for line in combined.lines()] == ["first"]
        file.write("ond\n")
    assert [line.text for line in combined.lines()] == ["second"]
    assert list(combined.lines()) == []


def _lines(log: Path, written: str, *, is_verbose: bool = False) -> list[Line]:
    combined = CombinedLog({"scheduler": log}, is_verbose=is_verbose)
    log.write_text(written + "\n")
    return list(combined.lines())
