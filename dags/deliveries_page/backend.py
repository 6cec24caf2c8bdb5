"""What the page works on: the project, its database, and the part of both that a visitor may see."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Any

import sqlalchemy as sa
from airflow.configuration import conf
from fastapi import Depends, HTTPException
from sqlalchemy import Connection, Engine

from dags.deliveries_page.access import Visitor
from dags.deliveries_page.plugin import ui_path
from dags.deliveries_page.sources import KnownSource, known_sources
from headwater.listing import STATE_OF
from headwater.project import Project, find_project
from metadata.connection import engine

PATIENCE_S = 20
HIDDEN = "There is no such delivery, or you may not see it."


class NothingYet(Exception):  # noqa: N818
    """No run has made the tables yet."""


@dataclass(frozen=True)
class Seen:
    """A delivery that the visitor may see."""

    source: KnownSource
    facts: dict[str, Any]


class Backend:
    """Made with the app; nothing is opened before the first request."""

    @cached_property
    def project(self) -> Project:
        return find_project()

    @cached_property
    def engine(self) -> Engine:
        return engine()

    def reading(self) -> Iterator[Connection]:
        """A connection for one request, which can write nothing and lets no statement run for long."""
        with self.engine.connect() as connection:
            connection.execute(sa.text("set transaction read only"))
            connection.execute(sa.text(f"set local statement_timeout = '{PATIENCE_S}s'"))
            if connection.execute(sa.text("select to_regclass('metadata.delivery_state')")).scalar() is None:
                raise NothingYet
            yield connection

    def visible(self, visitor: Visitor) -> dict[str, KnownSource]:
        """The sources whose jobs the visitor may read, in order of names."""
        known: Mapping[str, KnownSource] = known_sources(self.project.seeds)
        readable = visitor.readable({one.job for one in known.values()})
        return {name: one for name, one in known.items() if one.job in readable}

    def seen(self, connection: Connection, visitor: Visitor, delivery_sqn: int) -> Seen:
        """A delivery; what does not exist and what may not be seen are the same 404."""
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
        if facts is None or source is None or not visitor.readable([source.job]):
            raise HTTPException(404, HIDDEN)
        return Seen(source, dict(facts))

    def dbt_docs_link(self) -> str | None:
        """Where Cosmos shows the docs of dbt; None where it was not told of any."""
        try:
            projects = json.loads(conf.get("cosmos", "dbt_docs_projects", fallback="") or "{}")
        except ValueError:
            return None
        return next((f"{ui_path()}/cosmos/{slug}/dbt_docs_index.html" for slug in projects), None)


backend = Backend()


def reading() -> Iterator[Connection]:
    """A connection for one request, which can only read."""
    yield from backend.reading()


ReadingDep = Annotated[Connection, Depends(reading)]
