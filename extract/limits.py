"""How large and how deep a delivery may be, before it is taken for a mistake or an attack."""

from __future__ import annotations

from dataclasses import dataclass, fields

from metadata.errors import FormatBroken
from metadata.static.model import Source

SMALL = 64 << 20  # bytes; below it no ratio is a bomb


@dataclass(frozen=True)
class Limits:
    """The limits that a source's options say, or the usual ones."""

    max_unpacked_mib: int = 65_536
    max_unpacked_ratio: int = 500  # DEFLATE itself goes to 1032, text rarely beyond 30
    max_nesting: int = 100

    @classmethod
    def of(cls, source: Source) -> Limits:
        """The limits of a source."""
        said = {limit.name: source.options.get(limit.name) for limit in fields(cls)}
        return cls(**{name: int(value) for name, value in said.items() if value is not None})

    def require(self, file: str, packed: int, unpacked: int) -> None:
        """Raise `FormatBroken` when so many bytes come of so few that it is a mistake or a bomb."""
        is_bomb = unpacked > SMALL and unpacked / max(packed, 1) > self.max_unpacked_ratio
        if unpacked > self.max_unpacked_mib << 20 or is_bomb:
            raise FormatBroken(
                file,
                None,
                f"unpacks from {packed} to {unpacked} bytes, expected at most {self.max_unpacked_mib} MiB"
                f" (max_unpacked_mib) and {self.max_unpacked_ratio} times its packed size (max_unpacked_ratio)",
            )
