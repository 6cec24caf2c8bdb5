"""The facts of a delivery that the sampler of a source type has written."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Sampled:
    """A delivery, whole or in part, for `headwater new-source` to look at."""

    publisher_name: str
    is_whole: bool = True  # whether it has all that the publisher has
    names: tuple[str, ...] = ()  # of all present files
