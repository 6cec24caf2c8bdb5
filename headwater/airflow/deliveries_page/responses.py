"""Pages as answers, and errors as pages that say what to do."""

from __future__ import annotations

import logging
import shlex
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import sqlalchemy as sa
from airflow.api_fastapi.app import get_auth_manager
from fastapi import FastAPI, HTTPException, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.exceptions import HTTPException as AnyHTTPException

from headwater.airflow.deliveries_page import csrf, formatting, runs
from headwater.airflow.deliveries_page.access import Visitor
from headwater.airflow.deliveries_page.dependencies import NothingYet
from headwater.airflow.links import ui_path
from headwater.dbt_project.dry_run import KINDS, MEANING
from headwater.docs.guides import guide_of
from headwater.metadata.environment import overlay
from headwater.metadata.errors import HeadwaterError
from headwater.metadata.redaction import redact
from headwater.metadata.visible import quoted
from headwater.pipeline.decide import NotDecidable, SourceBusy
from headwater.project import find_project
from headwater.queries.delivery_list import STATUSES
from headwater.queries.key_history import named_key

log = logging.getLogger(__name__)
QUERY_CANCELED = "57014"


class Pages:
    """The templates, which escape everything."""

    def __init__(self, folder: Path) -> None:
        self._templates = Environment(
            loader=FileSystemLoader(folder), autoescape=True, undefined=StrictUndefined,
            trim_blocks=True, lstrip_blocks=True,
        )  # fmt: skip
        self._templates.filters |= {
            "number": formatting.number, "size": formatting.size, "ago": formatting.ago, "time": formatting.time_of,
            "cell": formatting.cell, "sample_table": formatting.sample_table, "day": formatting.moment,
            "quoted": quoted, "named_key": named_key, "iso": datetime.fromisoformat, "shell": shlex.quote,
            "ago_time": formatting.ago_time,
            "items_by_layer": lambda layers: {layer["layer"]: layer for layer in layers},
        }  # fmt: skip
        self._templates.globals |= {
            "STATUSES": STATUSES, "KINDS": formatting.STATUS_KINDS, "DECISION_WORDS": formatting.DECISION_WORDS,
            "dag_link": runs.dag_link, "run_link": runs.run_link, "query": _query, "key_query": formatting.key_query,
            "guide_of": guide_of, "meaning": MEANING, "found_kinds": KINDS,
        }  # fmt: skip

    def show(
        self, request: Request, template: str, visitor: Visitor | None, *, status: int = 200, **more: Any
    ) -> HTMLResponse:
        """Return a page. `base` is the mount point of the app, `ui` that of Airflow."""
        base = request.scope.get("root_path", "")
        text = self._templates.get_template(template).render(
            base=base,
            ui=ui_path(),
            project=_project_among_several(),
            who=visitor.name if visitor else None,
            **more,
        )
        return HTMLResponse(text, status)


def explain_errors(app: FastAPI) -> None:
    """Turn every error into a page, without details of the code."""

    def message(request: Request, status: int, title: str, message: str, **more: Any) -> HTMLResponse:
        page = pages.show(
            request, "message.html", None, status=status, title=title, message=redact(message),
            **{"back": f"{request.scope.get('root_path', '')}/", **more},
        )  # fmt: skip
        csrf.protect(page)
        return page

    @app.exception_handler(AnyHTTPException)
    def refused(request: Request, error: HTTPException) -> HTMLResponse:
        if error.status_code == 401:
            login = get_auth_manager().get_url_login(next_url=str(request.url))
            text = "Log in to Airflow to see deliveries."
            return message(request, 401, "You are not logged in", text, login=login)
        titles = {403: "This is not allowed", 404: "Not found"}
        return message(
            request, error.status_code, titles.get(error.status_code, "This does not work"), str(error.detail)
        )

    @app.exception_handler(RequestValidationError)
    def misunderstood(request: Request, _error: RequestValidationError) -> HTMLResponse:
        return message(
            request, 400, "This does not work", "The address or the form is not one of this page's."
        )

    @app.exception_handler(NothingYet)
    def nothing_yet(request: Request, _error: NothingYet) -> HTMLResponse:
        text = "No run has been made on this database. As soon as a DAG has run, its deliveries are here."
        return message(request, 200, "No deliveries yet", text, back=None)

    @app.exception_handler(HeadwaterError)
    def explained(request: Request, error: HeadwaterError) -> HTMLResponse:
        status = 409 if isinstance(error, NotDecidable | SourceBusy) else 503
        text = str(error)
        return message(
            request,
            status,
            "This cannot be done now",
            text[:1].upper() + text[1:],
            back=_before_form(request),
        )

    @app.exception_handler(sa.exc.OperationalError)
    def unreachable(request: Request, error: sa.exc.OperationalError) -> HTMLResponse:
        log.warning("the database did not answer", exc_info=error)
        if getattr(error.orig, "pgcode", None) == QUERY_CANCELED:
            return message(
                request, 503, "This took too long", "Choose a source or fewer dates, and try again."
            )
        text = "The database that holds the deliveries cannot be reached. The log of the api-server says why."
        return message(request, 503, "No database", text)

    @app.exception_handler(Exception)
    def unforeseen(request: Request, _error: Exception) -> HTMLResponse:
        return message(request, 500, "Something went wrong", "The log of the api-server says what.")


def _project_among_several() -> str | None:
    """Return the name of the request's project where several share Airflow."""
    return find_project().name if overlay() else None


def _before_form(request: Request) -> str:
    """Return the address of the page that contained the form."""
    return request.url.path.rpartition("/")[0] if request.method == "POST" else request.url.path


def _query(**asked: object) -> str:
    """Return a query string of the parameters that are not empty."""
    return urlencode({name: value for name, value in asked.items() if value not in (None, "")})


pages = Pages(Path(__file__).with_name("templates"))
