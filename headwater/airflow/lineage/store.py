"""A transport of OpenLineage that leaves each event as an object in our bucket:

    AIRFLOW__OPENLINEAGE__TRANSPORT='{"type": "headwater.airflow.lineage.store.ObjectStoreTransport"}'

`<prefix>/<day>/<DAG>/<run of the DAG>/<time>-<job>-<event>-<run>.json`, where `prefix` is `lineage` unless it is said.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from openlineage.client.serde import Serde
from openlineage.client.transport import Config, Transport

from headwater.extract.landing.store import ObjectStore
from headwater.metadata.errors import StorageError

PREFIX = "lineage"


@dataclass
class ObjectStoreConfig(Config):
    """The bucket and prefix."""

    prefix: str = PREFIX

    @classmethod
    def from_dict(cls, params: dict[str, Any]) -> ObjectStoreConfig:
        """Create it from the setting without its type."""
        if unknown := sorted(params.keys() - {"type", "prefix"}):
            raise ValueError(f"the transport has {', '.join(unknown)}, expected nothing but type and prefix")
        return cls(prefix=str(params.get("prefix") or PREFIX).strip("/"))


class ObjectStoreTransport(Transport):
    """A transport that stores each event as a new object, since objects are never overwritten or appended to."""

    kind = "object_store"
    config_class = ObjectStoreConfig

    def __init__(self, config: ObjectStoreConfig) -> None:
        self.config = config
        self._store: ObjectStore | None = None

    def emit(self, event: Any) -> None:
        """Store an event. Raises `StorageError` if S3 refuses."""
        if self._store is None:
            self._store = ObjectStore.from_environment()
        key = f"{self.config.prefix}/{key_of(event)}"
        if not self._store.put_new(key, Serde.to_json(event).encode()):
            raise StorageError(f"{self._store.address(key)} is there already")


def key_of(event: Any) -> str:
    """Return the key of an event below the prefix: by day, DAG and run, then time."""
    parent = event.run.facets.get("parent")  # of a task: the run of its DAG
    dag, dag_run = (parent.job.name, parent.run.runId) if parent else (event.job.name, event.run.runId)
    moment = datetime.fromisoformat(event.eventTime).astimezone(UTC)
    name = f"{moment:%Y%m%dT%H%M%S%fZ}-{event.job.name}-{event.eventType.value}-{event.run.runId}.json"
    return "/".join(quote(part, safe="") for part in (f"{moment:%Y-%m-%d}", dag, dag_run, name))
