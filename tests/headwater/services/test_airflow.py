"""Starting, watching and stopping Airflow's processes, with a stand-in for Airflow that is there at once."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import Engine

from headwater.extract.landing.store import ObjectStore
from headwater.metadata.connection import engine
from headwater.metadata.errors import ServiceError
from headwater.services import airflow as airflow_service
from headwater.services import airflow_settings, down, state
from headwater.services.airflow import Airflow, choose_ports, start
from headwater.services.processes import LOOPBACK, Process, born, is_alive, session
from tests.conftest import PROJECT
from tests.pipeline.project import make_project

STAND_IN = Path(__file__).with_name("stand_in")
PATIENCE_S = 120
PAUSED = {airflow_settings.PAUSED: "True"}


@pytest.fixture
def folder(database: Engine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Airflow's folder, where the stand-in is taken for it and it has a database of its own."""
    assert database.url.host is None  # libpq's variables say where it is, to Airflow too
    monkeypatch.setattr(airflow_service, "TASKS_PATIENCE_S", 0.5)
    monkeypatch.setenv("PYTHONPATH", str(STAND_IN))
    monkeypatch.setenv(airflow_settings.DATABASE_VARIABLE, f"airflow_{uuid.uuid4().hex}")
    return tmp_path / "home" / "airflow"


@pytest.fixture
def airflow(folder: Path) -> Iterator[Airflow]:
    """It runs a task."""
    folder.mkdir(parents=True)
    (folder / "work").touch()
    started = start(PROJECT, folder, dags=PROJECT / "dags", ports=choose_ports(None), say=print)
    started.wait_until_healthy(PATIENCE_S)
    yield started
    started.stop()


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project without the demo, of which dbt knows most when it has been read once."""
    return make_project(tmp_path_factory.mktemp("small") / "project")


@pytest.fixture
def command(
    folder: Path, store: ObjectStore, project: Path
) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Runs `headwater airflow` on the project."""
    assert folder.is_relative_to(os.environ["HEADWATER_HOME"])
    env = {**os.environ, "HEADWATER_PROJECT": str(project), "HEADWATER_BUCKET": store.bucket}
    env["PYTHONPATH"] = os.pathsep.join([str(PROJECT), str(STAND_IN)])
    running: list[subprocess.Popen[str]] = []

    def run(*arguments: str, in_background: bool = False) -> subprocess.Popen[str]:
        ours = [sys.executable, "-m", "headwater.cli", "airflow", *arguments]
        running.append(
            subprocess.Popen(
                ours,
                env=env,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                # what a script starts in the background ignores Ctrl-C, and so does all that it starts
                preexec_fn=lambda: signal.signal(
                    signal.SIGINT, signal.SIG_IGN if in_background else signal.SIG_DFL
                ),
            )
        )
        return running[-1]

    yield run
    for one in running:
        one.kill()
        one.wait()


def test_all_that_was_started_ends_and_tasks_are_asked_to(airflow: Airflow) -> None:
    _wait_for(lambda: len(_family(airflow.components.values())) == 6)  # four, a worker and its task
    family = _family(airflow.components.values())

    airflow.stop()

    assert not [process for process in family if is_alive(process)]
    assert (airflow.folder / "task_ended").exists()


def test_orphans_of_a_killed_scheduler_end_too_however_stubborn(airflow: Airflow) -> None:
    (airflow.folder / "stubborn").touch()
    _wait_for(lambda: len(_family(airflow.components.values())) == 6)
    family = _family(airflow.components.values())
    os.kill(airflow.components["scheduler"].pid, signal.SIGKILL)
    _wait_for(lambda: airflow.dead() == ["scheduler"])

    airflow.stop()

    assert not [process for process in family if is_alive(process)]


def test_a_scheduler_that_was_killed_begins_anew_without_what_it_left(airflow: Airflow) -> None:
    _wait_for(lambda: len(_family(airflow.components.values())) == 6)
    left = session(airflow.components["scheduler"].pid)
    os.kill(airflow.components["scheduler"].pid, signal.SIGKILL)
    _wait_for(lambda: airflow.dead() == ["scheduler"])

    airflow.begin("scheduler")

    assert airflow.dead() == []
    assert len(left) == 3
    assert not [process for process in left if is_alive(process)]


def test_a_part_that_ends_is_named_with_its_last_words(airflow: Airflow) -> None:
    (airflow.folder / "break").touch()

    def ended() -> bool:
        airflow.require_alive()
        return False

    with pytest.raises(ServiceError, match=r"(?s)Airflow's triggerer has ended.*the trigger is broken"):
        _wait_for(ended)


