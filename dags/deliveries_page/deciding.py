"""What can be done: see what a decision would do, take it, start the job. Each is a form of our own pages."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, HTTPException, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from sqlalchemy import Connection

from dags import metrics
from dags.deliveries_page import decisions, forgery, runs
from dags.deliveries_page.access import Visitor, VisitorDep
from dags.deliveries_page.answers import pages
from dags.deliveries_page.backend import ReadingDep, Seen, backend
from dags.deliveries_page.looking import require_may_decide
from headwater.decide import EVENTS, require_fit, require_reason, standing

Token = Annotated[str, Form()]

router = APIRouter()


@router.get("/delivery/{sqn}/consider")
@router.get("/delivery/{sqn}/decide")
@router.get("/delivery/{sqn}/start")
def loaded_again(request: Request, sqn: int) -> RedirectResponse:
    """Where a page that a form led to is loaded again."""
    return RedirectResponse(_address(request, sqn), 303)


@router.post("/delivery/{sqn}/consider")
def consider(
    request: Request, visitor: VisitorDep, reads: ReadingDep, sqn: int,
    decision: Annotated[str, Form()], token: Token, why: Annotated[str, Form()] = "",
) -> HTMLResponse:  # fmt: skip
    """What a decision would do, before it is taken."""
    seen = _to_be_decided(request, visitor, reads, sqn, token)
    checks = require_fit(_known(decision), standing(backend.engine, sqn), ())
    why = require_reason(why)
    return pages.show(
        request, "consider.html", visitor,
        source=seen.source, facts=seen.facts, decision=decision, why=why, checks=checks, token=token,
        dry_run=decisions.rehearse(backend.project, decision, sqn), is_paused=runs.is_paused(seen.source.job),
    )  # fmt: skip


@router.post("/delivery/{sqn}/decide")
def decide(
    request: Request, visitor: VisitorDep, reads: ReadingDep, sqn: int,
    decision: Annotated[str, Form()], token: Token, why: Annotated[str, Form()] = "",
    check: Annotated[list[str] | None, Form()] = None,
) -> Response:  # fmt: skip
    """Put a decision on record and start the job; history follows when it has run."""
    seen = _to_be_decided(request, visitor, reads, sqn, token)
    started = decisions.record(
        backend.engine, _known(decision), sqn, why, visitor.name, seen.source.job, check or ()
    )
    metrics.count_decision(seen.source.name, EVENTS[decision])
    return _after(request, visitor, seen, started, f"Delivery {sqn} is {EVENTS[decision]}, on record")


@router.post("/delivery/{sqn}/start")
def start(request: Request, visitor: VisitorDep, reads: ReadingDep, sqn: int, token: Token) -> Response:
    """Start the job of a delivery whose history waits for a run."""
    seen = _to_be_decided(request, visitor, reads, sqn, token)
    note = f"Started by {visitor.name} for delivery {sqn}"
    return _after(
        request, visitor, seen, decisions.start_job(seen.source.job, visitor.name, note), "No run was started"
    )


def _to_be_decided(request: Request, visitor: Visitor, reads: Connection, sqn: int, token: str) -> Seen:
    """The delivery that a form of our own is about, for one who may decide about it; else 403 or 404."""
    forgery.require_own_form(request, visitor.user.get_id(), token)
    seen = backend.seen(reads, visitor, sqn)
    require_may_decide(visitor, seen)
    reads.rollback()  # what follows takes its time, and its own connections
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
    said = f"{started.why_not}. History follows with the next run of the job {seen.source.job}."
    return pages.show(request, "message.html", visitor, title=title, said=said, back=back)


def _address(request: Request, sqn: int) -> str:
    return f"{request.scope['root_path']}/delivery/{sqn}"
