"""Read-only pages. Their queries to Postgres block, so every request runs in a thread."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Query, Request
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse, StreamingResponse
from sqlalchemy import Connection

from headwater.airflow.deliveries_page import csrf, runs
from headwater.airflow.deliveries_page.access import Visitor, VisitorDep
from headwater.airflow.deliveries_page.charts import growth_picture, strip
from headwater.airflow.deliveries_page.decisions import job_of_phase
from headwater.airflow.deliveries_page.dependencies import ReadingDep, Seen, backend
from headwater.airflow.deliveries_page.responses import pages
from headwater.airflow.deliveries_page.sources import KnownSource, deciders_of
from headwater.airflow.deliveries_page.timeline import timeline
from headwater.airflow.links import DBT_DOCS
from headwater.checks.data_docs import FOLDER, page_path
from headwater.checks.decided import decided_since, with_note
from headwater.docs.guides import GUIDES, OWN_CHECK
from headwater.extract.landing.store import PART_SIZE, ObjectReader, ObjectStore
from headwater.metadata.errors import HeadwaterError
from headwater.pipeline.decide import EVENTS, NotDecidable, require_fit, state_of
from headwater.queries.delivery_detail import delivery_detail
from headwater.queries.delivery_list import (
    STATUSES,
    Filters,
    counts_by_source,
    growth,
    newest_deliveries,
    page_of_deliveries,
)
from headwater.queries.duplicates import duplicates
from headwater.queries.fallen_out import BY_FIRST, fallen_out
from headwater.queries.key_history import KeyNotReadable, key_history, shape_of
from headwater.queries.next_phase import next_phase
from headwater.queries.runs import last_runs_of_jobs
from headwater.shared_airflow import job_of

SOURCES_A_PAGE = 25
DELIVERIES_A_PAGE = 50
OF_EACH_SOURCE = 30  # drawn as a strip
POINTS = 240  # of the picture of growth
WAITING_SHOWN = 5
DARK_STYLE = "@media (prefers-color-scheme: dark)"  # of the pages that Headwater writes
NO_DBT_DOCS = (
    "There are no docs of dbt in the working folder of this machine yet. The DAG docs writes them once a day, and"
    " whenever it is run; so does `make docs` in a terminal."
)
NO_SOURCE = "There is no such source, or you may not see it."
_SQN = re.compile(r"_(\d{1,18})\.html$")
_DOCUMENT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*\.html")

router = APIRouter()


@router.get("/")
def overview(
    request: Request, visitor: VisitorDep, reads: ReadingDep, q: str = "", after: str = ""
) -> HTMLResponse:
    """Show the halts that wait for a decision, and sources with their latest deliveries and last runs."""
    visible = backend.visible(visitor)
    names = [name for name in visible if q.strip().lower() in name.lower()]
    left = [name for name in names if name > after]
    shown = left[:SOURCES_A_PAGE]
    newest = newest_deliveries(reads, shown, OF_EACH_SOURCE)
    latest = [deliveries[0] for deliveries in newest.values() if deliveries]
    sqns = [one["delivery_sqn"] for one in latest]
    waiting = page_of_deliveries(reads, Filters(tuple(visible), status="halted"), None, WAITING_SHOWN)
    jobs = sorted({job for name in shown for job in visible[name].jobs})
    return pages.show(
        request, "overview.html", visitor,
        sources=[visible[name] for name in shown], newest=newest, counts=counts_by_source(reads, shown),
        latest=latest, fallen=fallen_out(reads, sqns, first=BY_FIRST, with_stale=False),
        strips={name: strip(newest[name]) for name in shown}, of_each=OF_EACH_SOURCE, waiting=waiting, q=q,
        is_first=not after, known=len(visible), found=len(names), names=list(visible),
        ran=runs.last_of(jobs, last_runs_of_jobs(reads, jobs)),
        fell_out={name: sum(map(_fell_out, deliveries)) for name, deliveries in newest.items()},
        is_long=len(visible) > SOURCES_A_PAGE, next_after=shown[-1] if len(left) > len(shown) else None,
    )  # fmt: skip


@router.get("/list")
def listing(
    request: Request, visitor: VisitorDep, reads: ReadingDep,
    source: str = "", job: str = "", status: str = "", since: str = "", until: str = "", text: str = "",
    after: Annotated[int | None, Query(ge=0, lt=2**63)] = None,
) -> HTMLResponse:  # fmt: skip
    """Show deliveries, filtered, page by page; for one source with the growth of its history."""
    visible, job = backend.visible(visitor), job_of(job)  # a tab of Airflow names the DAG
    wanted = [one for one in visible.values() if source in ("", one.name) and (not job or job in one.jobs)]
    if source and not wanted:
        raise HTTPException(404, NO_SOURCE)
    filters = Filters(
        sources=tuple(one.name for one in wanted), status=status if status in STATUSES else None,
        since=_day(since), until=_day(until, is_last=True), text=text.replace("\0", "").strip() or None,
    )  # fmt: skip
    only = wanted[0] if len(wanted) == 1 else None
    page = page_of_deliveries(reads, filters, after, DELIVERIES_A_PAGE)
    listed = [one["delivery_sqn"] for one in page.deliveries]
    asked = {"source": source, "job": job, "status": status, "since": since, "until": until, "text": text}
    return pages.show(
        request, "list.html", visitor,
        page=page, only=only, asked=asked, wanted=wanted,
        fallen=fallen_out(reads, listed, first=BY_FIRST, with_stale=only is not None),
        picture=growth_picture(growth(reads, only.name, POINTS)) if only else "", is_first=after is None,
        is_filtered=any(value for name, value in asked.items() if name not in ("source", "job")),
        names=list(visible), ran=runs.last_of(only.jobs, last_runs_of_jobs(reads, only.jobs)) if only else {},
    )  # fmt: skip


@router.get("/source/{name}/key")
def key(request: Request, visitor: VisitorDep, reads: ReadingDep, name: str) -> HTMLResponse:
    """Show the history of one key, which the query string names column by column; without one, a form."""
    source = backend.visible(visitor).get(name)
    if source is None:
        raise HTTPException(404, NO_SOURCE)
    try:
        shape = shape_of(reads, name)
    except HeadwaterError:
        raise HTTPException(404, f"{name} has no history yet: a run of its job makes it.") from None
    asked = {column.name: request.query_params.get(column.name, "") for column in shape.key}
    found, message = None, None
    if any(asked.values()):
        try:
            found = key_history(reads, shape, {column: value for column, value in asked.items() if value})
        except KeyNotReadable as error:
            message = str(error)
    return pages.show(
        request, "key.html", visitor, source=source, shape=shape, asked=asked, found=found, message=message,
        picture=timeline(found) if found else "",
    )  # fmt: skip


@router.get("/how-to/halts")
def how_to(request: Request, visitor: VisitorDep) -> HTMLResponse:
    """Show what to do about a halted delivery, check by check."""
    return pages.show(request, "halts.html", visitor, guides=[*GUIDES.values(), OWN_CHECK])


@router.get("/delivery/{sqn}")
def delivery(request: Request, visitor: VisitorDep, reads: ReadingDep, sqn: int) -> HTMLResponse:
    """Show the record of one delivery."""
    seen = backend.seen(reads, visitor, sqn)
    found = delivery_detail(reads, sqn)
    may_decide = visitor.may_decide(seen.source)
    return pages.show(
        request, "delivery.html", visitor,
        source=seen.source, found=found, facts=found.facts, may_decide=may_decide,
        deciders=deciders_of(backend.project.seeds, seen.source.history_job or ""),
        token=csrf.token_for(visitor.user.get_id()) if may_decide else "",
        possible=_possible(sqn) if may_decide else [], duplicates=duplicates(reads, seen.source.name, sqn),
        known_runs=runs.known_runs({(run["job"], run["run_id"]) for run in found.runs}),
        document=_document_of(found.facts), dbt_docs=backend.dbt_docs_link(visitor),
        has_dbt_docs=backend.dbt_docs.is_file(), **_progress(reads, seen.source, found.facts),
    )  # fmt: skip


@router.get("/delivery/{sqn}/state")
def state(visitor: VisitorDep, reads: ReadingDep, sqn: int) -> JSONResponse:
    """Return the state that the page polls while a delivery waits for history."""
    seen = backend.seen(reads, visitor, sqn)
    return JSONResponse({"state": _progress(reads, seen.source, seen.facts)["state"]})


@router.get("/delivery/{sqn}/object")
def landed_object(visitor: VisitorDep, reads: ReadingDep, sqn: int) -> StreamingResponse:
    """Return the landed file, for users who may decide about it."""
    seen = backend.seen(reads, visitor, sqn)
    require_may_decide(visitor, seen)
    reads.rollback()  # no connection to Postgres stays open while a large file is sent
    store = ObjectStore.from_environment()
    stream = store.open(store.key(seen.facts["delivery_filename"]))
    name = re.sub(r"[^A-Za-z0-9._-]+", "_", seen.facts["publisher_name"]).strip("._") or "delivery"
    return StreamingResponse(
        _chunks(stream),
        media_type="application/octet-stream",
        headers={
            "Content-Disposition": f'attachment; filename="{name}"',
            "Content-Length": str(stream.size),
            "Content-Encoding": "identity",  # else it would be compressed on the way, with another length
            "Content-Security-Policy": "default-src 'none'; sandbox",
        },
    )


@router.get(DBT_DOCS)
def dbt_docs(visitor: VisitorDep) -> HTMLResponse:
    """Show the dbt docs, for users who may see every source, in a sandbox without Airflow's origin."""
    if not backend.sees_all(visitor):
        raise HTTPException(403, "The docs of dbt describe every source, and you may not see them all.")
    if not backend.dbt_docs.is_file():
        raise HTTPException(404, NO_DBT_DOCS)
    return HTMLResponse(
        backend.dbt_docs.read_text(encoding="utf-8"),
        headers={"Content-Security-Policy": csrf.POLICY_OF_DBT_DOCS},
    )


