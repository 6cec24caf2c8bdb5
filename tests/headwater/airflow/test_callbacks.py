"""Alerts: what is told of a run that did not go well, to whom, and what becomes of it when nobody listens."""

from __future__ import annotations

import asyncio
import email
import json
from concurrent.futures import ThreadPoolExecutor
from email.policy import default as modern
from typing import Any

import pytest
from sqlalchemy import Engine

from headwater.airflow import callbacks
from headwater.airflow.alerts import Alert, alert_of
from headwater.metadata.process.jobs import SharedJobInstance
from headwater.queries.halts import Halt
from tests.airflow.listeners import mail_server, webhook

ALERT = Alert(
    "cities", "run 1", "halted", "town", "http://localhost:8080/dags/cities/runs/run%201",
    [Halt(3, "cities", "<b>cities.csv", ("duplicate_keys",), "2 keys stand twice")], ["cities: oh"],
)  # fmt: skip


@pytest.fixture
def connections(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Make a connection of Airflow's, in the environment."""

    def make(name: str, **parts: Any) -> Any:
        monkeypatch.setenv(f"AIRFLOW_CONN_{name.upper()}", json.dumps(parts))
        return callbacks.connection_named(name)

    return make


def test_a_webhook_is_told_in_json(connections: Any) -> None:
    with webhook() as payload:
        connection = connections(
            "headwater_alerts", conn_type="http", host="127.0.0.1", port=payload.port, password="k7Hq-token",
            extra={"path": "hooks/data"},
        )  # fmt: skip
        assert callbacks.url_of(connection) == f"http://127.0.0.1:{payload.port}/hooks/data"
        callbacks.send(ALERT, connection)
    (message,) = payload.messages
    assert message["text"].startswith(
        "Headwater: cities halted (cities: delivery 3, duplicate_keys)\nhttp://"
    )
    assert message["halted"][0]["why"] == "2 keys stand twice"
    assert payload.headers[0]["Authorization"] == "Bearer k7Hq-token"


def test_a_mailbox_is_told_by_e_mail_and_what_came_from_outside_is_escaped(connections: Any) -> None:
    with mail_server() as payload:
        connection = connections(
            "headwater_alerts_town", conn_type="smtp", host="127.0.0.1", port=payload.port,
            extra={
                "disable_ssl": True, "disable_tls": True, "from_email": "headwater@example.org",
                "to_email": "town@example.org",
            },
        )  # fmt: skip
        callbacks.send(ALERT, connection)
    (text,) = payload.messages
    message: Any = email.message_from_string(text, policy=modern)
    assert (message["To"], message["From"]) == ("town@example.org", "headwater@example.org")
    assert message["Subject"] == ALERT.subject
    body = message.get_body(("html",)).get_content()
    assert "&lt;b&gt;cities.csv: duplicate_keys" in body
    assert ALERT.link in body


@pytest.mark.usefixtures("database")
def test_all_who_may_concern_it_are_told_though_one_cannot_be(
    connections: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    with webhook(status=500) as broken, webhook() as payload:
        connections("headwater_alerts", conn_type="http", host="127.0.0.1", port=broken.port)
        connections("headwater_alerts_town", conn_type="http", host="127.0.0.1", port=payload.port)
        callbacks.tell("cities", "run 1", "town", "it failed")
    assert [message["status"] for message in payload.messages] == ["failed"]
    assert "headwater_alerts could not be told: 500" in capsys.readouterr().out


def test_where_there_is_no_connection_nobody_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    callbacks.tell("cities", "run 1", "town", "it failed")
    assert capsys.readouterr().out == ""


def test_an_alert_has_the_last_errors_the_latest_first(database: Engine) -> None:
    instance = SharedJobInstance.begin(database, "cities", "run 1", {})
    for error in ("first", "second"):
        instance.log("error", error)
    instance.outcome.worsen("failed")
    instance.close()
    alert = alert_of(database, "cities", "run 1", "town", "http://x", "reason")
    assert (alert.status, alert.errors, alert.halted) == ("failed", ["second", "first"], [])
    assert alert_of(database, "cities", "run 2", "town", "http://x", "reason").errors == ["reason"]


@pytest.mark.parametrize("is_over", [False, True])
def test_a_deadline_that_passed_is_told_though_the_run_ended_meanwhile(
    database: Engine, connections: Any, is_over: bool
) -> None:
    instance = SharedJobInstance.begin(database, "cities", "run 1", {})
    if is_over:
        instance.close()
    run = {"dag_id": "cities", "dag_run_id": "run 1"}
    with webhook() as payload:
        connections("headwater_alerts_town", conn_type="http", host="127.0.0.1", port=payload.port)
        telling = callbacks.tell_of_deadline({"dag_run": run}, owner="town", deadline_min=30)
        with ThreadPoolExecutor() as apart:  # in this thread a browser of other tests may have a loop
            apart.submit(asyncio.run, telling).result()
    (message,) = payload.messages
    assert (message["status"], message["errors"]) == (
        "overdue", ["it was not over after the job's deadline_min of 30, and goes on"],
    )  # fmt: skip
