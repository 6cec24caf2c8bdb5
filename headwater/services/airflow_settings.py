"""Settings of Airflow's processes, as environment variables, so that no file of settings is needed.

A setting in the user's environment (AIRFLOW__SECTION__NAME) overrides ours. Keys and passwords are created
once and kept in Airflow's folder, readable only by the user.
"""

from __future__ import annotations

import base64
import json
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from headwater.services.processes import LOOPBACK

ROLES = {"admin": "admin", "viewer": "viewer"}
DATABASE_VARIABLE = "HEADWATER_AIRFLOW_DATABASE"
DATABASE = "airflow"
CONNECTION = "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"
CONFIG = Path(__file__).with_name("airflow_config")  # holds airflow_local_settings.py
PARALLELISM = "AIRFLOW__CORE__PARALLELISM"
PAUSED = "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION"
LEVELS = "AIRFLOW__LOGGING__NAMESPACE_LEVELS"
VERBOSE = "HEADWATER_VERBOSE"  # for task logs: headwater/airflow/quiet.py reads it
LEAST_PARALLEL, MOST_PARALLEL = 4, 16
NO_PORT = "1"  # a port that only root could use; no log server runs there
SECRETS, PASSWORDS = "keys.json", "passwords.json"


@dataclass(frozen=True)
class Ports:
    """The port of Airflow's pages and API."""

    api: int

    @property
    def url(self) -> str:
        return f"http://{LOOPBACK}:{self.api}"


def environment(
    project: Path, folder: Path, dags: Path, ports: Ports, environ: Mapping[str, str]
) -> dict[str, str]:
    """Return the environment of Airflow's processes: `environ` and Airflow's settings, including secrets.

    `folder` is AIRFLOW_HOME. The database is on the server of libpq's variables.
    """
    ours = {
        **_where(folder, dags, ports, environ),
        **_secrets(folder),
        **_PACE,
        **_QUIET,
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": ",".join(
            f"{user}:{role}" for user, role in ROLES.items()
        ),
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(folder / PASSWORDS),
    }
    path = [str(project), str(CONFIG), environ.get("PYTHONPATH", "")]
    return {
        **ours,
        **environ,
        "AIRFLOW_HOME": str(folder),
        "HEADWATER_PROJECT": str(project),
        "HEADWATER_HOME": str(folder.parent),
        "PYTHONPATH": os.pathsep.join(filter(None, path)),
    }


def passwords(folder: Path) -> dict[str, str]:
    """Return the password of each user, created on first use."""
    return _kept(folder / PASSWORDS, {user: secrets.token_urlsafe(12) for user in ROLES})


def database(environ: Mapping[str, str]) -> str:
    """Return the name of Airflow's database on the server of libpq's variables."""
    return environ.get(DATABASE_VARIABLE, "").strip() or DATABASE


def connection(database_name: str) -> str:
    """Return the address of a database on the server of libpq's variables, which contain host and password."""
    return f"postgresql+psycopg2:///{quote(database_name)}"


def _where(folder: Path, dags: Path, ports: Ports, environ: Mapping[str, str]) -> dict[str, str]:
    return {
        "AIRFLOW__CORE__DAGS_FOLDER": str(dags),
        "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{ports.url}/execution/",
        "AIRFLOW__COSMOS__CACHE_DIR": str(folder / "cosmos"),
        "AIRFLOW__API__HOST": LOOPBACK,
        "AIRFLOW__API__PORT": str(ports.api),
        "AIRFLOW__API__BASE_URL": ports.url,
        "AIRFLOW__LOGGING__BASE_LOG_FOLDER": str(folder / "logs"),
        "AIRFLOW__LOGGING__DAG_PROCESSOR_CHILD_PROCESS_LOG_DIRECTORY": str(folder / "logs" / "dag_processor"),
        "AIRFLOW__SCHEDULER__SCHEDULER_HEALTH_CHECK_SERVER_HOST": LOOPBACK,
        "AIRFLOW__LOGGING__WORKER_LOG_SERVER_PORT": NO_PORT,
        "AIRFLOW__LOGGING__TRIGGER_LOG_SERVER_PORT": NO_PORT,
        CONNECTION: connection(database(environ)),
    }


def _at_once() -> int:
    """Return the number of tasks that may run at once on this machine."""
    return min(max(2 * (os.cpu_count() or 1), LEAST_PARALLEL), MOST_PARALLEL)


# For one machine: few workers, and quick detection of killed processes.
_PACE = {
    PARALLELISM: str(_at_once()),
    PAUSED: "False",  # `job.is_active` says which run
    "AIRFLOW__CORE__MIN_SERIALIZED_DAG_UPDATE_INTERVAL": "5",
    "AIRFLOW__DATABASE__SQL_ALCHEMY_POOL_SIZE": "5",
    "AIRFLOW__CORE__DAGBAG_IMPORT_TIMEOUT": "120",  # one file holds the DAGs of all jobs
    "AIRFLOW__DAG_PROCESSOR__DAG_FILE_PROCESSOR_TIMEOUT": "180",
    "AIRFLOW__DAG_PROCESSOR__REFRESH_INTERVAL": "10",
    "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "30",
    "AIRFLOW__SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "0.2",
    "AIRFLOW__SCHEDULER__MP_START_METHOD": "fork",  # tasks inherit what the scheduler has loaded
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "30",
    "AIRFLOW__WORKERS__MIN_HEARTBEAT_INTERVAL": "2",  # the longest time until the end of a task is noticed
    "AIRFLOW__SCHEDULER__ORPHANED_TASKS_CHECK_INTERVAL": "60",
}

_QUIET = {
    "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
    "AIRFLOW__LOGGING__COLORED_CONSOLE_LOG": "False",
    # for Airflow's own loggers; headwater/airflow/quiet.py handles those of libraries
    LEVELS: " ".join(
        f"airflow.{part}=WARNING"
        for part in (
            "dag_processing.bundles",
            "dag_processing.dagbag",
            "providers.openlineage",
            "task.operators.airflow.providers.standard.decorators",  # "Done" of each task
            "task.operators.dags",
        )
    ),
    # the operating system releases dbt's locks, because the process of a task ends without Python's cleanup
    "PYTHONWARNINGS": "ignore:resource_tracker:UserWarning",
    "AIRFLOW__OPENLINEAGE__NAMESPACE": "headwater",
    "AIRFLOW__COSMOS__ENABLE_TELEMETRY": "False",
    "DO_NOT_TRACK": "1",
    "NO_COLOR": "1",
}


def _secrets(folder: Path) -> dict[str, str]:
    made = {
        "AIRFLOW__CORE__FERNET_KEY": base64.urlsafe_b64encode(secrets.token_bytes(32)).decode(),
        "AIRFLOW__API_AUTH__JWT_SECRET": secrets.token_urlsafe(48),
        "AIRFLOW__API__SECRET_KEY": secrets.token_urlsafe(48),
    }
    return _kept(folder / SECRETS, made)


def _kept(path: Path, made: Mapping[str, str]) -> dict[str, str]:
    """Return the content of `path`, after adding missing entries of `made`. Only this user can read the file."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        kept: dict[str, str] = json.loads(path.read_text())
    except FileNotFoundError:
        kept = {}
    if not made.keys() <= kept.keys():
        kept = {**made, **kept}
        unfinished = path.with_name(f"{path.name}.{os.getpid()}")
        unfinished.touch(mode=0o600)
        unfinished.write_text(json.dumps(kept, indent=2) + "\n")
        unfinished.replace(path)
    return kept
