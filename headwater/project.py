"""Where the parts of a project are."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from headwater.services.home import home
from metadata.errors import HeadwaterError


@dataclass(frozen=True)
class Project:
    """A Headwater project: its folder, and its working folder."""

    root: Path
    home: Path

    @property
    def seeds(self) -> Path:
        """The static metadata."""
        return self.root / "seeds"

    @property
    def models(self) -> Path:
        """The dbt models."""
        return self.root / "models"


def find_project() -> Project:
    """The project that HEADWATER_PROJECT names, or the one that this package lies in."""
    root = Path(os.environ.get("HEADWATER_PROJECT") or Path(__file__).parents[1]).resolve()
    if not (root / "dbt_project.yml").is_file():
        raise HeadwaterError(
            f"{root} holds no dbt_project.yml. Expected HEADWATER_PROJECT to name a project's folder."
        )
    return Project(root, home(root))
