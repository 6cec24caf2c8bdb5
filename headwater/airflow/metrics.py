"""Metrics of deliveries, rows and decisions: counted once they are committed, with the ledger's own numbers.

They go wherever Airflow's metrics go, which is nowhere unless one of AIRFLOW__METRICS__STATSD_ON, OTEL_ON and
STATSD_DATADOG_ENABLED is set. A counter is called

    headwater.deliveries, headwater.rows               with the tags source, layer and outcome
    headwater.decisions                                with the tags source and decision
    headwater.deliveries.<source>.<layer>.<outcome> …  where statsd knows no tags

Of a project that shares an Airflow they have the tag project, too, the first one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from airflow.sdk.configuration import conf
from airflow.sdk.observability import stats

from headwater.pipeline.step_audit import StepAudit
from headwater.shared_airflow import project_tag

PREFIX = "headwater"


def is_on() -> bool:
    """Return whether a metrics backend of Airflow is configured."""
    return any(map(_is_set, ("statsd_on", "otel_on", "statsd_datadog_enabled")))


def count(written: StepAudit) -> None:
    """Count the deliveries and rows that a try wrote."""
    for (what, layer, outcome), number in counters(written).items():
        _count(stats.incr, what, number, source=written.source.name, layer=layer, outcome=outcome)


def count_decision(source: str, decision: str) -> None:
    """Count a decision about a delivery; for the api-server, whose metrics are separate from those of tasks."""
    from airflow.observability import stats as of_server

    _count(of_server.incr, "decisions", 1, source=source, decision=decision)


def counters(written: StepAudit) -> Counter[tuple[str, str, str]]:
    """Return the numbers of deliveries and rows: (deliveries or rows, layer, outcome) → number, never 0."""
    counted = Counter[tuple[str, str, str]]()
    for entry in written.entries:
        counted["deliveries", entry.layer, entry.outcome] += 1
        for outcome, number in entry.rows.items():
            counted["rows", entry.layer, outcome] += number
    counted["deliveries", "historical", "taken_out"] += written.of.taken_out
    return +counted


def _count(incr: Callable[..., None], what: str, number: int, **tags: str) -> None:
    if project := project_tag():
        tags = {"project": project[0], **tags}
    if _knows_tags():
        incr(f"{PREFIX}.{what}", number, tags=tags)
    else:
        incr(".".join([PREFIX, what, *tags.values()]), number)


def _knows_tags() -> bool:
    return _is_set("statsd_datadog_enabled") or _is_set("statsd_influxdb_enabled") or not _is_set("statsd_on")


def _is_set(option: str) -> bool:
    return bool(conf.getboolean("metrics", option, fallback=False))
