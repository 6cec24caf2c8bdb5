"""A doubt: a guess of a proposal that its sample does not prove.

A doubt is harmful if a wrong guess could lose or change data: the command continues only after a flag, or a
person, has settled it. It only lists the other doubts.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from headwater.metadata.visible import in_line

LONGEST = 60  # characters of a value in a doubt
MOST_SHOWN = 8  # of listed items


@dataclass(frozen=True)
class Doubt:
    """A guess, its evidence (lines or values), the cost of a wrong guess, and the flag that settles it.

    `option` is the option of the source that the flag sets, and `choices` its values, the guessed one first.
    """

    about: str
    guess: str
    rests_on: str
    risk: str
    flag: str
    is_harmful: bool = False
    option: str | None = None
    choices: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name in ("guess", "rests_on", "risk", "flag"):
            object.__setattr__(self, name, in_line(getattr(self, name)))

    def __str__(self) -> str:
        return f"{self.guess}: {self.rests_on}. If that is wrong, {self.risk} ({self.flag})"


def option_flag(option: str, value: str) -> str:
    """Return the flag for an option, quoted for a shell; `value` is spelled as in source_attribute.csv."""
    return f"--option {shlex.quote(f'{option}={value}')}"


def quoted(text: str, most: int = LONGEST) -> str:
    """Return a publisher's text for a message: short, and without control characters."""
    plain = in_line(text[: most + 1])
    return '"' + (plain if len(plain) <= most else plain[: most - 1] + "…") + '"'


def listed(names: Iterable[str], most: int = MOST_SHOWN) -> str:
    """Return some of the items, separated by commas."""
    all_names: Sequence[str] = list(names)
    more = len(all_names) - most
    return ", ".join(all_names[:most]) + (f" and {more:,} more" if more > 0 else "")
