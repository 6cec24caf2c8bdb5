"""Actions of the page: dry-run a decision, record it, start the job. Each is a form of our own pages."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, HTTPException, Request
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from sqlalchemy import Connection

from headwater.airflow import metrics
from headwater.airflow.deliveries_page import csrf, decisions, runs
from headwater.airflow.deliveries_page.access import Visitor, VisitorDep
from headwater.airflow.deliveries_page.dependencies import ReadingDep, Seen, backend
from headwater.airflow.deliveries_page.dry_runs import DryRun, DryRuns, start_command
from headwater.airflow.deliveries_page.responses import pages
from headwater.airflow.deliveries_page.views import require_may_decide
from headwater.pipeline.decide import EVENTS, require_fit, require_reason, state_of

Token = Annotated[str, Form()]

router = APIRouter()
dry_runs = DryRuns(lambda decision, sqn: start_command(backend.project, decision, sqn))


@router.get("/delivery/{sqn}/consider")
@router.get("/delivery/{sqn}/decide")
@router.get("/delivery/{sqn}/start")
def loaded_again(request: Request, sqn: int) -> RedirectResponse:
    """Redirect a reload of a page that is the result of a form."""
    return RedirectResponse(_address(request, sqn), 303)


@router.post("/delivery/{sqn}/consider")
def consider(
    request: Request, visitor: VisitorDep, reads: ReadingDep, sqn: int,
    decision: Annotated[str, Form()], token: Token, why: Annotated[str, Form()] = "",
) -> RedirectResponse:  # fmt: skip
    """Start a dry run of a decision."""
    _to_be_decided(request, visitor, reads, sqn, token)
    require_fit(_known(decision), state_of(backend.engine, sqn), ())
    begun = dry_runs.begin(decision, sqn, visitor.user.get_id(), require_reason(why))
    return RedirectResponse(f"{_address(request, sqn)}/consider/{begun.number}", 303)


@router.get("/delivery/{sqn}/consider/{number}")
def considered(
    request: Request, visitor: VisitorDep, reads: ReadingDep, sqn: int, number: str
) -> HTMLResponse:
    """Return the effect of a decision, as far as it is known, and the form to confirm it."""
    seen = backend.seen(reads, visitor, sqn)
    require_may_decide(visitor, seen)
    dry_run = _found(visitor, sqn, number)
    checks = require_fit(dry_run.decision, state_of(backend.engine, sqn), ())
    job = decisions.job_after(seen.source, dry_run.decision, checks)
    return pages.show(
        request, "consider.html", visitor,
        source=seen.source, facts=seen.facts, decision=dry_run.decision, why=dry_run.why, checks=checks,
        token=csrf.token_for(visitor.user.get_id()), dry_run=dry_run, job=job,
        is_paused=runs.is_paused(job) if job else None,
    )  # fmt: skip


@router.get("/delivery/{sqn}/consider/{number}/state")
def progress(visitor: VisitorDep, reads: ReadingDep, sqn: int, number: str) -> JSONResponse:
    """Return the state that a page polls while it waits for a dry run."""
    require_may_decide(visitor, backend.seen(reads, visitor, sqn))
    dry_run = _found(visitor, sqn, number)
    return JSONResponse(
        {
            "state": "done" if dry_run.is_done else "going on",
            "progress": dry_run.progress,
            "seconds": dry_run.seconds,
        }
    )


@router.post("/delivery/{sqn}/decide")
def decide(
    request: Request, visitor: VisitorDep, reads: ReadingDep, sqn: int,
    decision: Annotated[str, Form()], token: Token, why: Annotated[str, Form()] = "",
    check: Annotated[list[str] | None, Form()] = None,
) -> Response:  # fmt: skip
    """Record a decision and start the job that updates history."""
    seen = _to_be_decided(request, visitor, reads, sqn, token)
    started = decisions.record(backend.engine, _known(decision), sqn, why, visitor, seen.source, check or ())
    metrics.count_decision(seen.source.name, EVENTS[decision])
    return _after(request, visitor, seen, started, f"Delivery {sqn} is {EVENTS[decision]}, on record")


@router.post("/delivery/{sqn}/start")
def start(request: Request, visitor: VisitorDep, reads: ReadingDep, sqn: int, token: Token) -> Response:
    """Start the job that a delivery waits for."""
    seen = _to_be_decided(request, visitor, reads, sqn, token)
    note = f"Started by {visitor.name} for delivery {sqn}"
    started = decisions.start_next_job(backend.engine, seen.source, sqn, visitor, note)
    return _after(request, visitor, seen, started, "No run was started")


def _found(visitor: Visitor, sqn: int, number: str) -> DryRun:
    found = dry_runs.find(number, sqn, visitor.user.get_id())
    if found is None:
        raise HTTPException(
            404,
            "This dry run is not here any more: results are kept for some minutes, by the server that found them."
            f" Open delivery {sqn} and ask again.",
        )
    return found


def _to_be_decided(request: Request, visitor: Visitor, reads: Connection, sqn: int, token: str) -> Seen:
    """Return the delivery of a valid form, if the visitor may decide about it; else raise 403 or 404."""
    csrf.require_own_form(request, visitor.user.get_id(), token)
    seen = backend.seen(reads, visitor, sqn)
    require_may_decide(visitor, seen)
    reads.rollback()  # the following takes longer and opens its own connections
    return seen


def _known(decision: str) -> str:
    if decision not in EVENTS:
        raise HTTPException(400, f"Expected one of {', '.join(EVENTS)}.")
    return decision


def _after(
    request: Request, visitor: Visitor, seen: Seen, started: decisions.Started, title: str
) -> Response:
    back = _address(request, seen.facts["delivery_sqn"])
    if started.run_id is not None:
        return RedirectResponse(back, 303)
    job = seen.source.history_job
    follows = f" History follows with the next run of the job {job}." if job else ""
    message = f"{started.why_not}.{follows}"
    return pages.show(request, "message.html", visitor, title=title, message=message, back=back)


def _address(request: Request, sqn: int) -> str:
    return f"{request.scope['root_path']}/delivery/{sqn}"
