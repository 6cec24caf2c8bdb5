r"""The text of a sql_script: which parameters it asks for, and how it is handed to SQLAlchemy.

A parameter is `:name`. A colon in a literal, a quoted name or a comment is text, and so is one of `::` and `:=`, one
that follows a name or a number as in `a[1:n]`, and one that a backslash escapes, as in `a[\:n]`. The words are those
of Postgres and standard SQL, in whose literals a backslash is a plain character unless an E stands before them.
"""

from __future__ import annotations

import re

_WORDS = re.compile(
    r"""
      (?<!\w)[eE]'(?:[^'\\]|\\.|'')*'
    | '(?:[^']|'')*'
    | "(?:[^"]|"")*"
    | (?<![\w$])\$(?P<tag>(?:[^\W\d]\w*)?)\$.*?\$(?P=tag)\$
    | --[^\n]*
    | /\*.*?\*/
    | ::
    | \\:
    | (?<![\w$]):(?P<parameter>[^\W\d]\w*)
    | :
    """,
    re.VERBOSE | re.DOTALL,
)
_NAME = r'(?:[^\W\d][\w$]*|"(?:[^"]|"")+")'
_PROCEDURE = re.compile(rf"{_NAME}(?:\.{_NAME}){{0,2}}")


def parameters_of(sql_text: str) -> tuple[str, ...]:
    """Return the names of the parameters that a script asks for, each once, in the order of the text."""
    names = (word["parameter"] for word in _WORDS.finditer(sql_text))
    return tuple(dict.fromkeys(name for name in names if name))


def escaped(sql_text: str) -> str:
    """Return the text for `sqlalchemy.text`, which knows no literals: every colon escaped that begins no parameter."""
    return _WORDS.sub(_escaped_word, sql_text)


def is_procedure_name(sql_text: str) -> bool:
    """Return whether the text is nothing but the name of a procedure, with or without its schema and quotes."""
    return _PROCEDURE.fullmatch(sql_text.strip()) is not None


def _escaped_word(word: re.Match[str]) -> str:
    if word["parameter"] or word[0] == r"\:":
        return word[0]
    return word[0].replace(":", r"\:")
