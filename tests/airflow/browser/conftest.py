"""A real Chromium, as people see Airflow. It is Debian's, or the one that CHROMIUM names; none is downloaded."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from headwater.services.airflow import Airflow

NAMES = ("chromium", "chromium-browser", "google-chrome")
ALONE = [  # it asks nobody but Airflow for anything
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip
PATIENCE_MS = 60_000
PATIENCE_WITH_RUNS_MS = 300_000

LogIn = Callable[..., Page]


@pytest.fixture(scope="session")
def chromium_path() -> str:
    """Where Chromium is; without one these tests are skipped."""
    named = os.environ.get("CHROMIUM")
    found = named or next(filter(None, map(shutil.which, NAMES)), None)
    if found is None or not Path(found).exists():
        pytest.skip("no Chromium: install it (Debian: apt install chromium), or name it in CHROMIUM")
    return found


@pytest.fixture(scope="session")
def chromium(chromium_path: str) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        expect.set_options(timeout=PATIENCE_MS)
        browser = playwright.chromium.launch(executable_path=chromium_path, args=ALONE)
        yield browser
        browser.close()


@pytest.fixture
def log_in(chromium: Browser, airflow: Airflow, tmp_path: Path) -> Iterator[LogIn]:
    """Log in to Airflow as a user: its first page, in a window of its own. Screenshots go to the test's folder."""
    contexts = []

    def log_in(user: str, **window: Any) -> Page:
        context = chromium.new_context(
            viewport={"width": 1400, "height": 900}, base_url=airflow.url, **window
        )
        context.set_default_timeout(PATIENCE_MS)
        contexts.append(context)
        page = context.new_page()
        page.goto("/auth/login")
        page.fill("input[name=username]", user)
        page.fill("input[name=password]", airflow.passwords[user])
        page.click("button[type=submit]")
        page.wait_for_url(f"{airflow.url}/")
        return page

    yield log_in
    for number, context in enumerate(contexts):
        for page in context.pages:
            page.screenshot(path=tmp_path / f"end-{number}.png")
        context.close()
