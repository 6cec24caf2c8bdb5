"""Airflow's REST API as one of its users: trigger a DAG, wait for what becomes of it, read its logs."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import requests

PATIENCE_S = 120
DONE = ("success", "failed")


class Client:
    """The requests that a user may make of the Airflow at `url`."""

    def __init__(self, url: str, user: str, password: str) -> None:
        self.url = url
        self._session = requests.Session()
        payload = self._session.post(
            f"{url}/auth/token", json={"username": user, "password": password}, timeout=30
        )
        payload.raise_for_status()
        self._session.headers["Authorization"] = f"Bearer {payload.json()['access_token']}"

    def ask(self, method: str, path: str, **more: Any) -> requests.Response:
        """Any request; `path` follows `/api/v2/`."""
        return self._session.request(method, f"{self.url}/api/v2/{path}", timeout=30, **more)

    def get(self, path: str, **params: Any) -> Any:
        """Return what a GET answers, from JSON; anything but success is an error."""
        answer = self.ask("GET", path, params=params)
        assert answer.ok, f"{path}: {answer.status_code} {answer.text}"
        return answer.json()

    def trigger(self, dag: str, conf: Mapping[str, Any] | None = None) -> str:
        """Start a run of `dag`, once it is known; its run id."""
        self.wait_for_dag(dag)
        answer = self.ask(
            "POST", f"dags/{dag}/dagRuns", json={"logical_date": None, "conf": dict(conf or {})}
        )
        assert answer.ok, f"{dag}: {answer.status_code} {answer.text}"
        run_id: str = answer.json()["dag_run_id"]
        return run_id

    def wait_for_dag(self, dag: str, patience_s: float = PATIENCE_S) -> None:
        """Return when Airflow knows `dag`. A file that it cannot read fails the test with its error."""
        deadline = time.monotonic() + patience_s
        while not self.ask("GET", f"dags/{dag}").ok:
            errors = self.import_errors()
            assert time.monotonic() < deadline, f"no DAG {dag}; errors of DAG files: {errors}"
            time.sleep(0.3)

    def let_run(self, dag: str, *, is_let: bool = True) -> None:
        """Have Airflow schedule `dag`, or let it rest."""
        self.wait_for_dag(dag)
        assert self.ask("PATCH", f"dags/{dag}", json={"is_paused": not is_let}).ok, dag

    def import_errors(self) -> dict[str, str]:
        """Return what is wrong with DAG files, by file."""
        return {
            error["filename"]: error["stack_trace"] for error in self.get("importErrors")["import_errors"]
        }

    def wait(self, dag: str, run_id: str, patience_s: float = PATIENCE_S) -> str:
        """Return how a run ended: success or failed."""
        deadline = time.monotonic() + patience_s
        while (state := self.get(f"dags/{dag}/dagRuns/{run_id}")["state"]) not in DONE:
            assert time.monotonic() < deadline, f"{dag} is still {state}: {self.states(dag, run_id)}"
            time.sleep(0.3)
        return str(state)

    def run(
        self, dag: str, conf: Mapping[str, Any] | None = None, patience_s: float = PATIENCE_S
    ) -> tuple[str, str]:
        """Start a run and wait for its end; its run id and how it ended."""
        run_id = self.trigger(dag, conf)
        return run_id, self.wait(dag, run_id, patience_s)

    def wait_for_run(self, dag: str, patience_s: float = PATIENCE_S, *, caused_by: str | None = None) -> str:
        """The id of the newest run of `dag`, which something else starts: by its assets, the run `caused_by`."""
        deadline = time.monotonic() + patience_s
        while True:
            runs = self.get(f"dags/{dag}/dagRuns", order_by="-run_after")["dag_runs"]
            for run_id in (str(run["dag_run_id"]) for run in runs):
                if caused_by is None or caused_by in self._causes(dag, run_id):
                    return run_id
            assert time.monotonic() < deadline, f"no run of {dag}" + (
                f" after {caused_by}" if caused_by else ""
            )
            time.sleep(0.3)

    def _causes(self, dag: str, run_id: str) -> set[str]:
        """Return the ids of the runs whose assets started a run."""
        events = self.get(f"dags/{dag}/dagRuns/{run_id}/upstreamAssetEvents")["asset_events"]
        return {str(event["source_run_id"]) for event in events}

    def tasks(self, dag: str, run_id: str) -> list[dict[str, Any]]:
        """Every task instance of a run, as the API tells it, mapped ones each by itself."""
        found: list[dict[str, Any]] = []
        while True:
            page = self.get(f"dags/{dag}/dagRuns/{run_id}/taskInstances", limit=100, offset=len(found))
            found += page["task_instances"]
            if len(found) >= page["total_entries"] or not page["task_instances"]:
                return found

    def states(self, dag: str, run_id: str) -> dict[str, str | None]:
        """The state of each task of a run; a mapped one is `task[0]`, `task[1]` …"""
        return {
            task["task_id"] + (f"[{task['map_index']}]" if task["map_index"] >= 0 else ""): task["state"]
            for task in self.tasks(dag, run_id)
        }

    def log(self, dag: str, run_id: str, task: str, *, attempt: int = 1, map_index: int = -1) -> str:
        """The log of one attempt at a task, as text."""
        path = f"dags/{dag}/dagRuns/{run_id}/taskInstances/{task}/logs/{attempt}"
        payload = self.get(path, map_index=map_index, full_content=True)
        lines = payload["content"]
        return "\n".join(_text(line) for line in lines) if isinstance(lines, list) else str(lines)


def _text(line: Any) -> str:
    if not isinstance(line, dict):
        return str(line)
    more = [f"{name}={value}" for name, value in line.items() if name not in ("timestamp", "event")]
    return " ".join([str(line.get("event", "")), *more])
