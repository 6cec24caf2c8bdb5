"""The documentation as tests read it: the commands and the rows that a page has a person type."""

from __future__ import annotations

import re
import shlex
import textwrap
from collections.abc import Iterator

from tests.conftest import PROJECT

DOCS = PROJECT / "docs"
HEADWATER = "headwater "
DBT = '(eval "$(headwater env)" && dbt '
_BLOCK = re.compile(r"^ *```sh\n(.*?)^ *```", re.MULTILINE | re.DOTALL)


def page(name: str) -> str:
    """Return the text of a page, by its path below docs/ without the suffix: `how-to/add-a-source`."""
    return (DOCS / f"{name}.md").read_text(encoding="utf-8")


def shell_blocks(name: str) -> list[str]:
    """Return what a page has a person type into a shell, a block each."""
    return [textwrap.dedent(block) for block in _BLOCK.findall(page(name))]


def fragments_of(name: str) -> Iterator[str]:
    """Yield what a page has a person type into a shell: a command of ours, or lines of others between two."""
    for block in shell_blocks(name):
        others: list[str] = []
        for line in block.splitlines():
            if line.startswith((HEADWATER, DBT)):
                yield from filter(None, ["\n".join(others)])
                others = []
                yield line
            else:
                others.append(line)
        yield from filter(None, ["\n".join(others)])


def commands_of(name: str) -> list[list[str]]:
    """Return the `headwater` commands of a page, of cities in place of libraries."""
    lines = "".join(shell_blocks(name)).splitlines()
    words = [shlex.split(line, comments=True) for line in lines if line.startswith(HEADWATER)]
    return [
        [word.replace("libraries", "cities").replace("seats", "people") for word in line[1:]]
        for line in words
    ]
