"""Good seeds of the test's own."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.seeds import GOOD, EditableSeeds


@pytest.fixture
def seeds(tmp_path: Path) -> EditableSeeds:
    """A fresh copy of the good seeds."""
    folder = tmp_path / "seeds"
    folder.mkdir()
    for table, text in GOOD.items():
        (folder / f"{table}.csv").write_text(text, encoding="utf-8")
    return EditableSeeds(folder)
