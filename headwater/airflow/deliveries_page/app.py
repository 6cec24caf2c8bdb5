"""The FastAPI app: routes for pages and decisions, static files, and the headers of every answer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fastapi import FastAPI, HTTPException, Request
from fastapi.responses import Response
from starlette.routing import Mount, Router
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Receive, Scope, Send

from headwater import shared_airflow
from headwater.airflow.deliveries_page import actions, csrf, projects, views
from headwater.airflow.deliveries_page.responses import explain_errors
from headwater.project import Project
from headwater.shared_airflow import within

STATIC = Path(__file__).with_name("static")


class _WithinProject:
    """Middleware that answers each request for one of several projects."""

    def __init__(self, app: ASGIApp, project: Project) -> None:
        self._app, self._project = app, project

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        with within(self._project):
            await self._app(scope, receive, send)


def make_app(project: Project | None = None) -> FastAPI:
    """Return the app, to be mounted below Airflow's; of one project where several share Airflow."""
    app = FastAPI(title="Deliveries", docs_url=None, redoc_url=None, openapi_url=None)
    app.mount("/static", StaticFiles(directory=STATIC), name="static")
    app.include_router(views.router)
    app.include_router(actions.router)
    return _finished(app, project)


def make_app_of_several() -> FastAPI:
    """Return the app of several projects: their list, and below it the pages of each."""
    app = FastAPI(title="Deliveries", docs_url=None, redoc_url=None, openapi_url=None)
    app.mount("/static", StaticFiles(directory=STATIC), name="static")
    app.include_router(projects.router)
    app.mount("", _EachProject())
    return _finished(app, None)


class _EachProject:
    """ASGI app that answers below the name of a project for it; projects come and are mended while Airflow runs."""

    def __init__(self) -> None:
        self._apps: dict[Project, FastAPI] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        found = shared_airflow.projects()
        for project in found.values():
            if project not in self._apps:
                self._apps[project] = make_app(project)
        pages = [Mount(f"/{name}", self._apps[project]) for name, project in found.items()]
        await Router(pages, default=_no_project)(scope, receive, send)


async def _no_project(_scope: Scope, _receive: Receive, _send: Send) -> None:
    raise HTTPException(404, projects.NO_PROJECT)


def _finished(app: FastAPI, project: Project | None) -> FastAPI:
    explain_errors(app)

    @app.middleware("http")
    async def with_headers(request: Request, call_next: Any) -> Response:
        response: Response = await call_next(request)
        if request.url.path.startswith(f"{request.scope.get('root_path', '')}/static/"):
            response.headers["Cache-Control"] = "max-age=300"
        return csrf.protect(response)

    if project is not None:
        app.add_middleware(_WithinProject, project=project)  # the last one is the outermost
    return app
