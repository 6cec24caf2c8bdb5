"""Metrics: what a real statsd and a real collector of OpenTelemetry are sent; by default nothing is counted."""

from __future__ import annotations

import atexit
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from airflow.observability import stats as of_server
from airflow.sdk._shared.observability.metrics import otel_logger
from airflow.sdk._shared.observability.metrics.base_stats_logger import NoStatsLogger
from airflow.sdk.observability import stats
from airflow.sdk.observability.metrics import stats_utils
from opentelemetry.metrics import get_meter_provider
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from sqlalchemy.exc import OperationalError

from headwater.airflow import metrics
from headwater.airflow.watch import watch
from headwater.metadata.process.ledger import Entry
from headwater.metadata.static.step_names import StepName
from headwater.pipeline.step_audit import Place, StepAudit, StepTry
from tests.airflow.listeners import statsd
from tests.support.sources import make_source

DAY = datetime(2026, 1, 1, tzinfo=UTC)
CHANGE_COUNTS = {
    "new_count": 5,
    "changed_count": 2,
    "unchanged_count": 0,
    "ignored_count": 0,
    "removed_count": 1,
}


def entry(layer: str, outcome: str, sqn: int = 1, **counts: int) -> Entry:
    return Entry(sqn, "a.csv", DAY, "s3://bucket/a.csv", layer, outcome, counts)


WRITTEN = StepAudit(
    StepTry(StepName.HISTORIZE, make_source(), taken_out=1),
    7,
    Place("localhost", 5432, "postgres"),
    (
        entry("staging", "staged", record_count=7, fallen_out_count=3),
        entry("historical", "historized", record_count=7, **CHANGE_COUNTS),
        entry(
            "historical",
            "historized",
            sqn=2,
            record_count=4,
            **{**CHANGE_COUNTS, "new_count": 4, "changed_count": 0},
        ),
        entry("historical", "halted", sqn=3),
    ),
)
EXPECTED = {
    ("deliveries", "staging", "staged"): 1,
    ("deliveries", "historical", "historized"): 2,
    ("deliveries", "historical", "halted"): 1,
    ("deliveries", "historical", "taken_out"): 1,
    ("rows", "staging", "staged"): 7,
    ("rows", "staging", "fallen_out"): 3,
    ("rows", "historical", "new"): 9,
    ("rows", "historical", "changed"): 2,
    ("rows", "historical", "removed"): 2,
}


@pytest.fixture
def told_to(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Tell Airflow where its metrics go; nowhere again afterwards."""

    def tell(**options: str) -> None:
        for option, value in options.items():
            monkeypatch.setenv(f"AIRFLOW__METRICS__{option.upper()}", value)
        for module in (stats, of_server):
            module.initialize(factory=stats_utils.get_stats_factory(), export_legacy_names=True)

    yield tell
    for module in (stats, of_server):
        module.initialize(factory=NoStatsLogger, export_legacy_names=True)


def test_statsd_is_told_by_dotted_names(told_to: Any) -> None:
    with statsd() as server:
        told_to(statsd_on="True", statsd_port=str(server.port))
        metrics.count(WRITTEN)
        metrics.count_decision("places", "withdrawn")
        messages = server.naming("headwater", at_least=len(EXPECTED) + 1)
    expected = {
        f"airflow.headwater.{what}.places.{layer}.{outcome}:{number}|c"
        for (what, layer, outcome), number in EXPECTED.items()
    }
    assert sorted(messages) == sorted([*expected, "airflow.headwater.decisions.places.withdrawn:1|c"])


def test_statsd_that_knows_tags_is_told_by_tags(told_to: Any) -> None:
    with statsd() as server:
        told_to(statsd_on="True", statsd_port=str(server.port), statsd_influxdb_enabled="True")
        metrics.count(WRITTEN)
        messages = server.naming("headwater", at_least=len(EXPECTED))
    assert sorted(messages) == sorted(
        f"airflow.headwater.{what},source=places,layer={layer},outcome={outcome}:{number}|c"
        for (what, layer, outcome), number in EXPECTED.items()
    )


@contextmanager
def collector() -> Iterator[tuple[str, list[ExportMetricsServiceRequest]]]:
    """A collector of OTLP over HTTP: its address, and what it got."""
    got: list[ExportMetricsServiceRequest] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            got.append(ExportMetricsServiceRequest.FromString(body))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", got
    finally:
        server.shutdown()
        server.server_close()
        thread.join(timeout=10)


def test_a_collector_of_opentelemetry_is_told_by_attributes(
    told_to: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    with collector() as (address, got):
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", address)
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_COMPRESSION", "none")
        told_to(otel_on="True")
        metrics.count(WRITTEN)
        provider: Any = get_meter_provider()
        provider.force_flush()
        provider.shutdown()
        atexit.unregister(otel_logger.flush_otel_metrics)
    found = {}
    for metric in got[0].resource_metrics[0].scope_metrics[0].metrics:
        for point in metric.sum.data_points:
            facts = {attribute.key: attribute.value.string_value for attribute in point.attributes}
            assert facts["source"] == "places"
            found[metric.name.rpartition(".")[2], facts["layer"], facts["outcome"]] = point.as_int
            assert metric.name.startswith("airflow.headwater.")
    assert found == EXPECTED


class Run:
    """A run of which somebody asks what it wrote."""

    def __init__(self, error: Exception | None = None) -> None:
        self.asked, self._error = 0, error

    def audit(self) -> StepAudit:
        self.asked += 1
        if self._error is not None:
            raise self._error
        return WRITTEN


class Operator:
    written: StepAudit | None = None


def test_where_nobody_listens_the_links_have_what_was_written_and_nothing_is_counted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    counted: list[StepAudit] = []
    monkeypatch.setattr(metrics, "count", counted.append)
    run, operator = Run(), Operator()
    watch({"task": operator}, run)  # type: ignore[arg-type]
    assert (run.asked, operator.written, counted) == (1, WRITTEN, [])


def test_lineage_alone_is_asked_for_and_nothing_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__OPENLINEAGE__TRANSPORT", '{"type": "console"}')
    counted: list[StepAudit] = []
    monkeypatch.setattr(metrics, "count", counted.append)
    run, operator = Run(), Operator()
    watch({"task": operator}, run)  # type: ignore[arg-type]
    assert (run.asked, operator.written, counted) == (1, WRITTEN, [])


def test_a_database_that_is_gone_fails_no_task_for_want_of_metrics(
    told_to: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    told_to(statsd_on="True", statsd_port="9")
    watch({"task": Operator()}, Run(OperationalError("select", {}, Exception("gone"))))  # type: ignore[arg-type]
    assert "cannot be told to links, metrics and lineage" in capsys.readouterr().out
