"""A job in a terminal does what its DAG does, and puts the same on record."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from headwater.home import make_home
from headwater.pipeline.runners.jobs import run_jobs
from headwater.project import Project
from headwater.services import postgres
from tests.airflow.jobs_project import SCRATCH
from tests.airflow.warehouse import Warehouse, publish
from tests.conftest import fresh_database
from tests.pipeline.project import FOLDER

JOBS = {"moats": "failed", "tidying": "success", "failing": "failed"}  # how their DAG runs end

Query = Callable[[str], list[tuple[Any, ...]]]

OF_LAST = "job_inst_id = (select max(job_inst_id) from metadata.job_inst where job = '{job}')"
RECORDS = {
    "run": """
        select job, kind, etl_steps, is_full_load, del_temp_data, parameters, inst.status, last_error, closed_why
        from metadata.job_inst as inst left join metadata.log_header using (job_inst_id) where {of_last}
    """,
    "tasks": """
        select task, etl_step, step_seq, parameters - 'within' - 'try_number', status
        from metadata.job_inst_task where {of_last} order by task, parameters::text
    """,
    "log": """
        select task, level, message, context
        from metadata.log_dtl
        inner join metadata.log_header using (log_header_id)
        left join metadata.job_inst_task using (job_inst_task_id)
        where log_header.{of_last} order by task, parameters::text, log_dtl_id
    """,
    "layers": """
        select publisher_name, layer, status, record_count, parsed_count
        from metadata.delivery_status inner join metadata.delivery using (delivery_sqn)
        where delivery_status.{of_last} order by delivery_date, layer
    """,
}
NUMBER = re.compile(r"\b(?:delivery|job instance) [0-9]+|'delivery_sqn': [0-9]+")


def recorded(query: Query, job: str) -> dict[str, list[str]]:
    """Return what is on record of the last run of a job, without the numbers that Postgres gave,
    of which the order is one."""
    of_last = OF_LAST.format(job=job)
    return {
        what: sorted(NUMBER.sub("one", str(row)) for row in query(statement.format(of_last=of_last)))
        for what, statement in RECORDS.items()
    }


@pytest.mark.usefixtures("store")
def test_the_same_jobs_leave_the_same_tables_and_the_same_record_in_airflow_and_in_a_terminal(
    ended: Callable[[str], tuple[str, str]],
    warehouse: Warehouse,
    publisher: Path,
    airflow_project: Path,
    postgres_server: postgres.Server,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    publish(publisher, "moats", 1, "moat,ducks", "a,1", "b,2")
    publish(publisher, "moats", 2, "moat,ducks", "a,1", "a,2")
    publish(publisher, "moats", 3, "moat,ducks", "a,5", "c,x")
    assert {job: ended(job)[1] for job in JOBS} == JOBS
    warehouse_query: Query = warehouse.query
    in_airflow = {job: recorded(warehouse_query, job) for job in JOBS}
    history = "select moat, ducks, valid_from, valid_to, end_type from historical.moats order by 1, 3"

    for name, value in {FOLDER: str(publisher), "HEADWATER_HOME": str(tmp_path), "SHELF": "unused"}.items():
        monkeypatch.setenv(name, value)
    with fresh_database(postgres_server, "beside_airflow", "template1", monkeypatch) as database:
        with database.begin() as connection:
            connection.exec_driver_sql(SCRATCH.replace("%", "%%"))

        def query(statement: str) -> list[tuple[Any, ...]]:
            with database.connect() as connection:
                return [tuple(row) for row in connection.execute(sa.text(statement.replace(":", "\\:")))]

        project = Project(airflow_project, make_home(airflow_project))
        messages: list[str] = []
        run_jobs(project, list(JOBS), messages.append, follow=False)
        for job, of_airflow in in_airflow.items():
            for what, rows in recorded(query, job).items():
                assert rows == of_airflow[what], f"{what} of {job}"
        assert query(history) == warehouse_query(history)
        assert query("select count(*) from raw.moats") == warehouse_query("select count(*) from raw.moats")
