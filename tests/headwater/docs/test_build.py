"""The index of the docs: honest about what is there, and leading to it."""

from __future__ import annotations

import re
import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest

from headwater.docs import build, build_docs
from headwater.docs.build import write_index
from headwater.metadata.static.model import Catalog
from headwater.metadata.static.read import read_catalog

PROJECT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return read_catalog(PROJECT / "seeds")


def standings(catalog: Catalog, **of_airports: object) -> list[dict[str, object]]:
    """Every source as it stands before any delivery, airports as said."""
    empty = {"deliveries": 0, "halted": 0, "last_delivery_date": None, "current": None}
    return [
        {"source": name, **empty, **(of_airports if name == "airports" else {})} for name in catalog.sources
    ]


def touch(home: Path, page: str) -> None:
    (home / page).parent.mkdir(parents=True, exist_ok=True)
    (home / page).write_text("a page")


def cells(text: str, source: str) -> list[str]:
    (row,) = re.findall(rf"<tr><td><strong>{source}</strong>.*?</tr>", text)
    return re.findall(r"<td[^>]*>(.*?)</td>", row)


def test_before_any_delivery_the_page_says_so_and_leads_nowhere(tmp_path: Path, catalog: Catalog) -> None:
    text = write_index(tmp_path, catalog, standings(catalog)).read_text()

    assert "href=" not in text
    assert "No delivery has been checked in this working folder yet" in text
    assert cells(text, "airports")[3:] == [
        "0",
        '<span class="faint">&ndash;</span>',
        '<span class="faint">&ndash;</span>',
        '<span class="mark good">none</span>',
    ]


def test_pages_that_are_there_are_linked_relative_to_the_index(tmp_path: Path, catalog: Catalog) -> None:
    for page in ("docs/dbt.html", "data_docs/index.html"):
        touch(tmp_path, page)

    index = write_index(tmp_path, catalog, standings(catalog))

    addresses = re.findall(r'href="([^"]+)"', index.read_text())
    assert [index.parent.joinpath(one).resolve() for one in addresses] == [
        (tmp_path / "docs/dbt.html").resolve(),
        (tmp_path / "data_docs/index.html").resolve(),
    ]


def test_a_source_shows_what_is_in_history_and_leads_to_its_halts(tmp_path: Path, catalog: Catalog) -> None:
    touch(tmp_path, "data_docs/airports/index.html")
    date = datetime(2026, 9, 5, tzinfo=UTC)

    index = write_index(
        tmp_path,
        catalog,
        standings(catalog, deliveries=1234, halted=2, last_delivery_date=date, current=28298),
    )

    source = catalog.sources["airports"]
    assert cells(index.read_text(), "airports") == [
        "<strong>airports</strong>",
        source.description,
        source.owner,
        "1,234",
        '<span class="fixed">2026-09-05</span>',
        "28,298",
        '<a href="../data_docs/airports/index.html"><span class="mark bad">2 halted</span></a>',
    ]


def test_the_page_needs_nothing_from_the_network(tmp_path: Path, catalog: Catalog) -> None:
    text = write_index(tmp_path, catalog, standings(catalog)).read_text()

    assert not re.search(r"""(src|href)=["']?(https?:)?//|@import|url\(""", text)
    assert "prefers-color-scheme: dark" in text


@pytest.mark.usefixtures("database")
def test_the_docs_of_dbt_are_one_page_with_every_model(tmp_path: Path, catalog: Catalog) -> None:
    messages: list[str] = []

    index = build_docs(PROJECT, tmp_path, messages.append)

    assert '<a href="../docs/dbt.html">dbt docs</a>' in index.read_text()
    page = (tmp_path / "docs/dbt.html").read_text()
    for name in catalog.sources:
        assert f"model.headwater_demo.stg_{name}" in page
        assert f"model.headwater_demo.hist_{name}" in page
    assert messages == ["writing the docs of dbt"]
    assert not (tmp_path / "data_docs").exists()


@pytest.mark.usefixtures("database")
def test_what_is_wrong_with_one_job_keeps_no_other_source_from_the_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(PROJECT / "seeds", tmp_path / "seeds")
    path = tmp_path / "seeds" / "job.csv"
    path.write_text(path.read_text().replace("airports,true,ETL", "airports,ture,ETL"))
    monkeypatch.setattr(build, "generate_dbt_docs", lambda *_: tmp_path)
    messages: list[str] = []

    text = build_docs(tmp_path, tmp_path / "home", messages.append).read_text()

    assert "<strong>fx_rates</strong>" in text
    assert "<strong>airports</strong>" not in text
    assert any('seeds/job.csv:2: is_etl: "ture"' in line for line in messages)
    assert messages[-1] == "metadata: sources of the jobs that have to do with that are left out of the page"
