"""Connections: libpq's variables say where to; what a text means does not depend on the server."""

from __future__ import annotations

import threading

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from headwater.metadata.connection import (
    SESSION_OPTIONS,
    engine,
    require_reachable,
    session_lock,
    session_options,
)
from headwater.metadata.errors import DatabaseUnavailable


@pytest.mark.usefixtures("database")
def test_a_session_is_in_utc_and_reads_iso_dates_whatever_the_user_set(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PGOPTIONS", "-c TimeZone=Asia/Tokyo -c DateStyle=SQL,DMY -c application_name=mine")
    ours = engine()
    with ours.connect() as connection:
        for name, value in (("TimeZone", "UTC"), ("DateStyle", "ISO, YMD"), ("application_name", "mine")):
            assert connection.exec_driver_sql(f"show {name}").scalar() == value
    ours.dispose()


def test_options_of_a_session_hold_ours_once_after_the_users(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGOPTIONS", "-c work_mem=1MB")
    once = session_options("-c headwater.run_id=x")
    assert once == f"-c work_mem=1MB {SESSION_OPTIONS} -c headwater.run_id=x"
    monkeypatch.setenv("PGOPTIONS", f"-c work_mem=1MB {SESSION_OPTIONS}")
    assert session_options() == f"-c work_mem=1MB {SESSION_OPTIONS}"


def test_a_server_that_is_not_there_is_named_with_what_to_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("PGHOST", "127.0.0.1"), ("PGPORT", "1"), ("PGUSER", "x"), ("PGDATABASE", "x")):
        monkeypatch.setenv(name, value)
    with pytest.raises(
        DatabaseUnavailable, match=r"^Postgres at 127\.0\.0\.1:1 cannot be reached: .*unset PGHOST"
    ):
        require_reachable(engine())


def test_of_two_that_want_a_lock_one_waits_for_the_other(database: Engine) -> None:
    order = []

    def second() -> None:
        with session_lock(database, "work", lambda: order.append("waits")):
            order.append("second")

    def unasked() -> None:
        pytest.fail("there is nobody to wait for")

    with session_lock(database, "work"), session_lock(database, "other work", unasked):
        thread = threading.Thread(target=second)
        thread.start()
        waiting = sa.text("select count(*) from pg_locks where locktype = 'advisory' and not granted")
        for _ in range(200):
            with database.connect() as connection:
                if connection.execute(waiting).scalar():
                    break
        else:
            pytest.fail("nobody waits for the lock")
        order.append("first")
    thread.join(timeout=10)
    assert order == ["waits", "first", "second"]