@router.get("/docs/index.html")
@router.get(f"/{FOLDER}/index.html")
def index_of_documents(request: Request) -> RedirectResponse:
    """Redirect the index of the documents to this page."""
    return RedirectResponse(f"{request.scope['root_path']}/", 303)


@router.get(f"/{FOLDER}/{{source}}/{{name}}")
def document(visitor: VisitorDep, reads: ReadingDep, source: str, name: str, theme: str = "") -> HTMLResponse:
    """Show a page of the Data Docs of a source, in Airflow's colours, with later decisions."""
    if source not in backend.visible(visitor):
        raise HTTPException(404, NO_SOURCE)
    path = backend.project.home / FOLDER / source / name
    if not _DOCUMENT.fullmatch(name) or not path.is_file():
        raise HTTPException(404, "There is no such page in the working folder of this machine.")
    text = path.read_text(encoding="utf-8")
    if sqn := _SQN.search(name):
        number = int(sqn[1])
        text = with_note(text, decided_since(reads, source, number).get(number, ()))
    applies = {"dark": "@media all", "light": "@media not all"}.get(theme, DARK_STYLE)
    return HTMLResponse(
        text.replace(DARK_STYLE, applies, 1),
        headers={"Content-Security-Policy": csrf.POLICY_OF_DOCUMENTS},
    )


