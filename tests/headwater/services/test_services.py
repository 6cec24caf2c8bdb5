"""The embedded servers together: started, found again, killed, stopped."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import textwrap
from pathlib import Path
from typing import Any

import psycopg2
import pytest

from headwater import services
from headwater.metadata.errors import ServiceError
from headwater.services import postgres, s3_guard, state
from headwater.services.processes import Process, is_alive

pytestmark = pytest.mark.usefixtures("starts_servers")

PROJECT = Path(__file__).resolve().parents[3]


def want_demo(project: Path) -> None:
    (project / "seeds").mkdir()
    (project / "seeds" / "conn_str.csv").write_text("conn_str,url_template\nx,${HEADWATER_DEMO_URL}/x/\n")


def pids(found: services.Services) -> dict[str, int | None]:
    return {one.name: one.pid for one in found.services}


def query(statement: str) -> object:
    """The first value of the answer, from the server of the environment."""
    connection = psycopg2.connect("")
    try:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(statement)
            row = cursor.fetchone() if cursor.description else None
        return row[0] if row else None
    finally:
        connection.close()


def test_started_once_then_found_again(empty_project: Path) -> None:
    project = empty_project
    want_demo(project)
    first = services.ensure_up(project)
    assert [(one.name, one.is_started) for one in first.services] == [
        ("postgres", True),
        ("s3", True),
        ("publisher", True),
    ]
    again = services.ensure_up(project)
    assert pids(again) == pids(first)
    assert not any(one.is_started for one in again.services)
    assert query("select current_database()") == "headwater"
    assert query("select current_setting('timezone')") == "UTC"


def test_another_process_that_inherits_the_environment_finds_the_same_servers(project: Path) -> None:
    first = services.ensure_up(project)
    program = """
        import sys
        from pathlib import Path
        from headwater import services
        print({one.name: one.pid for one in services.ensure_up(Path(sys.argv[1])).services})
    """
    payload = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program), str(project)],
        env={**os.environ, "PYTHONPATH": str(PROJECT)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert payload.stdout.strip() == str(pids(first))


def test_down_and_up_keep_data_and_ports(project: Path) -> None:
    first = services.ensure_up(project)
    query("create table kept as select 42 as answer")
    assert [one.name for one in services.down(project)] == ["postgres", "s3"]
    assert services.down(project) == ()
    again = services.ensure_up(project)
    assert query("select answer from kept") == 42
    assert [one.address for one in again.services] == [one.address for one in first.services]
    assert all(one.is_started for one in again.services)


def test_killed_servers_come_back_with_what_was_committed(project: Path) -> None:
    first = services.ensure_up(project)
    query("create table kept as select 42 as answer")
    for pid in pids(first).values():
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
    again = services.ensure_up(project)
    assert all(one.is_started for one in again.services)
    assert query("select answer from kept") == 42


def test_down_stops_only_its_own(project: Path) -> None:
    services.ensure_up(project)
    bystander = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    try:
        remembered = state.read(services.home(project))
        s3 = remembered["s3"].process
        assert s3 is not None
        state.write(
            services.home(project),
            {**remembered, "s3": state.Remembered(1, Process(bystander.pid, "of another birth"))},
        )
        assert [one.name for one in services.down(project)] == ["postgres"]
        assert bystander.poll() is None
        assert is_alive(s3)
        os.kill(s3.pid, signal.SIGTERM)
    finally:
        bystander.kill()
        bystander.wait()


def test_a_postgres_that_nobody_remembers_is_adopted(project: Path) -> None:
    first = services.ensure_up(project)
    remembered = state.read(services.home(project))
    remembered.pop("postgres")
    state.write(services.home(project), remembered)
    for name in ("PGHOST", services.environment.MARKER):
        del os.environ[name]
    assert pids(services.ensure_up(project)) == pids(first)


def test_a_stale_pid_file_whose_pid_lives_again_does_not_stop_the_start(project: Path) -> None:
    first = services.ensure_up(project)
    cluster = services.home(project) / "pg" / "cluster"
    lock = (cluster / "postmaster.pid").read_text().splitlines()
    services.down(project)
    bystander = subprocess.Popen(
        [sys.executable, "-c", "import time; time.sleep(60)"], **_like_owner_of(cluster)
    )
    try:
        (cluster / "postmaster.pid").write_text("\n".join([str(bystander.pid), *lock[1:]]) + "\n")
        again = services.ensure_up(project)
        assert pids(again)["postgres"] not in (None, bystander.pid, pids(first)["postgres"])
        assert query("select 1") == 1
        assert bystander.poll() is None
    finally:
        bystander.kill()
        bystander.wait()


def _like_owner_of(folder: Path) -> dict[str, Any]:
    """For subprocess: Postgres fears only a pid of its own user."""
    return {"user": folder.stat().st_uid} if os.geteuid() == 0 else {}


def test_two_processes_at_once_start_one_server(project: Path) -> None:
    program = """
        import sys
        from pathlib import Path
        from headwater import services
        sys.stdin.readline()
        for one in services.ensure_up(Path(sys.argv[1])).services:
            print(one.name, one.pid, one.is_started)
    """
    racers = [
        subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(program), str(project)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": str(PROJECT)},
        )
        for _ in range(3)
    ]
    for racer in racers:
        assert racer.stdin is not None
        racer.stdin.write("go\n")
        racer.stdin.flush()
    lines = [line.split() for racer in racers for line in racer.communicate(timeout=60)[0].splitlines()]
    assert len(lines) == 6
    for name in ("postgres", "s3"):
        mine = [line for line in lines if line[0] == name]
        assert len({pid for _, pid, _ in mine}) == 1
        assert sorted(started for _, _, started in mine) == ["False", "False", "True"]


def test_the_users_own_servers_are_left_alone(empty_project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGHOST", "db.example.org")
    monkeypatch.setenv("HEADWATER_BUCKET", "archive")
    found = services.ensure_up(empty_project)
    assert [(one.name, one.address, one.pid) for one in found.services] == [
        ("postgres", "db.example.org:5432", None),
        ("s3", "s3://archive", None),
    ]
    assert found.environment == {}
    assert not (services.home(empty_project) / "pg").exists()


def test_the_publisher_is_not_started_when_the_user_names_one(
    empty_project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    want_demo(empty_project)
    monkeypatch.setenv("HEADWATER_DEMO_URL", "https://demo.example.org")
    monkeypatch.setenv("PGHOST", "db.example.org")
    monkeypatch.setenv("HEADWATER_BUCKET", "archive")
    assert services.ensure_up(empty_project).services[-1].address == "https://demo.example.org"


def test_the_demos_files_are_in_the_working_folder_unless_the_user_names_another(
    empty_project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGHOST", "db.example.org")
    monkeypatch.setenv("HEADWATER_BUCKET", "archive")
    monkeypatch.setenv("HEADWATER_DEMO_URL", "https://demo.example.org")
    assert "HEADWATER_DEMO_FILES" not in services.ensure_up(empty_project).environment
    want_demo(empty_project)
    there = str(services.home(empty_project) / "demo" / "databases")
    assert services.ensure_up(empty_project).environment["HEADWATER_DEMO_FILES"] == there
    monkeypatch.setenv("HEADWATER_DEMO_FILES", "/elsewhere")
    assert "HEADWATER_DEMO_FILES" not in services.ensure_up(empty_project).environment


@pytest.mark.parametrize(
    "local", [{}, {"AWS_ACCESS_KEY_ID": "AKIAMINE", "AWS_SECRET_ACCESS_KEY": "my own secret"}]
)
def test_the_exports_for_a_shell_lead_to_the_servers_and_hold_no_secret(
    project: Path, monkeypatch: pytest.MonkeyPatch, local: dict[str, str]
) -> None:
    shutil.copy(PROJECT / "dbt_project.yml", project)
    for name, value in {"HEADWATER_PROJECT": str(project), "PGPASSWORD": "of another", **local}.items():
        monkeypatch.setenv(name, value)
    command = [sys.executable, "-m", "headwater.cli", "env"]
    message = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=True).stdout
    password = (services.home(project) / "pg.pgpass").read_text().strip().rpartition(":")[2]
    key = s3_guard.own_key(services.home(project) / "s3.credentials").secret_key
    assert not [secret for secret in (password, key, "of another", *local.values()) if secret in message]
    use = (
        "import psycopg2; psycopg2.connect('').close()\n"
        "from headwater.extract.landing.store import ObjectStore; ObjectStore.from_environment().put_new('key', b'')"
    )
    shell = f'eval "$1"; exec "{sys.executable}" -c "$2"'
    subprocess.run(["bash", "-c", shell, "bash", message, use], cwd=PROJECT, check=True)
    services.ensure_up(project)  # so that they are stopped


def test_a_server_that_an_earlier_version_started_open_is_not_used(project: Path) -> None:
    services.ensure_up(project)
    (services.home(project) / "pg" / "cluster" / "pg_hba.conf").write_text(
        "host all all 127.0.0.1/32 trust\n"
    )
    with pytest.raises(
        ServiceError, match=r"postgres .* lets every account of this machine in.*headwater down"
    ):
        services.ensure_up(project)
    services.down(project)
    services.ensure_up(project)
    (services.home(project) / "s3.credentials").unlink()
    with pytest.raises(ServiceError, match=r"s3 .* lets every account of this machine in"):
        services.ensure_up(project)


def test_a_port_that_was_taken_meanwhile_is_replaced(project: Path) -> None:
    services.ensure_up(project)
    services.down(project)
    port = state.read(services.home(project))["postgres"].port
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind(("127.0.0.1", port))
        taken.listen()
        found = services.ensure_up(project)
        assert found.services[0].address != f"127.0.0.1:{port}"
        assert query("select 1") == 1


def test_a_server_that_does_not_start_is_shown_with_its_log(tmp_path: Path) -> None:
    with pytest.raises(ServiceError, match=r"does not start[\s\S]*no_such_setting"):
        postgres.start(tmp_path / "pg", tmp_path / "log", settings={"no_such_setting": "1"})


def test_data_of_another_major_version_is_refused(tmp_path: Path) -> None:
    cluster = tmp_path / "pg" / "cluster"
    cluster.mkdir(parents=True)
    (cluster / "PG_VERSION").write_text("9\n")
    with pytest.raises(ServiceError, match="was made by Postgres 9"):
        postgres.start(tmp_path / "pg", tmp_path / "log")


def test_a_killed_initdb_leaves_nothing_in_the_way(tmp_path: Path) -> None:
    (tmp_path / "pg" / "unfinished").mkdir(parents=True)
    (tmp_path / "pg" / "unfinished" / "PG_VERSION").write_text("half")
    server = postgres.start(tmp_path / "pg", tmp_path / "log")
    postgres.stop_server(server.process)


def test_a_home_that_cannot_be_made_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("HEADWATER_HOME", str(tmp_path / "file" / "home"))
    with pytest.raises(ServiceError, match="Set HEADWATER_HOME to another folder"):
        services.ensure_up(tmp_path)


def test_long_paths_do_not_matter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADWATER_HOME", str(tmp_path / ("deep" * 40)))
    found = services.ensure_up(tmp_path)
    assert found.services[0].is_started
    services.down(tmp_path)


@pytest.mark.skipif(os.geteuid() != 0, reason="all the tests above ran as an ordinary user already")
def test_as_an_ordinary_user() -> None:
    nobody = pwd.getpwnam("nobody")
    pythons = [path for path in (sys.executable, "/usr/bin/python3") if _may_run(path, nobody.pw_uid)]
    if not pythons:
        pytest.skip("no Python that an ordinary user may run")
    program = """
        from pathlib import Path
        from headwater import services
        for one in (*services.ensure_up(Path.cwd()).services, *services.down(Path.cwd())):
            print(one.name, one.is_started)
    """
    folder = Path(tempfile.mkdtemp(prefix="headwater-"))  # pytest's own folders are closed to others
    os.chown(folder, nobody.pw_uid, nobody.pw_gid)
    search = os.pathsep.join([str(PROJECT), *(path for path in sys.path if "site-packages" in path)])
    try:
        ran = subprocess.run(
            [pythons[0], "-c", textwrap.dedent(program)],
            user=nobody.pw_uid,
            group=nobody.pw_gid,
            extra_groups=[],
            cwd=folder,
            env={"PATH": os.environ["PATH"], "PYTHONPATH": search},
            capture_output=True,
            text=True,
            check=False,
        )
        assert ran.returncode == 0, ran.stderr
        assert ran.stdout.splitlines() == ["postgres True", "s3 True", "postgres False", "s3 False"]
        assert (folder / ".headwater" / "pg").stat().st_uid == nobody.pw_uid
    finally:
        shutil.rmtree(folder)


def _may_run(python: str, uid: int) -> bool:
    """Return whether that user can run this Python, which must be of our version, and can read the project."""
    program = f"import os, sys; os.stat({str(PROJECT / 'pyproject.toml')!r}); print(sys.version_info[:2])"
    command = [python, "-c", program]
    try:
        ran = subprocess.run(command, user=uid, cwd="/", capture_output=True, text=True, check=False)
    except OSError:
        return False
    return ran.stdout.strip() == str(sys.version_info[:2])