def test_its_tables_are_made_once(folder: Path) -> None:
    for _ in range(2):
        start(PROJECT, folder, dags=PROJECT / "dags", ports=choose_ports(None), say=print).stop()

    assert (folder / "migrated").read_text() == "once\n"


def test_a_long_log_is_begun_anew(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(airflow_service, "LONG_LOG_BYTES", 100)
    logs = folder / "logs"
    logs.mkdir(parents=True)
    (logs / "dag-processor.log").write_text("long ago\n" * 50)
    (logs / "triggerer.log").write_text("not long ago\n")

    start(PROJECT, folder, dags=PROJECT / "dags", ports=choose_ports(None), say=print).stop()

    assert (logs / "dag-processor.log.1").read_text() == "long ago\n" * 50
    assert "long ago" not in (logs / "dag-processor.log").read_text()
    assert (logs / "triggerer.log").read_text().startswith("not long ago\n")


def test_keys_and_passwords_are_made_once_for_the_user_alone(airflow: Airflow, folder: Path) -> None:
    first = airflow.passwords

    assert first.keys() == {"admin", "viewer"}
    assert first["admin"] != first["viewer"]
    assert airflow_settings.passwords(folder) == first
    for name in (airflow_settings.SECRETS, airflow_settings.PASSWORDS):
        assert (folder / name).stat().st_mode & 0o077 == 0


def test_no_secret_is_on_a_command_line(airflow: Airflow) -> None:
    kept = (airflow.folder / airflow_settings.SECRETS).read_text() + str(airflow.passwords)
    for process in airflow.components.values():
        messages = Path(f"/proc/{process.pid}/cmdline").read_text().split("\0")
        assert not [word for word in messages if len(word) > 6 and word in kept]


def test_a_setting_of_the_users_goes_before_ours(tmp_path: Path) -> None:
    mine = {"AIRFLOW__CORE__PARALLELISM": "3", "AIRFLOW_HOME": "/elsewhere"}
    env = airflow_settings.environment(tmp_path, tmp_path / "airflow", tmp_path, choose_ports(), mine)

    assert env["AIRFLOW__CORE__PARALLELISM"] == "3"
    assert env["AIRFLOW__CORE__EXECUTOR"] == "LocalExecutor"
    assert env["AIRFLOW_HOME"] == str(tmp_path / "airflow")  # one place, that `headwater down` knows


def _start_and_stop(folder: Path, **more: Any) -> str:
    """Return what is said when it is started, and nothing else of it."""
    messages: list[str] = []
    start(
        PROJECT, folder, dags=PROJECT / "dags", ports=choose_ports(None), say=messages.append, **more
    ).stop()
    return "\n".join(messages)


def test_what_will_begin_at_once_is_said_before_and_how_to_have_it_wait(folder: Path) -> None:
    message = _start_and_stop(folder, scheduled=["fx_rates", "airports"])
    at_once = airflow_settings.environment(PROJECT, folder, PROJECT, choose_ports(), {})[
        "AIRFLOW__CORE__PARALLELISM"
    ]
    assert (
        "2 jobs with a schedule are new to this Airflow. Each begins at once, with the run that was due last; at most"
        f" {at_once} tasks run at a time. With --paused they wait until you let them run: airports, fx_rates"
        in message
    )
    assert "begins at once" not in _start_and_stop(folder, scheduled=[])


def test_jobs_that_are_paused_are_said_to_be_and_those_that_airflow_knows_are_not_new(folder: Path) -> None:
    message = _start_and_stop(folder, scheduled=["airports"], settings=PAUSED)
    assert (
        "a job with a schedule is new to this Airflow and paused until you let them run there: airports"
        in message
    )
    name = os.environ[airflow_settings.DATABASE_VARIABLE]
    with engine(name).begin() as connection:
        connection.execute(sa.text("create table dag (dag_id text)"))
        connection.execute(sa.text("insert into dag values ('airports')"))
    assert "airports" not in _start_and_stop(folder, scheduled=["airports"])
    assert "new to this Airflow" in _start_and_stop(folder, scheduled=["airports", "planes"])


def test_new_jobs_are_paused_where_it_is_asked_for_whatever_the_environment_says(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(airflow_settings.PAUSED, "False")
    started = start(
        PROJECT, folder, dags=PROJECT / "dags", ports=choose_ports(None), say=print, settings=PAUSED
    )
    started.stop()
    assert started.env[airflow_settings.PAUSED] == "True"


def test_the_command_says_where_airflow_is_and_a_second_one_too(
    command: Callable[..., subprocess.Popen[str]], folder: Path
) -> None:
    port = choose_ports(None).api
    first = command("--port", str(port))
    message = _read_until(first, "viewer / ")

    assert f"Airflow is at http://127.0.0.1:{port}" in message
    assert f"admin / {airflow_settings.passwords(folder)['admin']}" in message
    second = command("--port", str(port))
    assert f"Airflow runs already at http://127.0.0.1:{port} (process {first.pid})" in second.communicate()[0]
    assert second.returncode == 0
    first.send_signal(signal.SIGINT)
    assert "stopping Airflow" in first.communicate(timeout=PATIENCE_S)[0]
    assert first.returncode == 0


def test_a_port_that_is_taken_is_said(
    command: Callable[..., subprocess.Popen[str]], airflow: Airflow
) -> None:
    taken = airflow.ports.api

    running = command("--port", str(taken))
    assert f"port {taken} is taken" in _read_until(running, "viewer / ")

    running.send_signal(signal.SIGHUP)  # as when a terminal is closed
    assert "stopping Airflow" in running.communicate(timeout=PATIENCE_S)[0]


def test_the_command_ends_with_a_part_that_ends(
    command: Callable[..., subprocess.Popen[str]], folder: Path
) -> None:
    running = command("--port", str(choose_ports(None).api))
    _read_until(running, "viewer / ")
    (folder / "break").touch()

    message = running.communicate(timeout=PATIENCE_S)[0]
    assert "Airflow's triggerer has ended" in message
    assert "the trigger is broken" in message
    assert running.returncode == 1


def test_ctrl_c_ends_all_where_a_script_started_it_in_the_background(
    command: Callable[..., subprocess.Popen[str]],
) -> None:
    running = command("--port", str(choose_ports(None).api), in_background=True)
    _read_until(running, "viewer / ")
    children = Path(f"/proc/{running.pid}/task/{running.pid}/children").read_text().split()
    family = _family([Process(int(pid), born(int(pid)) or "") for pid in children])

    running.send_signal(signal.SIGINT)

    assert "stopping Airflow" in running.communicate(timeout=PATIENCE_S)[0]
    assert len(family) >= len(airflow_service.COMPONENTS)
    assert not [process for process in family if is_alive(process)]


def test_ctrl_c_ends_it_before_airflow_is_started_too(
    command: Callable[..., subprocess.Popen[str]],
) -> None:
    running = command("--port", str(choose_ports(None).api), in_background=True)
    _read_until(running, "reading the models")

    running.send_signal(signal.SIGINT)

    message = running.communicate(timeout=PATIENCE_S)[0]
    assert "starting Airflow" not in message
    assert running.returncode == 1


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a process of its parent's death")
def test_nothing_is_left_when_the_command_is_killed(
    command: Callable[..., subprocess.Popen[str]], folder: Path
) -> None:
    folder.mkdir(parents=True)
    (folder / "work").touch()
    running = command("--port", str(choose_ports(None).api))
    _read_until(running, "viewer / ")
    children = Path(f"/proc/{running.pid}/task/{running.pid}/children").read_text().split()
    leaders = [Process(int(pid), born(int(pid)) or "") for pid in children]
    _wait_for(lambda: len(_family(leaders)) == 6)
    family = _family(leaders)
    task = next(process for process in family if os.getpgid(process.pid) not in map(int, children))

    running.kill()
    os.kill(task.pid, signal.SIGTERM)  # Airflow's ends by itself, when its api-server is gone

    _wait_for(lambda: not any(map(is_alive, family)))


def test_down_stops_airflow_before_what_it_needs(
    command: Callable[..., subprocess.Popen[str]], folder: Path
) -> None:
    running = command("--port", str(choose_ports(None).api))
    _read_until(running, "viewer / ")
    remembered = state.read(folder.parent)["airflow"]

    stopped = down(PROJECT)

    assert [(one.name, one.pid) for one in stopped] == [("airflow", running.pid)]
    assert f"{LOOPBACK}:{remembered.port}" == stopped[0].address
    assert "stopping Airflow" in running.communicate(timeout=PATIENCE_S)[0]


def _family(leaders: object) -> list[Process]:
    return [process for leader in leaders for process in session(leader.pid)]  # type: ignore[attr-defined]


def _wait_for(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def _read_until(running: subprocess.Popen[str], word: str) -> str:
    assert running.stdout is not None
    message = ""
    while word not in message:
        line = running.stdout.readline()
        assert line, message
        message += line
    return message
