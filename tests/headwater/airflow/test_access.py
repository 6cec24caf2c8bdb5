"""Rights to decide: of everyone who may start a job, or of those whom the job names."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.api_fastapi.auth.managers.simple.user import SimpleAuthManagerUser
from airflow.models.dag import DagModel

from headwater.airflow.deliveries_page import access
from headwater.airflow.deliveries_page.access import Visitor
from headwater.airflow.deliveries_page.sources import KnownSource


class OfSeveralRoles(SimpleAuthManagerUser):
    """A user as an auth manager with roles of its own has them."""

    def __init__(self, username: str, *roles: str) -> None:
        super().__init__(username=username, role=None)
        self.roles = [SimpleNamespace(name=role) for role in roles]


ANNA = SimpleAuthManagerUser(username="anna", role="OP")
BEN = OfSeveralRoles("ben", "User", "Stewards")
CITIES = KnownSource("cities", "bring_cities", "town", "", {"E": "bring_cities", "L": "cities"}, ("cities",))
OP = SimpleAuthManagerUser(username="Op", role="VIEWER")  # whose name is that of a role


@pytest.fixture
def seeds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The seeds of a project, in an Airflow that lets everybody start everything."""
    monkeypatch.setenv("HEADWATER_PROJECT", str(tmp_path))
    (tmp_path / "dbt_project.yml").touch()
    may_all = SimpleNamespace(
        is_authorized_dag=lambda **_: True, filter_authorized_dag_ids=lambda dag_ids, **_: dag_ids
    )
    monkeypatch.setattr(access, "get_auth_manager", lambda: may_all)
    monkeypatch.setattr(DagModel, "get_team_name", lambda _: None)
    monkeypatch.setattr(DagModel, "get_dag_id_to_team_name_mapping", lambda _: {})
    (tmp_path / "seeds").mkdir()
    return tmp_path / "seeds"


def write(seeds: Path, may_decide: str | None) -> None:
    """A row of a job, as far as it has to be read; the column may be missing."""
    header = (
        "job,is_etl,etl_steps,is_full_load,del_temp_data,job_type,schedule,after_job,owner,is_active,description,"
        "retries,retry_delay_s,timeout_min,max_active_runs,max_parallel"
    )
    more = "" if may_decide is None else ",may_decide"
    cells = "" if may_decide is None else f",{may_decide}"
    (seeds / "job.csv").write_text(f"{header}{more}\ncities{',' * 15}{cells}\n")


@pytest.mark.parametrize(
    ("may_decide", "who"),
    [
        (None, {"anna", "ben", "Op"}),
        ("", {"anna", "ben", "Op"}),
        ("anna", {"anna"}),
        ("role:op", {"anna"}),
        ("role:Stewards|Op", {"ben", "Op"}),
        ("nobody", set()),
    ],
)
def test_those_decide_whom_the_job_names(seeds: Path, may_decide: str | None, who: set[str]) -> None:
    write(seeds, may_decide)
    users: list[Any] = [ANNA, BEN, OP]
    assert {user.get_name() for user in users if Visitor(user).may_decide(CITIES)} == who


def test_of_jobs_that_cannot_be_read_nobody_decides(seeds: Path) -> None:
    (seeds / "job.csv").write_text("job,nonsense\ncities,x\n")
    assert not Visitor(ANNA).may_decide(CITIES)


def test_who_may_not_start_the_job_does_not_decide_though_it_is_named(
    seeds: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(seeds, "anna")
    refuses = SimpleNamespace(is_authorized_dag=lambda **_: False)
    monkeypatch.setattr(access, "get_auth_manager", lambda: refuses)
    assert not Visitor(ANNA).may_decide(CITIES)
