"""A stand-in for Airflow: processes like its own, at once. What is to happen is said by files in AIRFLOW_HOME.

A scheduler with a worker; if there is a file `work`, the worker has a task that leads a group of its own, as Airflow's
do, and for which a scheduler waits that is asked to end.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

HOME = Path(os.environ["AIRFLOW_HOME"])
PARTS = ("metadatabase", "scheduler", "triggerer", "dag_processor")


class Health(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = "{" + ",".join(f'"{part}": {{"status": "healthy"}}' for part in PARTS) + "}"
        self.send_response(200)
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *_: object) -> None:
        pass


def migrate() -> None:
    import psycopg2

    with (HOME / "migrated").open("a") as file:
        file.write("once\n")
    connection = psycopg2.connect(dbname=os.environ["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"].rpartition("/")[2])
    with connection, connection.cursor() as cursor:
        cursor.execute("create table if not exists alembic_version (version_num text)")


def schedule() -> None:
    worker = os.fork()
    if worker == 0:
        if not (HOME / "work").exists():
            time.sleep(1000)
        task = os.fork()
        if task == 0:
            os.setpgid(0, 0)
            signal.signal(signal.SIGTERM, end_task)
            while True:
                time.sleep(1000)
        os.waitpid(task, 0)
        os._exit(0)
    if (HOME / "work").exists():
        signal.signal(signal.SIGTERM, lambda *_: (os.waitpid(worker, 0), os._exit(0)))
    time.sleep(1000)


def end_task(*_: object) -> None:
    """A task that is asked to end says so; with a file `stubborn` it only says so."""
    (HOME / "task_ended").touch()
    if not (HOME / "stubborn").exists():
        os._exit(0)


def main(what: str) -> None:
    print(f"2026-01-01T00:00:00.000000Z [info     ] {what} is there", flush=True)
    if what == "db":
        migrate()
    elif what == "api-server":
        HTTPServer(("127.0.0.1", int(os.environ["AIRFLOW__API__PORT"])), Health).serve_forever()
    elif what == "scheduler":
        schedule()
    elif what == "triggerer":
        while not (HOME / "break").exists():
            time.sleep(0.05)
        sys.exit("the trigger is broken")
    else:
        time.sleep(1000)


main(sys.argv[1])
