"""An analytics engineer of a test, who edits the models of `cities` in a project of their own and runs it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from headwater.pipeline.rebuild import rebuild
from headwater.pipeline.runners.sources import run
from headwater.project import Project
from tests.pipeline.line import Line, of_source
from tests.pipeline.project import SEEDS, make_project

STAGING, HISTORICAL = "models/staging/town_hall/stg_cities", "models/historical/town_hall/hist_cities"


class Engineer:
    """Edits a project of their own and runs `cities` in it."""

    def __init__(self, root: Path, line: Line, seeds: Mapping[str, str] = SEEDS) -> None:
        self.line = line
        self.project = line.project = Project(make_project(root, seeds), line.project.home)

    def edit(self, file: str, old: str, new: str) -> None:
        path = self.project.root / file
        text = path.read_text(encoding="utf-8")
        assert text.count(old) == 1, text
        path.write_text(text.replace(old, new), encoding="utf-8")

    def write(self, file: str, text: str) -> None:
        path = self.project.root / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def derive(self, expression: str, name: str = "own") -> None:
        """Add a column to staging and to history."""
        self.edit(f"{STAGING}.sql", "select * from typed", f"select *, {expression} as {name} from typed")
        self.list_in_history(name)

    def list_in_history(self, name: str) -> None:
        self.edit(f"{HISTORICAL}.sql", "        seen\n", f"        seen,\n        {name}\n")

    def failures(self) -> list[str]:
        return of_source(run(self.project, ["cities"], self.line.messages.append), "cities").failures

    def ran_well(self) -> None:
        result = run(self.project, ["cities"], self.line.messages.append)
        assert result.exit_code == 0, result.failures or result.halts

    def rebuilt_well(self) -> None:
        result = rebuild(self.project, ["cities"], self.line.messages.append)
        assert result.exit_code == 0, result.failures or result.halts

    def history(self, *columns: str) -> list[tuple[Any, ...]]:
        listed = ", ".join(columns)
        return self.line.query(f"select {listed} from historical.cities order by city, valid_from")
