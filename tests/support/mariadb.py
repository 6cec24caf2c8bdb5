"""A MariaDB for tests: the `mariadbd` of this machine, on loopback, in a throw-away folder."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from pathlib import Path

import pymysql

from headwater.services.processes import LOOPBACK, Process, free_port, is_alive, log_tail, spawn

PATIENCE_S = 60
USER, PASSWORD = "reader", "Pl4nted-password-of-maria"
MISSING = (
    "no mariadbd on the PATH, in /usr/sbin or named by MARIADBD (Debian, Ubuntu: apt install mariadb-server)"
)
FAST = (
    "--innodb-flush-log-at-trx-commit=0",
    "--innodb-flush-method=nosync",
    "--skip-innodb-doublewrite",
    "--innodb-buffer-pool-size=32M",
    "--innodb-log-file-size=8M",
)


def program() -> Path | None:
    """The server's program, or None."""
    named = os.environ.get("MARIADBD")
    found = named or shutil.which("mariadbd") or shutil.which("mariadbd", path="/usr/sbin:/usr/libexec")
    return Path(found) if found and Path(found).is_file() else None


def start(mariadbd: Path, folder: Path) -> tuple[int, Process]:
    """Make a server in `folder` and wait until it answers; its port and process. Its user `root` has no password."""
    folder.mkdir()
    prefix, data, log = mariadbd.resolve().parent.parent, folder / "data", folder / "mariadb.log"
    common = ["--no-defaults", f"--basedir={prefix}", f"--datadir={data}", *FAST]
    if os.getuid() == 0:
        common.append("--user=root")
    install = [str(prefix / "bin/mariadb-install-db"), *common, "--auth-root-authentication-method=normal"]
    subprocess.run([*install, "--skip-test-db"], check=True, capture_output=True)
    port = free_port(None)
    listen = [f"--port={port}", f"--bind-address={LOOPBACK}", "--socket=mariadb.sock", "--skip-name-resolve"]
    process = spawn([str(mariadbd), *common, *listen], log=log, env=dict(os.environ), cwd=folder)
    deadline = time.monotonic() + PATIENCE_S
    while is_alive(process) and time.monotonic() < deadline:
        try:
            connect(port).close()
            return port, process
        except pymysql.err.OperationalError:
            time.sleep(0.05)
    raise RuntimeError(f"mariadbd does not start: {log_tail(log)}")


def connect(port: int, database: str | None = None) -> pymysql.connections.Connection:
    """A connection of its administrator."""
    return pymysql.connect(host=LOOPBACK, port=port, user="root", database=database, autocommit=True)
