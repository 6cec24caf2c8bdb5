"""Literal text for files that dbt renders: Jinja outputs exactly the text and executes nothing in it.

dbt renders every value of a YAML file below `models/` once, some when it reads the file, descriptions and the
arguments of tests later; it renders no keys.
"""

from __future__ import annotations

import re
from typing import Any

# What Jinja would take for its own; and line breaks and what nobody sees, which Jinja and YAML write their own way.
_UNSEEN = r"\x00-\x1f\x7f-\x9f\u2028\u2029\ufeff"
_RENDERED = re.compile(rf"\{{[{{%#]|[}}%#]\}}|[{_UNSEEN}]")
_IN_LITERAL = re.compile(rf"[{_UNSEEN}\"'\\{{}}%#]")


def verbatim(value: Any) -> Any:
    """Return a value for a YAML file that dbt reads as this value; walks lists and mappings."""
    if isinstance(value, str):
        return _literal(value) if _RENDERED.search(value) else value
    if isinstance(value, dict):
        return {key: verbatim(below) for key, below in value.items()}
    if isinstance(value, list | tuple):
        return [verbatim(below) for below in value]
    return value


def doc_text(text: str) -> str:
    """Return text for a doc block, which dbt reads without rendering it: nothing in it opens a tag of Jinja."""
    return re.sub(rf"[{_UNSEEN}]+", " ", re.sub(r"\{(?=[{%#])", "&#123;", text))


def _literal(text: str) -> str:
    """An expression of Jinja that is the text, with no sign of Jinja inside."""
    escaped = _IN_LITERAL.sub(lambda found: f"\\u{ord(found.group()):04x}", text)
    return f'{{{{ "{escaped}" }}}}'
