"""The documentation: links lead somewhere, pages are in the navigation, decisions have a number, a day and a status."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from headwater.metadata.static.schema import TABLES
from tests.conftest import PROJECT
from tests.support.pages import DOCS, shell_blocks

PAGES = sorted([*PROJECT.glob("*.md"), *DOCS.rglob("*.md"), PROJECT / "benchmarks" / "README.md"])
_FENCE = re.compile(r"^ *```.*?^ *```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_TOC = re.compile(r"^```\{toctree\}\n(?::.*\n)*\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_RECORD = re.compile(
    r"^## (\d{4}) .+\n\n\*(\d{4}-\d\d-\d\d), (?:accepted|superseded by (\d{4}))\*$", re.MULTILINE
)


def prose(path: Path) -> str:
    """Return the text of a page without its blocks of code."""
    return _FENCE.sub("", path.read_text(encoding="utf-8"))


def anchors(path: Path) -> set[str]:
    """Return the anchors of a page: those of its headings, as Git hosts and the site make them."""
    headings = re.findall(r"^#+ (.+)$", prose(path), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def broken_links(path: Path) -> Iterator[str]:
    for target in _LINK.findall(prose(path)):
        if re.match(r"\w+:", target):
            continue
        name, _, anchor = target.partition("#")
        file = (path.parent / name).resolve() if name else path
        if not file.is_file():
            yield f"{target}: no such file"
        elif anchor and anchor not in anchors(file):
            yield f"{target}: no such heading"
        elif DOCS in path.parents and file.suffix == ".md" and DOCS not in file.parents:
            yield f"{target}: not on the site"


def on_the_site(page: str = "index") -> Iterator[str]:
    """Yield a page and those below it in the navigation, by their paths below docs/ without the suffix."""
    yield page
    path = DOCS / f"{page}.md"
    for block in _TOC.findall(path.read_text(encoding="utf-8")):
        for name in block.split():
            yield from on_the_site((path.parent / name).relative_to(DOCS).as_posix())


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.relative_to(PROJECT).as_posix())
def test_every_link_leads_somewhere(path: Path) -> None:
    assert list(broken_links(path)) == []


def test_a_broken_link_is_found(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "# A title\n[a](#a-title) [b](#b) [c](c.md)\n```sh\n[d](d.md)\n```\n[e](https://example.com)\n"
    )
    assert list(broken_links(page)) == ["#b: no such heading", "c.md: no such file"]


def test_every_page_is_in_the_navigation_once() -> None:
    pages = sorted(path.relative_to(DOCS).with_suffix("").as_posix() for path in DOCS.rglob("*.md"))
    assert sorted(on_the_site()) == pages


def test_decisions_are_numbered_without_a_gap_dated_and_have_a_status() -> None:
    numbers = []
    for path in (DOCS / "decisions").glob("*.md"):
        text = path.read_text(encoding="utf-8")
        records = _RECORD.findall(text)
        assert len(records) == len(re.findall(r"^## ", text, re.MULTILINE)), (
            f"a record of {path.name} has no day or status"
        )
        numbers += [int(number) for number, _, _ in records]
    assert sorted(numbers) == list(range(1, len(numbers) + 1))
    assert len(numbers) > 250


def test_the_readme_is_short() -> None:
    assert len((PROJECT / "README.md").read_text(encoding="utf-8").splitlines()) <= 150


# Commands that stand in a page for what a test or continuous integration does in another way.
DONE_OTHERWISE = {
    "benchmarks": "each of these commands writes its part of the page",
    "comparison": "python -m benchmarks.behaviour writes the tables; tests/project/test_comparison.py holds them",
    "how-to/run-in-airflow": "tests/airflow starts Airflow",
    "how-to/two-teams": "tests/airflow/test_two_teams.py starts Airflow by this command",
}
_READS_PAGE = re.compile(
    r'\b(?:walk|fragments_of|commands_of|shell_blocks|page)\(\s*"((?:[\w-]+/)?[\w-]+)"|PAGE = "((?:[\w-]+/)?[\w-]+)"'
)


def test_the_commands_of_every_page_are_executed_by_a_test() -> None:
    read = {
        found[1] or found[2]
        for path in (PROJECT / "tests").rglob("*.py")
        for found in _READS_PAGE.finditer(path.read_text(encoding="utf-8"))
    }
    with_commands = {
        path.relative_to(DOCS).with_suffix("").as_posix()
        for path in DOCS.rglob("*.md")
        if shell_blocks(path.relative_to(DOCS).with_suffix("").as_posix())
    }
    assert with_commands
    assert sorted(with_commands - read - DONE_OTHERWISE.keys()) == []
    assert DONE_OTHERWISE.keys() <= with_commands


def test_rows_that_pages_append_fit_the_seeds_of_a_new_project_and_of_this_one() -> None:
    for name, table in TABLES.items():
        header = (PROJECT / "seeds" / f"{name}.csv").read_text(encoding="utf-8").partition("\n")[0]
        assert header == ",".join(table.current_names), name


_ROWS_OF = re.compile(r"^# (\w+)\.csv\b.*\n((?:[^#\n`].*\n)+)", re.MULTILINE)


def test_rows_that_pages_show_below_the_name_of_a_seed_have_its_columns() -> None:
    shown = [
        (path.name, table, row)
        for path in DOCS.rglob("*.md")
        for table, rows in _ROWS_OF.findall(path.read_text(encoding="utf-8"))
        for row in csv.reader(rows.splitlines())
    ]
    assert {name for name, _, _ in shown} >= {
        "read-a-database.md",
        "read-an-api.md",
        "read-an-object-store.md",
    }
    assert [one for one in shown if len(one[2]) != len(TABLES[one[1]].current_names)] == []
