"""The source of docs/how-to/geometries.md, made of the rows of that page, and its deliveries."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from tests.conftest import PROJECT
from tests.pipeline.project import make_project
from tests.support.pages import page

PAGE = page("how-to/geometries")
FOLDER = "COUNTRY_FILES"


def page_rows() -> dict[str, str]:
    """Return each file of the page with the rows that the page has a person add to it."""
    found = re.findall(r"^ *`seeds/(\w+)\.csv`\n\n *```csv\n(.*?)^ *```$", PAGE, re.MULTILINE | re.DOTALL)
    return {name: re.sub(r"^ +", "", rows, flags=re.MULTILINE) for name, rows in found}


def page_blocks(language: str) -> list[str]:
    """Return what the page has a person run, in a language."""
    found = re.findall(rf"^ *```{language}\n(.*?)^ *```$", PAGE, re.MULTILINE | re.DOTALL)
    return [re.sub(r"^ +", "", block, flags=re.MULTILINE) for block in found]


def make_countries(root: Path, more_options: str = "") -> Path:
    """Write the project of the page to the folder `root`, with more rows of `source_attribute`."""
    seeds = {}
    for name, rows in page_rows().items():
        header = (PROJECT / "seeds" / f"{name}.csv").read_text(encoding="utf-8").partition("\n")[0]
        seeds[name] = f"{header}\n{rows}"
    seeds["source_attribute"] += more_options
    return make_project(root, seeds, {})


def collection(features: Iterable[Mapping[str, Any]]) -> str:
    """Return a file of GeoJSON."""
    return json.dumps({"type": "FeatureCollection", "features": [*features]})


def feature(country: str, geometry: Mapping[str, Any] | None, **properties: Any) -> dict[str, Any]:
    """Return a country of a file of GeoJSON."""
    known = {"iso_a3": country, "name": country, "pop_est": 1, **properties}
    return {"type": "Feature", "properties": known, "geometry": geometry}


def polygon(*positions: tuple[float, float]) -> dict[str, Any]:
    """Return the geometry of a ring."""
    return {"type": "Polygon", "coordinates": [[list(position) for position in (*positions, positions[0])]]}
