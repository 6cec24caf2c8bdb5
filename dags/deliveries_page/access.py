"""Who looks at the page, and what Airflow's auth manager lets them do with the DAG of a source.

Who may read a job's DAG may look at the deliveries of its sources; who may trigger it may decide about them, since a
decision starts a run. Nobody else learns that there is such a source.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated

from airflow.api_fastapi.app import get_auth_manager
from airflow.api_fastapi.auth.managers.models.base_user import BaseUser
from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity, DagDetails
from airflow.api_fastapi.core_api.security import GetUserDep
from airflow.models.dag import DagModel
from fastapi import Depends


@dataclass(frozen=True)
class Visitor:
    """One who is logged in to Airflow."""

    user: BaseUser

    @property
    def name(self) -> str:
        """As decisions bear it."""
        return self.user.get_name()

    def readable(self, jobs: Iterable[str]) -> set[str]:
        """Those of the jobs whose DAGs this visitor may read."""
        wanted = sorted(set(jobs))
        team_of = DagModel.get_dag_id_to_team_name_mapping(wanted)
        of_team: dict[str | None, set[str]] = defaultdict(set)
        for job in wanted:
            of_team[team_of.get(job)].add(job)
        return {
            job
            for team, own in of_team.items()
            for job in get_auth_manager().filter_authorized_dag_ids(
                dag_ids=own, user=self.user, method="GET", team_name=team
            )
        }

    def may_decide(self, job: str) -> bool:
        """Whether this visitor may trigger the DAG of a job, and see it."""
        details = DagDetails(id=job, team_name=DagModel.get_team_name(job))
        return get_auth_manager().is_authorized_dag(
            method="POST", access_entity=DagAccessEntity.RUN, details=details, user=self.user
        ) and bool(self.readable([job]))


def visitor(user: GetUserDep) -> Visitor:
    """The visitor of a request; without a valid token of Airflow there is none, and the request is refused."""
    return Visitor(user)


VisitorDep = Annotated[Visitor, Depends(visitor)]