def not_yours(job: str) -> str:
    """Return why a user who may see a delivery may not decide about it."""
    named = deciders_of(backend.project.seeds, job)
    only = f" and to be one of those whom {job} names in may_decide: {', '.join(named)}" if named else ""
    return f"Your role in Airflow lets you look, but not act: that takes the right to run {job}{only}."


def require_may_decide(visitor: Visitor, seen: Seen) -> None:
    """Raise 403 for a user who may see a delivery but not decide about it."""
    if visitor.may_decide(seen.source):
        return
    job = seen.source.history_job
    if job is None:
        message = (
            f"No job makes the history of {seen.source.name}, so nothing can be decided about its deliveries."
        )
    else:
        message = not_yours(job)
    raise HTTPException(403, message)


def _fell_out(delivery: dict[str, Any]) -> int:
    staging = (delivery["layers"] or {}).get("staging") or {}
    return staging.get("fallen_out_count") or 0


def _possible(sqn: int) -> list[str]:
    """Return the decisions that the status of the delivery allows."""
    state, fitting = state_of(backend.engine, sqn), []
    for decision in EVENTS:
        try:
            require_fit(decision, state, ())
        except NotDecidable:
            continue
        fitting.append(decision)
    return fitting


def _progress(reads: Connection, source: KnownSource, facts: dict[str, Any]) -> dict[str, Any]:
    """Return whether history is outdated, the job and runs that will update it, and all of it as a text to compare."""
    waits = bool(facts["differs_from_history"]) or facts["status"] == "pending"
    unfinished = runs.unfinished_runs(source.jobs) if waits else []
    going = ",".join(f"{run.run_id}:{run.state}" for run in unfinished)
    job = job_of_phase(source, next_phase(reads, facts["delivery_sqn"])) if waits else source.history_job
    return {
        "waits": waits,
        "unfinished": unfinished,
        "next_job": job,
        "is_paused": runs.is_paused(job) if job else None,
        "state": f"{facts['status']} {waits} {going} {job if waits else ''}",
    }


def _document_of(facts: dict[str, Any]) -> str | None:
    """Return the name of its page in the Data Docs, if this machine has it."""
    path = page_path(
        backend.project.home, *(facts[name] for name in ("source", "delivery_sqn", "publisher_name", "delivery_date"))
    )  # fmt: skip
    return path.name if path.is_file() else None


def _day(message: str, *, is_last: bool = False) -> datetime | None:
    """Return the beginning of a day in UTC, or its end; None for an invalid day."""
    try:
        day = datetime.strptime(message.strip(), "%Y-%m-%d").replace(tzinfo=UTC)
        return day + timedelta(days=1) if is_last else day
    except (ValueError, OverflowError):
        return None


def _chunks(stream: ObjectReader) -> Iterator[bytes]:
    with stream:
        while chunk := stream.read(PART_SIZE):
            yield chunk
