"""Helpers of tests of formats: a content as its format reads it, without a database."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any

import pytest

from headwater.extract.files.limits import Expansion
from headwater.extract.files.members import Members
from headwater.extract.files.record import Record
from headwater.extract.formats.registry import Content, open_content
from headwater.extract.schema.columns import Layout, match_header
from headwater.metadata.errors import FormatBroken
from headwater.metadata.static.model import Source
from tests.support.reading import Slow
from tests.support.sources import make_source


def opened(source: Source, content: bytes | Mapping[str, bytes], size: int = 1 << 20) -> Content:
    """A file, called `f`, or several by their names, as their source reads them, `size` bytes at a time."""
    files = {"f": content} if isinstance(content, bytes) else content
    expansion = Expansion.of(source, sum(map(len, files.values())))
    return open_content(
        source, Members(iter([(Slow(c, size), n) for n, c in files.items()]), list(files), expansion)
    )


def read(
    format_name: str, content: bytes | Mapping[str, bytes], size: int = 1 << 20, **options: str
) -> tuple[tuple[str, ...], list[tuple[Any, ...]]]:
    """The header and the records, without their lines, of a file whose columns are all unknown."""
    found = opened(make_source(options={"format": format_name, **options}), content, size)
    return tuple(found.header), [tuple(record.values) for record in found.records()]


def rows(source: Source, content: bytes | Mapping[str, bytes]) -> list[Record]:
    """The rows of raw: the mapped columns in the order of the header, then _rest."""
    found = opened(source, content)
    layout = Layout.of(source, match_header(source, found.header))
    has_rows = getattr(found, "rows", None)
    return list(has_rows(layout)) if has_rows else [layout.row(record) for record in found.records()]


def refusal(format_name: str, content: bytes | Mapping[str, bytes], **options: str) -> str:
    """Return what is said of a file that is refused."""
    with pytest.raises(FormatBroken) as refused:
        read(format_name, content, 1 << 20, **options)
    return str(refused.value)


def stream(content: bytes) -> io.BytesIO:
    return io.BytesIO(content)
