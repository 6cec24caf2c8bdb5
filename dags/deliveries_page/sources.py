"""Which sources there are and to which job each belongs, from the seeds; a broken row elsewhere hides none of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from metadata.static.load import load_seeds
from metadata.static.problem import Problems


@dataclass(frozen=True)
class KnownSource:
    """What the page says of a source."""

    name: str
    job: str
    owner: str
    description: str


def known_sources(seeds: Path) -> Mapping[str, KnownSource]:
    """By name, in the order of names; read again when the files have changed."""
    stamps = tuple(
        (path.name, path.stat().st_mtime_ns, path.stat().st_size) for path in sorted(seeds.glob("source.csv"))
    )
    return _read(seeds, stamps)


@lru_cache(maxsize=4)
def _read(seeds: Path, _stamps: tuple[tuple[str, int, int], ...]) -> Mapping[str, KnownSource]:
    rows = load_seeds(seeds, Problems(seeds.name)).rows["source"]
    known = [
        KnownSource(*((row[column] or "").strip() for column in ("source", "job", "owner", "description")))
        for row in rows
    ]
    return {one.name: one for one in sorted(known, key=lambda one: one.name) if one.name and one.job}
