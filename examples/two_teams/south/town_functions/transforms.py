"""Transforms: records of a file become records of another shape. `wrangle_function` of a source names one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from headwater.extract import Record, Source

PLANNED = "(planned)"


def without_planned_libraries(
    source: Source,  # noqa: ARG001  # Headwater hands it to every transform
    header: Sequence[str],
    records: Iterable[Record],
    file: str,  # noqa: ARG001
) -> tuple[Sequence[str], Iterable[Record]]:
    """Leave out libraries that the town only plans to open."""
    return header, (record for record in records if PLANNED not in record.values)
