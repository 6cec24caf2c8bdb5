"""Dependencies of the page's routes: the project, its database, and what a visitor may see of both."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import sqlalchemy as sa
from fastapi import Depends, HTTPException
from sqlalchemy import Connection, Engine

from headwater.airflow.deliveries_page.access import Visitor
from headwater.airflow.deliveries_page.sources import KnownSource, known_sources
from headwater.airflow.links import DBT_DOCS, deliveries, ui_path
from headwater.metadata.connection import engine
from headwater.metadata.environment import overlay
from headwater.metadata.sql_text import sql_literal
from headwater.project import VARIABLE, Project, find_project
from headwater.queries.delivery_list import STATE_OF

PATIENCE_S = 20
HIDDEN = "There is no such delivery, or you may not see it."


class NothingYet(Exception):  # noqa: N818
    """No run has created the tables yet."""


@dataclass(frozen=True)
class Seen:
    """A delivery that the visitor may see."""

    source: KnownSource
    facts: dict[str, Any]


class Backend:
    """The shared state of the apps, project by project; it opens nothing before the first request."""

    def __init__(self) -> None:
        self._engines: dict[str, Engine] = {}

    @property
    def project(self) -> Project:
        """Return the project of the request."""
        return find_project()

    @property
    def engine(self) -> Engine:
        """Return an engine on the database of the request's project."""
        at_work = overlay().get(VARIABLE, "")
        if at_work not in self._engines:
            self._engines[at_work] = engine()
        return self._engines[at_work]

    def reading(self) -> Iterator[Connection]:
        """Return a connection for one request, read-only and with a statement timeout."""
        with self.engine.connect() as connection:
            connection.execute(sa.text("set transaction read only"))
            connection.execute(sa.text(f"set local statement_timeout = {sql_literal(f'{PATIENCE_S}s')}"))
            if connection.execute(sa.text("select to_regclass('metadata.delivery_state')")).scalar() is None:
                raise NothingYet
            yield connection

    def visible(self, visitor: Visitor) -> dict[str, KnownSource]:
        """Return the sources for which the visitor may read a job that runs their steps, sorted by name."""
        known: Mapping[str, KnownSource] = known_sources(self.project.seeds)
        readable = visitor.readable({job for one in known.values() for job in one.jobs})
        return {name: one for name, one in known.items() if not readable.isdisjoint(one.jobs)}

    def seen(self, connection: Connection, visitor: Visitor, delivery_sqn: int) -> Seen:
        """Return a delivery; raises the same 404 for a missing and for a forbidden one."""
        if not 0 < delivery_sqn < 2**63:
            raise HTTPException(404, HIDDEN)
        facts = connection.execute(
            sa.text(
                f"select state.* from metadata.delivery {STATE_OF.format(of='delivery')}"
                " where delivery.delivery_sqn = :sqn and state.delivery_sqn = :sqn"
            ),
            {"sqn": delivery_sqn},
        ).mappings().first()  # fmt: skip
        known = known_sources(self.project.seeds)
        source = known.get(facts["source"]) if facts is not None else None
        if facts is None or source is None or not visitor.readable(source.jobs):
            raise HTTPException(404, HIDDEN)
        return Seen(source, dict(facts))

    def sees_all(self, visitor: Visitor) -> bool:
        """Return whether the visitor may read the job of every source, because the dbt docs describe all of them."""
        return len(self.visible(visitor)) == len(known_sources(self.project.seeds))

    @property
    def dbt_docs(self) -> Path:
        """Return the page that `headwater docs` writes."""
        return self.project.home / "docs" / "dbt.html"

    def dbt_docs_link(self, visitor: Visitor) -> str | None:
        """Return the address of the dbt docs; None if the visitor may not see them."""
        return f"{ui_path()}{deliveries()}{DBT_DOCS}" if self.sees_all(visitor) else None


backend = Backend()


def reading() -> Iterator[Connection]:
    """A connection for one request, which can only read."""
    yield from backend.reading()


ReadingDep = Annotated[Connection, Depends(reading)]
