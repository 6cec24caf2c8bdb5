"""Refusals and losses of Postgres in the middle of a run: sentences, of one source at a time; a good run ends well."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from typer.testing import CliRunner, Result

import headwater.extract.raw.load
import headwater.extract.raw.pending
from headwater.cli.commands import app
from headwater.metadata import connection as connection_module
from headwater.metadata.process.jobs import JobInstance
from headwater.metadata.process.liveness import Life
from headwater.metadata.process.orphaned_runs import close_abandoned
from headwater.pipeline.runners import sources as runner
from headwater.pipeline.steps.build_marts import build_marts
from headwater.services import postgres
from tests.conftest import administer
from tests.pipeline.line import Line, cities, of_source, prices


@pytest.fixture
def delivered(line: Line) -> Line:
    """A line of which two sources have something to bring in."""
    line.deliver("cities", cities(1, {"a": ("A", 1)}))
    line.deliver("prices", prices(1, {("x", 1): (Decimal(1),)}))
    return line


@pytest.fixture
def command(delivered: Line, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Result]]:
    """Runs `headwater` on that line."""
    monkeypatch.setenv("HEADWATER_PROJECT", str(delivered.project.root))
    before = dict(os.environ)
    yield lambda *arguments: CliRunner().invoke(app, list(arguments))
    for name in set(os.environ) - set(before):  # the command sets variables for its process
        del os.environ[name]


def assert_plain(result: Result, expected: str) -> None:
    """It failed, by a sentence without a stack trace and SQL."""
    assert result.exit_code == 1, (result.stdout, result.stderr)
    message = result.stdout + result.stderr
    assert expected in message, message
    assert not any(word in message for word in ("Traceback", "sqlalche.me", "[SQL", "insert into", "select "))


def of_last_run(line: Line) -> dict[str, str]:
    """job → status of its last instance."""
    ask = "select distinct on (job) job, status from metadata.job_inst order by job, job_inst_id desc"
    return dict(line.query(ask))


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ("-c default_transaction_read_only=on", "Expected a database that takes changes: PGHOST"),
        ("-c statement_timeout=1", "raise statement_timeout"),
    ],
)
def test_a_database_that_does_not_play_along_is_a_sentence(
    command: Callable[..., Result], monkeypatch: pytest.MonkeyPatch, options: str, expected: str
) -> None:
    monkeypatch.setenv("PGOPTIONS", options)
    assert_plain(command("run", "cities"), expected)


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        ("", "Expected a role that may: have its administrator grant it"),
        ("connection limit 1", "Expected a free connection"),
    ],
    ids=["rights", "connections"],
)
def test_a_role_that_may_not_is_a_sentence(
    command: Callable[..., Result],
    postgres_server: postgres.Server,
    monkeypatch: pytest.MonkeyPatch,
    attributes: str,
    expected: str,
) -> None:
    role = "few" if attributes else "guest"
    administer(postgres_server, f"create role {role} login password 'guest' {attributes}")
    try:
        monkeypatch.setenv("PGUSER", role)
        monkeypatch.setenv("PGPASSWORD", "guest")
        if attributes:
            engine = connection_module.engine()
            with engine.connect():
                assert_plain(command("run", "cities"), expected)
            engine.dispose()
        else:
            assert_plain(command("run", "cities"), expected)
    finally:
        administer(postgres_server, f"drop role {role}")


def test_a_lock_that_is_not_given_in_time_fails_its_source_only(
    delivered: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    delivered.ran_well("cities", "prices")
    delivered.deliver("cities", cities(2, {"a": ("A", 2)}))
    second = delivered.deliver("prices", prices(2, {("x", 1): (Decimal(2),)}))
    monkeypatch.setenv("PGOPTIONS", "-c lock_timeout=200")
    with delivered.database.connect() as holder:
        holder.execute(sa.text("lock table raw.cities in share mode"))
        result = delivered.run("cities", "prices")
    assert result.exit_code == 1
    assert any(
        "Expected the lock within lock_timeout" in message for message in of_source(result, "cities").failures
    )
    assert of_source(result, "prices").status == "succeeded"
    assert [v.delivered_by for v in delivered.versions("prices", "x", 1)][-1] == second.name
    assert of_last_run(delivered) == {"cities": "failed", "market": "succeeded"}


def test_what_dbt_is_refused_for_one_source_is_a_sentence_and_the_others_go_on(
    delivered: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    delivered.ran_well("cities", "prices")
    delivered.deliver("cities", cities(2, {"a": ("A", 2)}))
    second = delivered.deliver("prices", prices(2, {("x", 1): (Decimal(2),)}))
    monkeypatch.setenv("PGOPTIONS", "-c lock_timeout=200")
    with delivered.database.connect() as holder:
        holder.execute(sa.text("lock table staging.stg_cities in share mode"))
        result = delivered.run("cities", "prices")
    (failure,) = of_source(result, "cities").failures
    assert failure.startswith(
        "cities: stg_cities: Postgres says: canceling statement due to lock timeout. Expected the lock within"
    )
    assert of_source(result, "prices").status == "succeeded"
    assert [v.delivered_by for v in delivered.versions("prices", "x", 1)][-1] == second.name
    assert of_last_run(delivered) == {"cities": "failed", "market": "succeeded"}


def test_a_connection_that_is_lost_in_the_middle_fails_one_source_and_the_next_one_has_another(
    delivered: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    proper = headwater.extract.raw.load.load_raw

    def load_raw(connection: sa.Connection, store: Any, source: Any, *more: Any) -> Any:
        counts = proper(connection, store, source, *more)
        if source.name == "cities":
            number = connection.execute(sa.text("select pg_backend_pid()")).scalar()
            with delivered.database.begin() as other:
                other.execute(sa.text("select pg_terminate_backend(:number, 5000)"), {"number": number})
            connection.execute(sa.text("select 1"))
        return counts

    with monkeypatch.context() as patch:
        patch.setattr(headwater.extract.raw.pending, "load_raw", load_raw)
        result = delivered.run("cities", "prices")
    (failure,) = of_source(result, "cities").failures
    assert failure.startswith("cities: load_raw: Postgres says: ")
    assert failure.endswith("run again once it answers")
    assert of_source(result, "prices").status == "succeeded"
    assert of_last_run(delivered) == {"cities": "failed", "market": "succeeded"}
    traces = delivered.query("select context ->> 'trace' from metadata.log_dtl where context ? 'trace'")
    assert "Traceback" in traces[0][0]

    delivered.ran_well("cities", "prices")
    assert len(delivered.versions("cities", "a")) == 1


def test_a_run_of_which_all_idle_connections_are_cut_ends_well(
    delivered: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    proper = build_marts

    def marts(*arguments: Any) -> None:
        proper(*arguments)
        delivered.query(
            "select pg_terminate_backend(pid, 5000) from pg_stat_activity"
            " where pid <> pg_backend_pid() and datname = current_database()"
        )

    monkeypatch.setattr(runner, "build_marts", marts)
    delivered.ran_well("cities", "prices")
    assert of_last_run(delivered) == {"cities": "succeeded", "market": "succeeded"}


def test_a_run_that_others_took_for_dead_and_that_ends_well_says_so(
    delivered: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    proper = build_marts

    def marts(*arguments: Any) -> None:
        proper(*arguments)
        delivered.query(
            "select pg_terminate_backend(pid, 5000) from pg_stat_activity"
            " where pid <> pg_backend_pid() and datname = current_database()"
        )
        assert len(close_abandoned(delivered.database)) == 2

    monkeypatch.setattr(runner, "build_marts", marts)
    delivered.ran_well("cities", "prices")
    assert of_last_run(delivered) == {"cities": "succeeded", "market": "succeeded"}
    assert delivered.query("select distinct status, last_error from metadata.log_header") == [
        ("succeeded", None)
    ]


def test_a_server_that_goes_away_for_good_is_told_and_the_next_run_closes_what_was_left(
    delivered: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    proper = build_marts

    with monkeypatch.context() as patch:

        def marts(*arguments: Any) -> None:
            proper(*arguments)
            delivered.query(
                "select pg_terminate_backend(pid, 5000) from pg_stat_activity"
                " where pid <> pg_backend_pid() and datname = current_database()"
            )
            patch.setenv("PGPORT", "1")  # nothing listens there

        patch.setattr(runner, "build_marts", marts)
        result = delivered.run("cities", "prices")
    assert result.exit_code == 1
    for name in ("cities", "prices"):
        (failure,) = of_source(result, name).failures
        assert failure.startswith(f"{name}: clean_up: Postgres says: ")
        assert failure.endswith("Expected a server that PGHOST and PGPORT name")
    assert len(result.record_failures) == 2
    assert all(
        "its job instance" in message and "cannot be closed" in message for message in result.record_failures
    )

    delivered.ran_well("cities", "prices")
    assert delivered.query("select status, count(*) from metadata.job_inst group by 1 order by 1") == [
        ("failed", 2),
        ("succeeded", 2),
    ]


class Firewall:
    """A way to Postgres that forgets connections when it is told to: what is said on them then goes nowhere."""

    def __init__(self, port: int) -> None:
        self._server, self._target, self._age = socket.create_server(("127.0.0.1", 0)), port, 0
        self.port = int(self._server.getsockname()[1])
        threading.Thread(target=self._serve, daemon=True).start()

    def forget(self) -> None:
        """Forget all connections that there are."""
        self._age += 1

    def close(self) -> None:
        self._server.close()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._server.accept()
                server = socket.create_connection(("127.0.0.1", self._target))
                for one, other in ((client, server), (server, client)):
                    threading.Thread(target=self._pass_on, args=(one, other, self._age), daemon=True).start()

    def _pass_on(self, one: socket.socket, other: socket.socket, age: int) -> None:
        with suppress(OSError):
            while chunk := one.recv(65536):
                if age == self._age:
                    other.sendall(chunk)
            if age == self._age:
                other.shutdown(socket.SHUT_WR)


@contextmanager
def firewall(port: int) -> Iterator[Firewall]:
    made = Firewall(port)
    try:
        yield made
    finally:
        made.close()


def password_of(passfile: str) -> str:
    """Return the password in a file of one server."""
    return Path(passfile).read_text(encoding="utf-8").rstrip("\n").rpartition(":")[2]


def test_a_run_whose_idle_connections_a_firewall_forgot_ends_well(
    delivered: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    proper = build_marts
    monkeypatch.setattr(connection_module, "OLDEST_S", 0)  # every connection has been silent for long enough
    with firewall(int(os.environ["PGPORT"])) as way:

        def marts(*arguments: Any) -> None:
            proper(*arguments)
            way.forget()

        monkeypatch.setattr(runner, "build_marts", marts)
        with monkeypatch.context() as patch:
            patch.setenv("PGPORT", str(way.port))
            patch.setenv(
                "PGPASSWORD", password_of(os.environ["PGPASSFILE"])
            )  # which is for the server's own port
            patch.setenv("PGSSLMODE", "disable")
            done: list[Any] = []
            running = threading.Thread(target=lambda: done.append(delivered.run("cities")), daemon=True)
            running.start()
            running.join(timeout=120)
    assert done, "it hangs"
    assert done[0].exit_code == 0, done[0].failures
    assert of_last_run(delivered) == {"cities": "succeeded"}


def test_a_run_of_many_jobs_needs_no_connection_for_each(line: Line) -> None:
    life = Life(line.database)
    instances = [JobInstance(line.database, f"job {n}", "run", {}, life) for n in range(40)]
    assert close_abandoned(line.database) == []
    for instance in instances:
        instance.close()
    life.end()
    assert set(of_last_run(line).values()) == {"succeeded"}
