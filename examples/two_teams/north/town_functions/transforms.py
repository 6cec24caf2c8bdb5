"""Transforms: records of a file become records of another shape. `wrangle_function` of a source names one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from headwater.extract import Record, Source


def without_blank_records(
    source: Source,  # noqa: ARG001  # Headwater hands it to every transform
    header: Sequence[str],
    records: Iterable[Record],
    file: str,  # noqa: ARG001
) -> tuple[Sequence[str], Iterable[Record]]:
    """Leave out records that have no value at all."""
    return header, (record for record in records if any(record.values))
