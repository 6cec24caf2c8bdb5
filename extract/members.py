"""The files of one delivery: the landed object itself, or what an archive holds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from extract.text_blocks import Readable

AT_ONCE = 1 << 20  # bytes


class Members:
    """The files one after another, each with the name to call it by in messages. One is open at a time."""

    def __init__(self, files: Iterator[tuple[Readable, str]], names: Sequence[str]) -> None:
        self._files, self._names = files, names
        self._current: Readable | None = None
        self.file = names[0]  # the one that is open, or was last

    def __len__(self) -> int:
        return len(self._names)

    def __iter__(self) -> Iterator[tuple[Readable, str]]:
        for stream, name in self._files:
            self._current, self.file = stream, name
            yield stream, name

    def read_to_end(self) -> None:
        """Read what is left of the open one, to learn whether it is damaged. Raises `FormatBroken`."""
        while self._current is not None and self._current.read(AT_ONCE):
            pass
