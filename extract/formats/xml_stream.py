"""XML as a stream: memory holds one wanted element at a time."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any, cast
from xml.etree.ElementTree import Element

from defusedxml.ElementTree import iterparse

from headwater.extract.files.text_blocks import LONGEST_RECORD, Readable
from headwater.metadata.errors import FormatBroken

DEEPEST = 100  # elements inside one another; no workbook comes near


class Watched:
    """A stream that refuses an element that is too large. The caller sets `count` to 0 after each element."""

    def __init__(self, stream: Readable, file: str) -> None:
        self._stream, self._file, self.count = stream, file, 0

    def read(self, size: int, /) -> bytes:
        piece = self._stream.read(size)
        self.count += len(piece)
        if self.count > LONGEST_RECORD:
            raise FormatBroken(self._file, None, f"an element of more than {LONGEST_RECORD >> 20} MiB")
        return piece


def elements(
    stream: Readable,
    file: str,
    wanted: Collection[str],
    *,
    begun: Collection[str] = (),
    forbid_dtd: bool = False,
) -> Iterator[tuple[bool, Element]]:
    """The elements of these tags as they end, True, and of those `begun` as they begin, False; then they are let go.

    Of wanted elements inside one another the outermost comes. Raises `FormatBroken`, and what the parser raises.
    """
    watched = Watched(stream, file)
    open_elements: list[Element] = []
    inside = 0  # how many of the open ones are within a wanted one, that one included
    events = iterparse(cast(Any, watched), ("start", "end"), forbid_dtd=forbid_dtd)
    for event, element in cast("Iterator[tuple[str, Element]]", events):
        if event == "start":
            open_elements.append(element)
            if len(open_elements) > DEEPEST:
                raise FormatBroken(file, None, f"elements more than {DEEPEST} deep, expected no more")
            if element.tag in begun:
                yield False, element
            inside += inside > 0 or element.tag in wanted
            continue
        open_elements.pop()
        if inside:
            inside -= 1
        if not inside:
            if element.tag in wanted:
                yield True, element
            element.clear()
            if open_elements:
                del open_elements[-1][:]
            watched.count = 0
