"""Builds the pages: dbt's documentation as one file, and an index of it, the Data Docs and the sources."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from markupsafe import Markup

from headwater.checks.data_docs import write_lists
from headwater.dbt_project.package import link_package
from headwater.docs.dbt_page import dbt_page
from headwater.metadata.connection import engine
from headwater.metadata.errors import HeadwaterError
from headwater.metadata.static.model import Catalog
from headwater.metadata.static.valid_subset import read_valid_catalog
from headwater.page import mark, page, table, write
from headwater.queries import status


def build_docs(project_root: Path, home: Path, say: Callable[[str], None]) -> Path:
    """Write `<home>/docs/index.html` and the pages that it links to; return its path.

    Needs the database of the environment with built models, because dbt reads column types from it. Raises
    `HeadwaterError` if dbt cannot write its docs.
    """
    say("writing the docs of dbt")
    generate_dbt_docs(project_root, home)
    catalog, problems = read_valid_catalog(project_root / "seeds")
    for problem in problems:
        say(f"metadata: {problem}")
    if problems:
        say("metadata: sources of the jobs that have to do with that are left out of the page")
    database = engine()
    try:
        standings = status.sources(database, catalog)
        checked = [one["source"] for one in standings if one["loaded"] or one["halted"]]
        if checked:
            write_lists(home, database, checked)
    finally:
        database.dispose()
    return write_index(home, catalog, standings)


def generate_dbt_docs(project_root: Path, home: Path) -> Path:
    """Let dbt write its docs as one page that needs no server, `<home>/docs/dbt.html`; return its path."""
    from dbt.cli.main import dbtRunner  # takes 1.6 s

    os.environ.setdefault("DO_NOT_TRACK", "1")
    link_package(project_root)
    with TemporaryDirectory(prefix="headwater-docs-") as target:
        places = [
            *("--project-dir", str(project_root), "--profiles-dir", str(project_root / "profiles")),
            *("--target-path", target, "--log-path", str(home / "logs"), "--log-level", "none"),
        ]
        outcome = dbtRunner().invoke(["docs", "generate", *places])
        if not outcome.success:
            raise HeadwaterError(f"dbt could not write its docs: {outcome.exception or outcome.result}")
        page_path = home / "docs" / "dbt.html"
        write(page_path, dbt_page(Path(target)))
    return page_path


def write_index(home: Path, catalog: Catalog, standings: Iterable[Mapping[str, Any]]) -> Path:
    """Write the start page `<home>/docs/index.html`; return its path.

    `standings` are those of `headwater.queries.status.sources`, one for each source of the catalog.
    """
    by_source = {one["source"]: one for one in standings}
    rows = []
    for name, source in catalog.sources.items():
        where = by_source[name]
        halts = mark("none", "good")
        if where["halted"]:
            halts = _link(home, f"data_docs/{name}/index.html", mark(f"{where['halted']:,} halted", "bad"))
        rows.append(
            [
                Markup("<strong>{}</strong>").format(name),
                source.description,
                source.owner,
                where["deliveries"],
                where["last_delivery_date"],
                where["current"],
                halts,
            ]
        )
    body = Markup('<h1>Headwater</h1>\n<ul class="cards">{cards}</ul>\n<h2>Sources</h2>\n{sources}').format(
        cards=Markup("\n").join(
            [
                _card(home, "docs/dbt.html", "dbt docs", _ABOUT_DBT, "Not written yet."),
                _card(home, "data_docs/index.html", "Data Docs", _ABOUT_DATA_DOCS, _NOTHING_CHECKED),
                _card(home, "docs/site/index.html", "Documentation", _ABOUT_SITE, _NO_SITE),
            ]
        ),
        sources=table(_HEADER, rows, numbers=_FIGURES),
    )
    path = home / "docs" / "index.html"
    write(path, page("Headwater", body))
    return path


_FIGURES = ("Deliveries", "Current rows")
_HEADER = (
    "Source",
    "What it is",
    "Owner",
    "Deliveries",
    "Newest in history",
    "Current rows",
    "Standing halts",
)
_ABOUT_DBT = "Every table and column described, and the lineage from raw to what consumers read."
_ABOUT_DATA_DOCS = "What Great Expectations found in each delivery before it was let into history."
_ABOUT_SITE = "Tutorial, how-to, reference and concepts of Headwater, with a search."
_NO_SITE = "Not built yet; `make docs-site` in the repository of Headwater builds it."
_NOTHING_CHECKED = "No delivery has been checked in this working folder yet; a run writes a page for each."


def _card(home: Path, target: str, title: str, about: str, without: str) -> Markup:
    """Return a card with a link; without a page to link to, the card says so."""
    is_there = (home / target).exists()
    heading = _link(home, target, title) if is_there else Markup("<strong>{}</strong>").format(title)
    return Markup("<li>{}<p>{}</p></li>").format(heading, about if is_there else without)


def _link(home: Path, target: str, text: str) -> Markup:
    """Return a link from the index to `target` (below `home`), or plain text if there is no such page."""
    if not (home / target).exists():
        return Markup("{}").format(text)
    return Markup('<a href="{}">{}</a>').format(f"../{target}", text)
