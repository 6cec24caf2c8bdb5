"""Recipients of alerts: webhooks and mailboxes, each a connection of Airflow's.

    headwater_alerts            of all jobs
    headwater_alerts_<owner>    of the jobs of an owner

Of a project that shares an Airflow these are `headwater_alerts_<project>` and `headwater_alerts_<project>_<owner>`;
`headwater_alerts` is told of the jobs of all projects.

A connection of type `http` is a webhook: the alert is posted to it as JSON. One of type `smtp` sends an e-mail to the
addresses in its extra `to_email`, from `from_email`. Where there is no connection nobody is told.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import requests
from airflow.sdk import BaseHook, Connection
from airflow.sdk.exceptions import AirflowNotFoundException
from asgiref.sync import sync_to_async

from headwater.airflow.alerts import Alert, alert_of
from headwater.airflow.links import absolute, run_path
from headwater.metadata.connection import engine
from headwater.metadata.redaction import redact
from headwater.metadata.visible import in_line, visible
from headwater.shared_airflow import folders, job_of, project_in, project_tag, within

PREFIX = "headwater_alerts"
PATIENCE_S = 20
TIMED_OUT = "timed_out"


def tell_of_failure(context: Any) -> None:
    """Called by the last task of a run that failed."""
    dag, run_id = context["dag"], context["run_id"]
    owner = dag.owner or dag.default_args.get("owner", "")
    tell(dag.dag_id, run_id, owner, str(context.get("exception") or "it failed"))


def tell_of_timeout(context: Any) -> None:
    """Called by Airflow when a run has failed: its last task has told of it, unless it was never come to."""
    if context.get("reason") == TIMED_OUT:
        dag = context["dag"]
        tell(dag.dag_id, context["run_id"], dag.owner, "it took longer than the job's timeout_min")


async def tell_of_deadline(context: Any, owner: str, deadline_min: int, project: str = "") -> None:
    """Called by Airflow when a run is not over as long after it was queued as its job says; it goes on.

    In the triggerer: what an executor calls may not ask for connections. The triggerer works for all projects that
    share Airflow, so it is told the folder of the job's.
    """
    run = context["dag_run"]
    reason = f"it was not over after the job's deadline_min of {deadline_min}, and goes on"
    with _work_for(project):
        await sync_to_async(tell, thread_sensitive=False)(
            run["dag_id"], run["dag_run_id"], owner, reason, called="overdue"
        )


def _work_for(root: str) -> AbstractContextManager[None]:
    return within(project_in(Path(root))) if root and folders() else nullcontext()


def tell(dag_id: str, run_id: str, owner: str, reason: str, called: str | None = None) -> None:
    """Send an alert to whom it may concern. One that cannot be told does not keep others from being told."""
    connections = [found for name in recipients(owner) if (found := connection_named(name))]
    if not connections:
        return
    alert = alert_of(engine(), job_of(dag_id), run_id, owner, link_to(dag_id, run_id), reason, called)
    alert = replace(alert, job=dag_id)
    for connection in connections:
        try:
            send(alert, connection)
        except Exception as error:  # noqa: BLE001  # of any library; the run's end must not hang on it
            print(f"{connection.conn_id} could not be told: {visible(redact(str(error)))}", flush=True)
        else:
            print(f"told {connection.conn_id}: {in_line(alert.subject)}", flush=True)


def recipients(owner: str) -> list[str]:
    """Return the names of the connections that are told of a job of this owner."""
    names = [PREFIX]
    if project := project_tag():
        names.append(f"{PREFIX}_{project[0]}")
    return [*names, f"{names[-1]}_{owner}"]


def send(alert: Alert, connection: Connection) -> None:
    """Tell one webhook or mailbox."""
    if connection.conn_type in ("http", "https"):
        headers = {"Authorization": f"Bearer {connection.password}"} if connection.password else {}
        answer = requests.post(
            url_of(connection),
            json=alert.as_json(),
            headers=headers,
            timeout=PATIENCE_S,
            allow_redirects=False,
        )
        answer.raise_for_status()
        return
    if connection.conn_type != "smtp":
        raise ValueError(f"it is a connection of type {connection.conn_type}, expected http or smtp")
    from airflow.providers.smtp.hooks.smtp import SmtpHook

    to = connection.extra_dejson.get("to_email")
    if not to:
        raise ValueError("its extra has no to_email, expected the addresses of those who are to know")
    with SmtpHook(smtp_conn_id=connection.conn_id) as hook:
        hook.send_email_smtp(to=to, subject=alert.subject, html_content=alert.as_html())


def connection_named(name: str) -> Connection | None:
    """A connection of Airflow's, wherever it keeps it; None when there is none."""
    try:
        return BaseHook.get_connection(name)
    except AirflowNotFoundException:
        return None


def url_of(connection: Connection) -> str:
    """Return where a webhook is: `schema` is its protocol, the path stands in the extra `path`,
    or all of it in the host."""
    if connection.host and "://" in connection.host:
        return connection.host
    port = f":{connection.port}" if connection.port else ""
    path = str(connection.extra_dejson.get("path", "")).lstrip("/")
    return f"{connection.schema or connection.conn_type}://{connection.host}{port}/{path}"


def link_to(dag_id: str, run_id: str) -> str:
    """The page of a run."""
    return absolute(run_path(dag_id, run_id))
