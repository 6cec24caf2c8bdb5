"""Transforms (`wrangle_function`): they turn records of another shape into records of the source's table.

A wrangle function takes the source, the header, the records and the file's name, and returns a new header and
new records. Each new record keeps the line of its original. The function raises `FormatBroken` for an invalid
file. A source names its own function as `package.module:function`, or that of an installed package by its entry point.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Protocol, cast

from headwater.extract.files.record import Record
from headwater.extract.offers.discover import is_function, named_function
from headwater.metadata.errors import ExtensionUnusable, FormatBroken, PublisherError
from headwater.metadata.static.extensions import TRANSFORMS, find
from headwater.metadata.static.model import Source

SHOWN = 20  # names in a message


class Transform(Protocol):
    """The signature of a transform."""

    def __call__(
        self, source: Source, header: Sequence[str], records: Iterable[Record], file: str
    ) -> tuple[Sequence[str], Iterable[Record]]: ...


def transform_function(source: Source) -> Transform | None:
    """Return the source's transform, None if it has none. Raises `PublisherError` if it cannot be imported."""
    name = source.wrangle_function
    if not name:
        return None
    try:
        extension = None if is_function(name) else find(TRANSFORMS, name)
    except ExtensionUnusable as unusable:
        raise PublisherError(f"{source.name}: {unusable}") from None
    spec = extension.value if extension else name
    return cast(Transform, named_function(spec, source, "wrangle_function", TRANSFORMS))


def unpivot(
    source: Source, header: Sequence[str], records: Iterable[Record], file: str
) -> tuple[Sequence[str], Iterable[Record]]:
    """Unpivot wide records: yield a record per column that is not kept, with the column's name and its value.

    `unpivot_keep` columns stay, `unpivot_name` and `unpivot_value` name the two new ones, and values in
    `unpivot_skip` make no record: `<empty>` also means the blank cell of a workbook, so that a table gives
    the same records in any format. A column without a name may contain only such values.
    """
    keep = source.tokens("unpivot_keep")
    line = int(source.options.get("header_line", "1"))
    first: dict[str, int] = {}
    twice = set()
    for position, name in enumerate(header):
        if first.setdefault(name, position) != position and name:
            twice.add(name)
    missing = [name for name in keep if name not in first]
    if missing or twice:
        message = (
            f"lacks {', '.join(map(repr, missing))}"
            if missing
            else f"has {', '.join(map(repr, sorted(twice)[:SHOWN]))} twice"
        )
        raise FormatBroken(file, line, f"the header {message}, expected each column once (wrangle unpivot)")
    kept = [first[name] for name in keep]
    stays = frozenset(kept)
    spread = [(position, name) for position, name in enumerate(header) if position not in stays]
    new_header = (*keep, source.options["unpivot_name"], source.options["unpivot_value"])
    return new_header, _unpivoted(source, records, kept, spread, file)


def _unpivoted(
    source: Source,
    records: Iterable[Record],
    kept: Sequence[int],
    spread: Sequence[tuple[int, str]],
    file: str,
) -> Iterator[Record]:
    skip: set[str | None] = set(source.tokens("unpivot_skip"))
    if "" in skip:
        skip.add(None)
    trim = source.options.get("trim_whitespace") == "true"
    for line, values in records:
        stays = [values[position] for position in kept]
        for position, name in spread:
            value = values[position]
            if value in skip or (trim and value is not None and value.strip() in skip):
                continue
            if not name:
                raise FormatBroken(
                    file,
                    line,
                    f"{value!r} in column {position + 1}, which has no name: "
                    "expected a name, or only values of unpivot_skip",
                )
            yield Record(line, [*stays, name, value])
