r"""How white space and nothing are written in a cell, where an editor or dbt would lose them.

    <empty>  no character at all      <space>  one blank      <none>  nothing (no quote character)
    \t       a tab                    \n       a line feed    \r      a carriage return

A list is written with `|` between its tokens: `NA|<empty>` is the token NA and the empty token.
"""

from __future__ import annotations

import re

SPELLINGS = {"<empty>": "", "<none>": "", "<space>": " ", r"\t": "\t", r"\n": "\n", r"\r": "\r"}

_SPELLED = re.compile("|".join(map(re.escape, SPELLINGS)))
_LOOKS_SPELLED = re.compile(r"<[a-z]+>")


def unspell(cell: str) -> str:
    """The text that a cell stands for: `<space>USD` is a blank and USD."""
    return _SPELLED.sub(lambda found: SPELLINGS[found.group()], cell)


def spell(text: str) -> str:
    """How a text is written in a cell: the reverse of `unspell`."""
    if not text:
        return "<empty>"
    for sign in ("\t", "\n", "\r"):
        text = text.replace(sign, sign.encode("unicode_escape").decode())
    inner = text.strip(" ")
    left, _, right = text.partition(inner) if inner else (text, "", "")
    return f"{'<space>' * len(left)}{inner}{'<space>' * len(right)}"


def unspell_list(cell: str) -> tuple[str, ...]:
    """The tokens of a list, in their order: `NA|<empty>` is ("NA", "")."""
    return tuple(unspell(token) for token in cell.split("|"))


def unknown_spellings(cell: str) -> tuple[str, ...]:
    """What is written like a spelling and is none: `<spaces>` or `<nul>`."""
    return tuple(found for found in _LOOKS_SPELLED.findall(cell) if found not in SPELLINGS)
