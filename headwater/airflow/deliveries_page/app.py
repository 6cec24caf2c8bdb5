"""The FastAPI app: routes for pages and decisions, static files, and the headers of every answer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import Response
from starlette.staticfiles import StaticFiles

from headwater.airflow.deliveries_page import actions, csrf, views
from headwater.airflow.deliveries_page.responses import explain_errors

STATIC = Path(__file__).with_name("static")


def make_app() -> FastAPI:
    """Return the app, to be mounted below Airflow's."""
    app = FastAPI(title="Deliveries", docs_url=None, redoc_url=None, openapi_url=None)
    app.mount("/static", StaticFiles(directory=STATIC), name="static")
    app.include_router(views.router)
    app.include_router(actions.router)
    explain_errors(app)

    @app.middleware("http")
    async def with_headers(request: Request, call_next: Any) -> Response:
        response: Response = await call_next(request)
        if request.url.path.startswith(f"{request.scope.get('root_path', '')}/static/"):
            response.headers["Cache-Control"] = "max-age=300"
        return csrf.protect(response)

    return app
