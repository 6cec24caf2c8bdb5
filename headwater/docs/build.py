"""Building the pages: dbt's documentation as one file, and an index of it, the Data Docs and the sources."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import sqlalchemy as sa
from markupsafe import Markup
from sqlalchemy.engine import Connection, Engine

from headwater.docs.page import mark, page, table, write
from metadata.connection import engine
from metadata.errors import HeadwaterError
from metadata.static.model import Catalog
from metadata.static.read import read_catalog


@dataclass(frozen=True)
class Standing:
    """Where a source stands. `last_delivery_date` is the newest in history; the Nones come before any is."""

    deliveries: int
    halted: int
    last_delivery_date: datetime | None
    current_rows: int | None


def build_docs(project_root: Path, home: Path, say: Callable[[str], None]) -> Path:
    """Write `<home>/docs/index.html` and what it links to; return its path.

    Needs the database of the environment, with the models built: dbt reads column types from it. Raises
    `HeadwaterError` when dbt cannot write its docs.
    """
    folder = home / "docs"
    folder.mkdir(parents=True, exist_ok=True)
    say("writing the docs of dbt")
    generate_dbt_docs(project_root, folder / "dbt.html")
    catalog = read_catalog(project_root / "seeds")
    database = engine()
    try:
        standings = read_standings(database, catalog)
    finally:
        database.dispose()
    return write_index(home, catalog, standings)


def generate_dbt_docs(project_root: Path, page_path: Path) -> None:
    """Let dbt write its documentation as one page that needs no server, at `page_path`."""
    from dbt.cli.main import dbtRunner  # takes 1.6 s

    arguments = ["docs", "generate", "--static", "--quiet"]
    places = ["--project-dir", str(project_root), "--profiles-dir", str(project_root / "profiles")]
    outcome = dbtRunner().invoke([*arguments, *places])
    if not outcome.success:
        raise HeadwaterError(f"dbt could not write its docs: {outcome.exception or 'see its messages above'}")
    shutil.copyfile(project_root / "target" / "static_index.html", page_path)


def read_standings(database: Engine, catalog: Catalog) -> dict[str, Standing]:
    """Where each source of the catalog stands."""
    with database.connect() as connection:
        counts = {row.source: row for row in connection.execute(_COUNTS)}
        return {
            name: Standing(
                deliveries=counts[name].deliveries if name in counts else 0,
                halted=counts[name].halted if name in counts else 0,
                last_delivery_date=counts[name].last_delivery_date if name in counts else None,
                current_rows=_current_rows(connection, name),
            )
            for name in catalog.sources
        }


_COUNTS = sa.text("""
select
    source,
    count(*) as deliveries,
    count(*) filter (where status = 'halted') as halted,
    max(delivery_date) filter (where is_loaded) as last_delivery_date
from metadata.delivery_state
group by source
""")


def _current_rows(connection: Connection, source: str) -> int | None:
    table_name = f'historical."{source}"'
    if connection.execute(sa.select(sa.func.to_regclass(table_name))).scalar() is None:
        return None
    count: int = connection.execute(
        sa.text(f"select count(*) from {table_name} where valid_to is null")
    ).scalar_one()
    return count


def write_index(home: Path, catalog: Catalog, standings: Mapping[str, Standing]) -> Path:
    """Write the page where reading begins, `<home>/docs/index.html`; return its path."""
    rows = []
    for name, source in catalog.sources.items():
        standing = standings[name]
        halts = mark(f"{standing.halted:,} halted", "bad") if standing.halted else mark("none", "good")
        if standing.halted:
            halts = _link(home, f"data_docs/{name}/index.html", halts)
        rows.append(
            [
                Markup("<strong>{}</strong>").format(name),
                source.description,
                source.owner,
                standing.deliveries,
                standing.last_delivery_date,
                standing.current_rows,
                halts,
            ]
        )
    header = [
        "Source",
        "What it is",
        "Owner",
        "Deliveries",
        "Newest in history",
        "Current rows",
        "Standing halts",
    ]
    body = Markup('<h1>Headwater</h1>\n<ul class="cards">{cards}</ul>\n<h2>Sources</h2>\n{sources}').format(
        cards=Markup("\n").join(
            [
                _card(home, "docs/dbt.html", "dbt docs", _ABOUT_DBT, "Not written yet."),
                _card(home, "data_docs/index.html", "Data Docs", _ABOUT_DATA_DOCS, _NOTHING_JUDGED),
            ]
        ),
        sources=table(header, rows, numbers=["Deliveries", "Current rows"]),
    )
    path = home / "docs" / "index.html"
    write(path, page("Headwater", body))
    return path


_ABOUT_DBT = "Every table and column described, and the lineage from raw to what consumers read."
_ABOUT_DATA_DOCS = "What Great Expectations found in each delivery before it was let into history."
_NOTHING_JUDGED = "No delivery has been judged in this working folder yet; a run writes a page for each."


def _card(home: Path, target: str, title: str, about: str, without: str) -> Markup:
    """A way to go on; where there is nothing to see yet, it says so and leads nowhere."""
    is_there = (home / target).exists()
    heading = _link(home, target, title) if is_there else Markup("<strong>{}</strong>").format(title)
    return Markup("<li>{}<p>{}</p></li>").format(heading, about if is_there else without)


def _link(home: Path, target: str, text: str) -> Markup:
    """A link from the index to `target` (below `home`), or the bare text when there is no such page."""
    if not (home / target).exists():
        return Markup("{}").format(text)
    return Markup('<a href="{}">{}</a>').format(f"../{target}", text)
