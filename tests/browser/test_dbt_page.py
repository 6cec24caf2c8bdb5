"""The documentation of dbt in a browser: what publishers call their columns, and say of them, is text."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from headwater.docs.dbt_page import dbt_page, in_script
from tests.support import hostile

MARK = "document.title='ran'"
MARKUP = {
    "image": f'<img src=x onerror="{MARK}">',
    "script element": f"<script>{MARK}</script>",
    "svg": f'<svg onload="{MARK}">',
    "frame": f'<iframe srcdoc="<script>parent.{MARK}</script>"></iframe>',
    "link": f"[click me](javascript:{MARK})",
    "autolink": f"<javascript:{MARK}>",
    "image of markdown": f'![x](x"onerror="{MARK})',
    "table": f"| a |\n|---|\n| <img src=x onerror={MARK}> |",
    "code": f"`</code><img src=x onerror={MARK}>`",
    "angular": "{{constructor.constructor('" + MARK.replace("'", '"') + "')()}}",
    "angular attribute": f'<div ng-init="{MARK}" ng-app></div>',
    "place of the data": "CATALOG.JSON INLINE DATA",
    "form": '<form action="https://evil.example"><button>Log in</button></form>',
}
MODEL = "model.town.libraries"


def project() -> tuple[dict[str, Any], dict[str, Any]]:
    """A manifest and a catalog as dbt writes them, of one model whose columns and descriptions are hostile."""
    texts = {**hostile.NAMES, **MARKUP}
    usual = {"meta": {}, "data_type": "text", "tags": []}
    columns = {text: {"name": text, "description": text, **usual} for text in texts.values()}
    model = {
        "unique_id": MODEL, "name": "libraries", "resource_type": "model", "package_name": "town",
        "description": "\n\n".join(texts.values()), "columns": columns, "path": "libraries.sql",
        "original_file_path": "models/libraries.sql", "raw_code": "\n".join(texts.values()), "language": "sql",
        "compiled_code": "\n".join(texts.values()), "tags": [], "refs": [], "sources": [], "alias": "libraries",
        "depends_on": {"nodes": [], "macros": []}, "config": {"materialized": "view", "enabled": True},
        "database": "d", "schema": "s", "docs": {"show": True}, "meta": {}, "fqn": ["town", "libraries"],
    }  # fmt: skip
    doc = {"unique_id": "doc.dbt.__overview__", "name": "__overview__", "package_name": "dbt",
           "block_contents": "# Overview\n\n" + "\n\n".join(MARKUP.values()), "resource_type": "doc"}  # fmt: skip
    manifest = {
        "metadata": {"project_name": "town", "adapter_type": "postgres", "dbt_version": "1.12.0"},
        "nodes": {MODEL: model}, "sources": {}, "macros": {}, "docs": {"doc.dbt.__overview__": doc}, "exposures": {},
        "metrics": {}, "semantic_models": {}, "saved_queries": {}, "unit_tests": {}, "parent_map": {MODEL: []},
        "child_map": {MODEL: []}, "disabled": {}, "selectors": {}, "groups": {}, "group_map": {},
    }  # fmt: skip
    described = {
        "metadata": {"type": "VIEW", "schema": "s", "name": "libraries", "comment": MARKUP["image"], "owner": "x"},
        "columns": {
            text: {"type": "text", "index": number, "name": text, "comment": text}
            for number, text in enumerate(columns)
        },
        "stats": {}, "unique_id": MODEL,
    }  # fmt: skip
    return manifest, {"metadata": {}, "nodes": {MODEL: described}, "sources": {}, "errors": None}


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page."""
    target = tmp_path_factory.mktemp("target")
    for name, content in zip(("manifest.json", "catalog.json"), project(), strict=True):
        (target / name).write_text(json.dumps(content))
    (target / "dbt.html").write_text(dbt_page(target))
    return target / "dbt.html"


@pytest.fixture
def page(chromium: Browser, written: Path) -> Iterator[Page]:
    """The page in a window that has seen no error of a script, and has asked nobody for anything."""
    opened = chromium.new_page()
    errors: list[str] = []
    asked: list[str] = []
    opened.on("pageerror", lambda error: errors.append(str(error)))
    opened.on("request", lambda request: asked.append(request.url))
    opened.goto(written.as_uri())
    yield opened
    assert errors == []
    assert [url for url in asked if not url.startswith(("file:", "data:", "blob:"))] == []
    opened.close()


def test_names_and_descriptions_are_shown_and_do_nothing(page: Page, written: Path) -> None:
    page.goto(f"{written.as_uri()}#!/model/{MODEL}")
    expect(page.locator("table td").first).to_be_visible()
    shown = page.locator("body").inner_text().replace("\u2060", "")
    for name in ("script", "html_entity", "jinja_expression", "single_quote", "formula"):
        assert hostile.NAMES[name] in shown, name
    for text in (MARKUP["image"], MARKUP["svg"], MARKUP["form"]):
        assert shown.count(text) >= 3, text  # as a name, and in descriptions of the column and of the model
    for link in page.locator("a[href^='javascript:']").all():
        link.evaluate("a => a.click()")
    assert page.locator("form[action*=evil]:visible, iframe:visible").count() == 0
    assert page.title() != "ran"


def test_the_overview_and_the_search_do_nothing_either(page: Page, written: Path) -> None:
    expect(page.get_by_text("Overview").first).to_be_visible()
    search = page.get_by_placeholder(re.compile("Search"))
    search.fill("onerror")
    page.wait_for_function("document.querySelectorAll('.search-result-match').length > 0")
    page.goto(f"{written.as_uri()}#!/model/{MODEL}?g_v=1")
    page.wait_for_function("document.querySelectorAll('canvas').length > 0")  # the lineage
    assert page.title() != "ran"


@pytest.mark.parametrize("text", hostile.params({**hostile.VALUES, **MARKUP}))
def test_no_character_of_data_means_anything_to_html(text: str) -> None:
    message = in_script({text: [text]})
    assert not set("<>&\u2028\u2029") & set(message)
    assert json.loads(message) == {text: [text]}
