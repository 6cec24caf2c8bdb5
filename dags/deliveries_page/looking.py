"""What can be looked at. It asks Postgres, which blocks, so every request is served in a thread of its own."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Query, Request
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse, StreamingResponse

from dags.deliveries_page import forgery, runs
from dags.deliveries_page.access import Visitor, VisitorDep
from dags.deliveries_page.answers import pages
from dags.deliveries_page.backend import ReadingDep, Seen, backend
from dags.deliveries_page.picture import growth_picture, strip
from extract.store import PART_SIZE, ObjectReader, ObjectStore
from headwater.checks.data_docs import FOLDER, page_path
from headwater.decide import EVENTS, NotDecidable, require_fit, standing
from headwater.dossier import dossier
from headwater.listing import (
    STATUSES,
    Filters,
    counts_by_source,
    growth,
    newest_deliveries,
    page_of_deliveries,
)

SOURCES_A_PAGE = 25
DELIVERIES_A_PAGE = 50
OF_EACH_SOURCE = 30  # drawn as a strip
POINTS = 240  # of the picture of growth
WAITING_SHOWN = 5
DARK_STYLE = "@media (prefers-color-scheme: dark)"  # of the pages that Headwater writes
NO_SOURCE = "There is no such source, or you may not see it."
_DOCUMENT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*\.html")

router = APIRouter()


@router.get("/")
def overview(
    request: Request, visitor: VisitorDep, reads: ReadingDep, q: str = "", after: str = ""
) -> HTMLResponse:
    """Sources and their latest deliveries, and the halts that wait for a decision."""
    visible = backend.visible(visitor)
    names = [name for name in visible if q.strip().lower() in name.lower()]
    left = [name for name in names if name > after]
    shown = left[:SOURCES_A_PAGE]
    newest = newest_deliveries(reads, shown, OF_EACH_SOURCE)
    waiting = page_of_deliveries(reads, Filters(tuple(visible), status="halted"), None, WAITING_SHOWN)
    return pages.show(
        request, "overview.html", visitor,
        sources=[visible[name] for name in shown], newest=newest, counts=counts_by_source(reads, shown),
        strips={name: strip(newest[name]) for name in shown}, of_each=OF_EACH_SOURCE, waiting=waiting, q=q,
        is_first=not after, known=len(visible), found=len(names), names=list(visible),
        is_long=len(visible) > SOURCES_A_PAGE, next_after=shown[-1] if len(left) > len(shown) else None,
    )  # fmt: skip


@router.get("/list")
def listing(
    request: Request, visitor: VisitorDep, reads: ReadingDep,
    source: str = "", job: str = "", status: str = "", since: str = "", until: str = "", text: str = "",
    after: Annotated[int | None, Query(ge=0, lt=2**63)] = None,
) -> HTMLResponse:  # fmt: skip
    """Deliveries, filtered, a page at a time; of one source with its history's growth."""
    visible = backend.visible(visitor)
    wanted = [one for one in visible.values() if source in ("", one.name) and job in ("", one.job)]
    if source and not wanted:
        raise HTTPException(404, NO_SOURCE)
    filters = Filters(
        sources=tuple(one.name for one in wanted), status=status if status in STATUSES else None,
        since=_day(since), until=_day(until, is_last=True), text=text.replace("\0", "").strip() or None,
    )  # fmt: skip
    only = wanted[0] if len(wanted) == 1 else None
    asked = {"source": source, "job": job, "status": status, "since": since, "until": until, "text": text}
    return pages.show(
        request, "list.html", visitor,
        page=page_of_deliveries(reads, filters, after, DELIVERIES_A_PAGE), only=only, asked=asked,
        picture=growth_picture(growth(reads, only.name, POINTS)) if only else "", is_first=after is None,
        is_filtered=any(value for name, value in asked.items() if name not in ("source", "job")),
        names=list(visible),
    )  # fmt: skip


@router.get("/delivery/{sqn}")
def delivery(request: Request, visitor: VisitorDep, reads: ReadingDep, sqn: int) -> HTMLResponse:
    """All that is on record of one delivery."""
    seen = backend.seen(reads, visitor, sqn)
    found, job = dossier(reads, sqn), seen.source.job
    may_decide = visitor.may_decide(job)
    return pages.show(
        request, "delivery.html", visitor,
        source=seen.source, found=found, facts=found.facts, may_decide=may_decide,
        token=forgery.token_for(visitor.user.get_id()) if may_decide else "",
        possible=_possible(sqn) if may_decide else [],
        known_runs=runs.known_runs(job, [run["run_id"] for run in found.runs]),
        document=_document_of(found.facts), dbt_docs=backend.dbt_docs_link(), **_progress(job, found.facts),
    )  # fmt: skip


