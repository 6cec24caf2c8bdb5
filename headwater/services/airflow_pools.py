"""The pools that jobs name. Airflow runs no task of a missing pool, so this module creates those pools."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from headwater.metadata.errors import ServiceError
from headwater.metadata.static.model import Job

PATIENCE_S = 60
MOST = 1000  # pools per request


def wanted_by(jobs: Iterable[Job]) -> dict[str, int]:
    """Return the pools that active jobs name, with as many slots as the widest of their jobs can use."""
    slots: dict[str, int] = {}
    for job in jobs:
        if job.is_active and job.pool:
            slots[job.pool] = max(job.max_parallel, slots.get(job.pool, 0))
    return slots


def make_missing(
    url: str, user: str, password: str, wanted: Mapping[str, int], say: Callable[[str], None]
) -> None:
    """Create those pools of `wanted` (name → slots) that the Airflow at `url` lacks; others stay unchanged.

    Raises `ServiceError` if Airflow refuses.
    """
    if not wanted:
        return
    try:
        token = _ask(f"{url}/auth/token", None, {"username": user, "password": password})["access_token"]
        answer = _ask(f"{url}/api/v2/pools?limit={MOST}", token)
        known = {pool["name"] for pool in answer["pools"]}
        for name, slots in wanted.items():
            if name not in known:
                pool = {"name": name, "slots": slots, "description": "named by jobs of job.csv"}
                _ask(f"{url}/api/v2/pools", token, pool)
                say(
                    f"made the pool {name} with {slots} slots; its page in Airflow (Admin, Pools) changes them"
                )
    except (OSError, ValueError, KeyError) as error:
        raise ServiceError(f"Airflow cannot be given the pools {', '.join(wanted)}: {error}") from error


def _ask(url: str, token: str | None, body: Mapping[str, Any] | None = None) -> Any:
    headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data=data, headers=headers)
    with urllib.request.urlopen(request, timeout=PATIENCE_S) as answer:
        return json.load(answer)
