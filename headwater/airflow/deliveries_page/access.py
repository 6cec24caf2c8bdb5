"""Visitors of the page, and their rights on the DAGs of a source by Airflow's auth manager.

A user who may read the DAG of a job that runs steps of a source may see its deliveries. A user who may
trigger the DAG that loads its history may decide about them, since a decision triggers a run, unless that job
names other users in `may_decide`. All others cannot see that the source exists.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Annotated

from airflow.api_fastapi.app import get_auth_manager
from airflow.api_fastapi.auth.managers.models.base_user import BaseUser
from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity, DagDetails
from airflow.api_fastapi.core_api.security import GetUserDep
from airflow.models.dag import DagModel
from fastapi import Depends

from headwater.airflow.deliveries_page.sources import KnownSource, deciders_of
from headwater.metadata.static.cell_types import ROLE
from headwater.project import find_project
from headwater.shared_airflow import dag_id_of, job_of


@dataclass(frozen=True)
class Visitor:
    """A user who is logged in to Airflow."""

    user: BaseUser

    @property
    def name(self) -> str:
        """Return the name for decisions."""
        return self.user.get_name()

    def readable(self, jobs: Iterable[str]) -> set[str]:
        """Return those of the jobs whose DAGs this visitor may read."""
        wanted = sorted({dag_id_of(job) for job in jobs})
        team_of = DagModel.get_dag_id_to_team_name_mapping(wanted)
        of_team: dict[str | None, set[str]] = defaultdict(set)
        for dag_id in wanted:
            of_team[team_of.get(dag_id)].add(dag_id)
        return {
            job_of(dag_id)
            for team, local in of_team.items()
            for dag_id in get_auth_manager().filter_authorized_dag_ids(
                dag_ids=local, user=self.user, method="GET", team_name=team
            )
        }

    def may_decide(self, source: KnownSource) -> bool:
        """Return whether this visitor may trigger the job that loads a source's history and `may_decide` allows them.

        Nobody may decide if no job loads it.
        """
        job = source.history_job
        if job is None or not self._is_one_of(deciders_of(find_project().seeds, job)):
            return False
        return self.may_trigger(job)

    def may_trigger(self, job: str) -> bool:
        """Return whether this visitor may see and trigger the DAG of a job."""
        dag_id = dag_id_of(job)
        details = DagDetails(id=dag_id, team_name=DagModel.get_team_name(dag_id))
        return get_auth_manager().is_authorized_dag(
            method="POST", access_entity=DagAccessEntity.RUN, details=details, user=self.user
        ) and bool(self.readable([job]))

    def _is_one_of(self, deciders: Collection[str] | None) -> bool:
        """Return whether one of them is this user, or a role of this user; None means everybody."""
        if deciders is None:
            return True
        roles = {f"{ROLE}{role}".casefold() for role in _roles_of(self.user)}
        return self.name in deciders or any(one.casefold() in roles for one in deciders)


def _roles_of(user: BaseUser) -> list[str]:
    """Return the names of the roles of a user; auth managers have different user classes, with one role or several."""
    messages = [*(getattr(user, "roles", None) or ()), getattr(user, "role", None)]
    return [str(getattr(role, "name", role)) for role in messages if role is not None]


def visitor(user: GetUserDep) -> Visitor:
    """Return the visitor of a request; refuses a request without a valid token of Airflow."""
    return Visitor(user)


VisitorDep = Annotated[Visitor, Depends(visitor)]