@router.get("/delivery/{sqn}/state")
def state(visitor: VisitorDep, reads: ReadingDep, sqn: int) -> JSONResponse:
    """What the page of a delivery that waits for history asks again and again."""
    seen = backend.seen(reads, visitor, sqn)
    return JSONResponse({"state": _progress(seen.source.job, seen.facts)["state"]})


@router.get("/delivery/{sqn}/object")
def landed_object(visitor: VisitorDep, reads: ReadingDep, sqn: int) -> StreamingResponse:
    """The file as it was landed, for those who may decide about it."""
    seen = backend.seen(reads, visitor, sqn)
    require_may_decide(visitor, seen)
    reads.rollback()  # nothing is asked of Postgres while a large file is sent
    store = ObjectStore.from_environment()
    stream = store.open(store.key(seen.facts["delivery_filename"]))
    name = re.sub(r"[^A-Za-z0-9._-]+", "_", seen.facts["publisher_name"]).strip("._") or "delivery"
    return StreamingResponse(
        _chunks(stream),
        media_type="application/octet-stream",
        headers={
            "Content-Disposition": f'attachment; filename="{name}"',
            "Content-Length": str(stream.size),
            "Content-Encoding": "identity",  # else it is packed on the way, and of another length
            "Content-Security-Policy": "default-src 'none'; sandbox",
        },
    )


@router.get("/docs/index.html")
@router.get(f"/{FOLDER}/index.html")
def index_of_documents(request: Request) -> RedirectResponse:
    """Where documents lead back to: what they have as an index is this page here."""
    return RedirectResponse(f"{request.scope['root_path']}/", 303)


@router.get(f"/{FOLDER}/{{source}}/{{name}}")
def document(visitor: VisitorDep, source: str, name: str, theme: str = "") -> HTMLResponse:
    """A page of the Data Docs of a source, in the colours that Airflow has."""
    if source not in backend.visible(visitor):
        raise HTTPException(404, NO_SOURCE)
    path = backend.project.home / FOLDER / source / name
    if not _DOCUMENT.fullmatch(name) or not path.is_file():
        raise HTTPException(404, "There is no such page in the working folder of this machine.")
    applies = {"dark": "@media all", "light": "@media not all"}.get(theme, DARK_STYLE)
    return HTMLResponse(
        path.read_text(encoding="utf-8").replace(DARK_STYLE, applies, 1),
        headers={"Content-Security-Policy": forgery.POLICY_OF_DOCUMENTS},
    )


def require_may_decide(visitor: Visitor, seen: Seen) -> None:
    """Raise 403 for one who may look at a delivery, and not act."""
    if not visitor.may_decide(seen.source.job):
        said = (
            f"Your role in Airflow lets you look, but not act: that takes the right to run {seen.source.job}."
        )
        raise HTTPException(403, said)


def _possible(sqn: int) -> list[str]:
    """The decisions that fit how the delivery stands."""
    stands, fitting = standing(backend.engine, sqn), []
    for decision in EVENTS:
        try:
            require_fit(decision, stands, ())
        except NotDecidable:
            continue
        fitting.append(decision)
    return fitting


def _progress(job: str, facts: dict[str, Any]) -> dict[str, Any]:
    """Whether history has still to follow, the runs by which it may, and all that as one text to compare."""
    waits = bool(facts["differs_from_history"]) or facts["status"] == "pending"
    unfinished = runs.unfinished_runs(job) if waits else []
    going = ",".join(f"{run.run_id}:{run.state}" for run in unfinished)
    return {
        "waits": waits,
        "unfinished": unfinished,
        "is_paused": runs.is_paused(job),
        "state": f"{facts['status']} {waits} {going}",
    }


def _document_of(facts: dict[str, Any]) -> str | None:
    """The name of its page of the Data Docs, where this machine has it."""
    path = page_path(
        backend.project.home, *(facts[name] for name in ("source", "delivery_sqn", "publisher_name", "delivery_date"))
    )  # fmt: skip
    return path.name if path.is_file() else None


def _day(said: str, *, is_last: bool = False) -> datetime | None:
    """The beginning of a day in UTC, or its end; None for what is no day."""
    try:
        day = datetime.strptime(said.strip(), "%Y-%m-%d").replace(tzinfo=UTC)
        return day + timedelta(days=1) if is_last else day
    except (ValueError, OverflowError):
        return None


def _chunks(stream: ObjectReader) -> Iterator[bytes]:
    with stream:
        while chunk := stream.read(PART_SIZE):
            yield chunk
