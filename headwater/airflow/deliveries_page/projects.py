"""The page that leads to those of the projects that share this Airflow, and addresses that name a DAG alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import HTMLResponse, RedirectResponse

from headwater import shared_airflow
from headwater.airflow.deliveries_page.access import Visitor, VisitorDep
from headwater.airflow.deliveries_page.dependencies import backend
from headwater.airflow.deliveries_page.responses import pages
from headwater.airflow.links import DBT_DOCS
from headwater.metadata.errors import HeadwaterError
from headwater.project import Project

NO_PROJECT = "There is no such project, or you may not see it."

router = APIRouter()


@dataclass(frozen=True)
class Shown:
    """A project of which the visitor may see something."""

    name: str
    sources: tuple[str, ...]
    has_docs: bool


@router.get("/")
def choose(request: Request, visitor: VisitorDep) -> HTMLResponse:
    """Show the projects of which the visitor may see a source, and the folders of those that are broken."""
    found, refused = shared_airflow.opened()
    broken = sorted(folder.name for folder in refused)
    return pages.show(request, "projects.html", visitor, projects=_shown(visitor, found), broken=broken)


@router.get("/list")
def of_dag(request: Request, visitor: VisitorDep, job: str = "") -> RedirectResponse:
    """Redirect from the tab of a DAG to the deliveries of its job."""
    found = shared_airflow.projects()
    names = {shared_airflow.dag_prefix(one.root): name for name, one in found.items()}
    name = next((name for prefix, name in names.items() if prefix and job.startswith(prefix)), None)
    if name is None or name not in {one.name for one in _shown(visitor, found)}:
        raise HTTPException(404, NO_PROJECT)
    target = request.url_for("choose").include_query_params(job=job)
    return RedirectResponse(f"{target.path}{name}/list?{target.query}", 303)


@router.get(DBT_DOCS)
def docs(request: Request) -> RedirectResponse:
    """Redirect to the list of projects, which leads to the docs of each."""
    return RedirectResponse(f"{request.scope['root_path']}/", 303)


def _shown(visitor: Visitor, projects: Mapping[str, Project]) -> list[Shown]:
    found = []
    for name, project in sorted(projects.items()):
        with shared_airflow.within(project):
            try:
                sources = tuple(backend.visible(visitor))
            except HeadwaterError:  # a broken project hides itself alone; its import error says why
                continue
            if sources:
                has_docs = backend.sees_all(visitor) and backend.dbt_docs.is_file()
                found.append(Shown(name, sources, has_docs))
    return found
