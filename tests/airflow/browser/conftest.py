"""A real Chromium, as people see Airflow."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from headwater.services.airflow import Airflow
from tests.support.chromium import PATIENCE_MS

PATIENCE_WITH_RUNS_MS = 300_000

LogIn = Callable[..., Page]


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
