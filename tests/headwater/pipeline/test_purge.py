"""Retention as a person meets it: told in the seeds, done by runs and by the command, seen among the deliveries."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from headwater.cli.commands import app
from tests.pipeline.project import FOLDER, make_project


@pytest.fixture
def publisher(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder of the cities of a project of the test's own, three of which are published."""
    root = make_project(tmp_path / "own")
    monkeypatch.setenv("HEADWATER_PROJECT", str(root))
    monkeypatch.setenv(FOLDER, str(tmp_path / "publisher"))
    folder = tmp_path / "publisher" / "cities"
    folder.mkdir(parents=True)
    for day in (1, 2, 3):
        text = f"City Code,name,people,seen\na,A,{day},x\nb,B,1,x\n"
        (folder / f"cities-2026010{day}.csv").write_text(text)
    before = dict(os.environ)
    yield root
    for name in set(os.environ) - set(before):  # the command sets variables for its process
        del os.environ[name]


def ran(*arguments: str) -> str:
    result = CliRunner().invoke(app, list(arguments))
    assert result.exit_code == 0, (result.stdout, result.stderr, result.exception)
    return result.stdout


def layers(layer: str) -> list[str]:
    return [
        delivery["layers"][layer]["status"] for delivery in json.loads(ran("deliveries", "cities", "--json"))
    ]


@pytest.mark.usefixtures("database", "store")
def test_a_policy_in_the_seeds_is_followed_by_command_and_run_and_what_is_purged_is_shown_so(
    publisher: Path,
) -> None:
    ran("run", "cities")
    assert ran("purge", "cities").splitlines() == [
        "nothing to purge",
        "cities: all is kept, without keep_raw or keep_staging",
    ]
    seed = publisher / "seeds" / "source_attribute.csv"
    seed.write_text(seed.read_text() + "cities,keep_raw,0,\ncities,keep_staging,1,\n")

    would = json.loads(ran("purge", "cities", "--dry-run", "--json"))
    assert would["is_dry_run"] is True
    assert [
        (found["layer"], found["keep"], len(found["deliveries"]), found["row_count"])
        for found in would["purged"]
    ] == [
        ("raw", 0, 3, 6),
        ("staging", 1, 2, 4),
    ]
    assert layers("raw") == ["loaded"] * 3
    message = ran("purge", "cities")
    assert re.search(r"^cities +raw +0 +3 +6$", message, re.MULTILINE)
    assert re.search(r"^cities +staging +1 +2 +4$", message, re.MULTILINE)

    assert layers("raw") == ["purged"] * 3
    assert layers("staging") == ["purged", "purged", "loaded"]
    shown = [line.split() for line in ran("deliveries", "cities").splitlines() if "cities-2026" in line]
    assert [line[4:6] for line in shown] == [["purged", "purged"], ["purged", "purged"], ["purged", "2"]]

    known = json.loads(ran("as-of", "cities", "--on", "2026-01-02", "--known-at", "2099-01-01", "--json"))
    assert [(row["city"], row["people"]) for row in known] == [("a", 2), ("b", 1)]
    assert layers("staging") == ["loaded"] * 3  # brought back for the question, until the next run
    ran("run", "cities")
    assert layers("staging") == ["purged", "purged", "loaded"]
