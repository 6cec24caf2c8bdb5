"""Halts, dry runs, keys and last runs as a person sees them: in both colours, wide and narrow; axe-core agrees."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.browser.deliveries_page.conftest import Known
from tests.pipeline.line import Line, cities

EVIL = "<img src=x onerror=alert(1)>"


@pytest.fixture
def cities_line(line: Line) -> Line:
    """Cities with a key that changed, went, came back and fell out, and a delivery that halts by duplicate keys."""
    line.deliver("cities", cities(1, {"a": ("A", 1), "b": ("B", 1)}))
    line.deliver("cities", cities(9, {"a": ("A", 2), "b": ("B", 1), "c": ("C", 1)}))
    line.deliver("cities", cities(12, {"b": ("B", 1), "c": ("C", 1)}))
    line.deliver("cities", cities(20, {"a": ("A", 2), "b": ("B", 1), "c": ("C", 5)}))
    line.deliver("cities", cities(25, {"b": ("B", 1), "c": ("C", 5)}, unreadable=["a"]), "a,A,many,x")
    line.deliver("cities", cities(28, {"a": ("A", 2), "b": ("B", 9)}), f"b,{EVIL},3,x", f"b,{EVIL},3,x")
    assert line.run("cities").exit_code == 3
    return line


def seen_in_all_ways(page: Page, address: str, name: str, folder: Path) -> Iterator[str]:
    """Leave a screenshot in each colour and width; give what is wider than the window, and what axe-core finds."""
    folder = Path(os.environ.get("SCREENSHOTS", folder))
    for theme in ("light", "dark"):
        page.emulate_media(color_scheme=theme)
        for width in (1600, 900):
            page.set_viewport_size({"width": width, "height": 1000})
            page.goto(address)
            page.screenshot(path=folder / f"{name}-{theme}-{width}.png", full_page=True)
            if not page.evaluate("document.documentElement.scrollWidth <= innerWidth"):
                yield f"{name} {theme} {width}: wider than the window"
            found = Axe().run(page)
            if found.violations_count:
                yield f"{name} {theme} {width}: {found.generate_report()}"


def test_halts_dry_runs_keys_and_last_runs_are_seen_by_everybody(
    page: Page, address: str, cities_line: Line, known: Known, tmp_path: Path
) -> None:
    began, wrong = datetime.now(UTC), list[str]()
    known.dag_runs["market"] = ("scheduled__2026-01-02T00:00:00+00:00", "failed", began)
    halted = cities_line.sqn("cities-20260128.csv")
    second = cities_line.sqn("cities-20260109.csv")

    # a failed run is seen, and what waits for a decision comes first
    page.goto(f"{address}/")
    assert page.get_by_role("heading", level=2).first.text_content() == "Waiting for a decision"
    row = page.get_by_role("row").filter(has=page.get_by_role("rowheader", name="prices"))
    expect(row.get_by_role("link", name="failed")).to_have_attribute(
        "href", re.compile("/dags/market/runs/scheduled__")
    )
    row = page.get_by_role("row").filter(has=page.get_by_role("rowheader", name="cities"))
    expect(row.locator("td.runs")).to_contain_text("halted")
    expect(row.get_by_role("cell").nth(-2)).to_have_text("1")  # fell out of the last deliveries
    wrong += seen_in_all_ways(page, f"{address}/", "overview", tmp_path)

    # rows of one key side by side, and what can be done
    page.goto(f"{address}/delivery/{halted}")
    twins = page.locator(".twins")
    expect(twins).to_have_count(1)
    expect(twins.get_by_role("columnheader")).to_have_text(["Column", "Line 3", "Line 4", "Line 5"])
    expect(twins.locator("tr.differs th")).to_contain_text(["name", "people", "seen"])
    expect(twins.locator("tr.differs").first.locator("mark")).to_have_text(['"B"', f'"{EVIL}"', f'"{EVIL}"'])
    expect(page.locator("details.guide")).to_contain_text("The last row of each key wins")
    wrong += seen_in_all_ways(page, f"{address}/delivery/{halted}", "halt", tmp_path)
    page.get_by_role("link", name="More about this halt").click()
    expect(page.locator("#duplicate_keys")).to_be_in_viewport()
    wrong += seen_in_all_ways(page, f"{address}/how-to/halts", "how-to", tmp_path)

    # the history of a key, by a link and by the form
    page.goto(f"{address}/delivery/{halted}")
    page.get_by_role("link", name="history of this key").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("b current")
    page.get_by_label("city").fill("a")
    page.get_by_role("button", name="Show its history").click()
    expect(page.locator("svg.timeline rect.version")).to_have_count(3)
    expect(page.locator("svg.timeline .fell.stale")).to_have_count(1)
    expect(page.locator("svg.timeline .removed")).to_have_count(1)
    expect(page.locator("svg.timeline")).to_have_attribute(
        "aria-label", "a: 3 versions, current, 1 row fell out"
    )
    expect(page.get_by_text("history keeps the earlier version")).to_have_count(1)
    assert page.locator("#versions").text_content() == "3 versions, the newest first"
    wrong += seen_in_all_ways(page, page.url, "key", tmp_path)
    page.goto(f"{address}/source/cities/key?city=nowhere")
    expect(page.get_by_text("has this key")).to_be_visible()

    # a dry run goes on in the background, and says in words what would be
    page.goto(f"{address}/delivery/{second}")
    page.get_by_role("radio", name="Withdraw").check()
    page.get_by_role("textbox", name="Reason").fill("the publisher took it back")
    page.get_by_role("button", name="See what it would do").click()
    expect(page.locator(".working")).to_contain_text("Trying it out")
    page.screenshot(path=Path(os.environ.get("SCREENSHOTS", tmp_path)) / "working.png")
    expect(page.locator(".outcome")).to_have_text(
        "1 version appears, 2 versions disappear and 1 version ends.", timeout=300_000
    )
    expect(page.locator("ul.keys a").first).to_have_text("c")
    wrong += seen_in_all_ways(page, page.url, "consider", tmp_path)
    page.get_by_role("button", name="Withdraw it").click()
    expect(page.get_by_text("Withdrawn by ada")).to_be_visible()
    assert [job for job, _ in known.triggered] == ["cities"]
    page.goto(f"{address}/list?source=cities")
    expect(page.get_by_role("row").filter(has_text="cities-20260109.csv")).to_contain_text("withdrawn by ada")
    wrong += seen_in_all_ways(page, f"{address}/list?source=cities", "list", tmp_path)
    assert wrong == []
