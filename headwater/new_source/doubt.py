"""A doubt: a guess of a proposal that its sample does not prove.

What could lose or change data if it is wrong is harmful: nothing goes on by itself until a flag, or a person, has
settled it. The others are listed, and go on.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from headwater.metadata.visible import in_line

LONGEST = 60  # characters of a value in a doubt
MOST_SHOWN = 8  # of things that are listed


@dataclass(frozen=True)
class Doubt:
    """A guess, the lines or values on which it rests, what it costs if it is wrong, and the flag that settles it.

    `option` is the option of the source that the flag is of, and `choices` its values, the guessed one first.
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
    """The flag that says an option, as a shell takes it; `value` is spelled as in source_attribute.csv."""
    return f"--option {shlex.quote(f'{option}={value}')}"


def quoted(text: str, most: int = LONGEST) -> str:
    """A text of a publisher's for a message: short, and nothing in it that a terminal obeys."""
    plain = in_line(text[: most + 1])
    return '"' + (plain if len(plain) <= most else plain[: most - 1] + "…") + '"'


def listed(names: Iterable[str], most: int = MOST_SHOWN) -> str:
    """Some of them, with commas between."""
    all_names: Sequence[str] = list(names)
    more = len(all_names) - most
    return ", ".join(all_names[:most]) + (f" and {more:,} more" if more > 0 else "")
