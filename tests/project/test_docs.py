"""The documentation: links lead somewhere, pages are in the navigation, decisions have a number, a day and a status."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import PROJECT
from tests.support.pages import DOCS

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
