"""The transform `without_comments`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from headwater.extract import Record, Source


def without_comments(
    source: Source,  # noqa: ARG001
    header: Sequence[str],
    records: Iterable[Record],
    file: str,  # noqa: ARG001
) -> tuple[Sequence[str], Iterable[Record]]:
    """Leave out the records whose first value begins with #."""
    return header, (record for record in records if not (record.values[0] or "").startswith("#"))
