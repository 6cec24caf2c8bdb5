r"""The spelling of white space, nothing and invisible signs in a cell, where an editor or dbt would lose them.

    <empty>  no character at all      <space>  one blank      <none>  nothing (no quote character)
    \t       a tab                    \n       a line feed    \r      a carriage return
    <u+a0>   the character of this code in Unicode: what has no other spelling, or would read like one (`<u+5c>t`)

A list is written with `|` between its tokens: `NA|<empty>` is the token NA and the empty token.
"""

from __future__ import annotations

import re
import unicodedata

SPELLINGS = {"<empty>": "", "<none>": "", "<space>": " ", r"\t": "\t", r"\n": "\n", r"\r": "\r"}

_BY_CODE = re.compile(r"<u\+([0-9a-f]{1,6})>")
_SPELLED = re.compile("|".join(map(re.escape, SPELLINGS)) + "|" + _BY_CODE.pattern)
_LOOKS_SPELLED = re.compile(r"<(?:[a-z]+|u\+[^<>|]*)>")
_WOULD_READ_LIKE_ONE = re.compile(r"\\(?=[tnr])|<(?=(?:[a-z]+|u\+[^<>|]*)>)")
_UNSEEN = frozenset({"Cc", "Cf", "Zl", "Zp", "Zs", "Co", "Cn"})  # categories of characters that nobody sees


def unspell(cell: str) -> str:
    """The text that a cell stands for: `<space>USD` is a blank and USD."""
    return _SPELLED.sub(_unspelled, cell)


def spell(text: str) -> str:
    """Return how a text is written in a cell: the reverse of `unspell`."""
    if not text:
        return "<empty>"
    if text.lower() == "null":  # alone, a blank cell to dbt
        return _by_code(text[0]) + text[1:]
    text = "".join(map(_seen, _WOULD_READ_LIKE_ONE.sub(lambda found: _by_code(found.group()), text)))
    inner = text.strip(" ")
    left, _, right = text.partition(inner) if inner else (text, "", "")
    return f"{'<space>' * len(left)}{inner}{'<space>' * len(right)}"


def unspell_list(cell: str) -> tuple[str, ...]:
    """The tokens of a list, in their order: `NA|<empty>` is ("NA", "")."""
    return tuple(unspell(token) for token in cell.split("|"))


def unknown_spellings(cell: str) -> tuple[str, ...]:
    """Return what is written like a spelling and is none: `<spaces>` or `<nul>`, or the code of no character."""
    return tuple(found for found in _LOOKS_SPELLED.findall(cell) if not _is_known(found))


def _unspelled(found: re.Match[str]) -> str:
    if found[1] is None:
        return SPELLINGS[found.group()]
    return chr(int(found[1], 16)) if _is_known(found.group()) else found.group()


def _is_known(spelled: str) -> bool:
    """Neither Postgres nor UTF-8 has NUL and the halves of surrogate pairs."""
    if found := _BY_CODE.fullmatch(spelled):
        code = int(found[1], 16)
        return 0 < code < 0xD800 or 0xDFFF < code <= 0x10FFFF
    return spelled in SPELLINGS


def _seen(character: str) -> str:
    if character == " " or unicodedata.category(character) not in _UNSEEN:
        return character
    if character in "\t\n\r":
        return character.encode("unicode_escape").decode()
    return _by_code(character)


def _by_code(character: str) -> str:
    return f"<u+{ord(character):x}>"
