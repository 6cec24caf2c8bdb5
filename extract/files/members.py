"""The files of one delivery: the landed object itself, or the members of an archive."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from headwater.extract.files.limits import Expansion
from headwater.extract.files.text_blocks import Readable
from headwater.extract.files.unpack import unpack
from headwater.metadata.errors import FormatBroken

AT_ONCE = 1 << 20  # bytes


class Members:
    """The files one after another, unpacked, each with a name for messages. One is open at a time."""

    def __init__(
        self, files: Iterator[tuple[Readable, str]], names: Sequence[str], expansion: Expansion
    ) -> None:
        self._files, self._names, self.expansion = files, names, expansion
        self._current: Readable | None = None
        self.file = names[0]  # the one that is open, or was last

    def __len__(self) -> int:
        return len(self._names)

    def __iter__(self) -> Iterator[tuple[Readable, str]]:
        for packed, name in self._files:
            self._current, self.file = packed, name
            self._current = unpack(packed, name, self.expansion)
            yield self._current, name

    def damage(self) -> FormatBroken | None:
        """Return the damage of the open file itself, after reading the rest of it."""
        try:
            while self._current is not None and self._current.read(AT_ONCE):
                pass
        except FormatBroken as error:
            return error
        return None
