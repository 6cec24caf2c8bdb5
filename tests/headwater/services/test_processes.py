"""Processes are known by pid and birth."""

import os
import signal
import socket
import sys
import time
from pathlib import Path

import pytest

from headwater.metadata.errors import ServiceError
from headwater.services.processes import Process, born, free_port, is_alive, log_tail, spawn, stop

TERMINATE = ((signal.SIGTERM, 0.3), (signal.SIGKILL, 5.0))


def sleeper(tmp_path: Path, program: str = "import time; time.sleep(60)") -> Process:
    return spawn([sys.executable, "-c", program], log=tmp_path / "log", env=os.environ, cwd=tmp_path)


def test_a_process_lives_until_it_is_stopped(tmp_path: Path) -> None:
    process = sleeper(tmp_path)
    assert is_alive(process)
    stop(process, *TERMINATE)
    assert not is_alive(process)
    assert born(process.pid) is None


def test_a_killed_child_that_nobody_waited_for_is_dead(tmp_path: Path) -> None:
    process = sleeper(tmp_path)
    os.kill(process.pid, signal.SIGKILL)
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    assert not is_alive(process)


def test_another_process_with_the_same_pid_is_neither_taken_for_ours_nor_stopped(tmp_path: Path) -> None:
    process = sleeper(tmp_path)
    former = Process(process.pid, "an earlier birth")
    assert not is_alive(former)
    stop(former, *TERMINATE)
    assert is_alive(process)
    stop(process, *TERMINATE)


def test_the_next_signal_is_sent_to_what_ignores_the_first(tmp_path: Path) -> None:
    deaf = tmp_path / "deaf"
    program = "import pathlib, signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); "
    process = sleeper(tmp_path, program + "pathlib.Path('deaf').touch(); time.sleep(60)")
    while not deaf.exists():
        time.sleep(0.01)
    stop(process, *TERMINATE)
    assert not is_alive(process)


def test_a_server_has_a_session_of_its_own(tmp_path: Path) -> None:
    process = sleeper(tmp_path)
    assert os.getsid(process.pid) == process.pid
    stop(process, *TERMINATE)


def test_a_program_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(ServiceError, match="no-such-program cannot be started"):
        spawn(["no-such-program"], log=tmp_path / "log", env={}, cwd=tmp_path)


def test_a_port_is_kept_unless_it_is_taken() -> None:
    port = free_port()
    assert free_port(port) == port
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", port))
        taken.listen()
        assert free_port(port) != port


def test_only_the_end_of_a_log_is_shown(tmp_path: Path) -> None:
    (tmp_path / "log").write_text("".join(f"line {number}\n" for number in range(100)))
    tail = log_tail(tmp_path / "log")
    assert "line 99" in tail
    assert "line 80" not in tail
    assert "(the log is empty)" in log_tail(tmp_path / "missing")
