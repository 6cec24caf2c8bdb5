"""A terminal that shows publishers' texts safely: only our own markup controls colours and cursor."""

from __future__ import annotations

from typing import Any

from rich import markup
from rich.console import Console
from rich.text import Text

from headwater.metadata.visible import in_line, visible


class Terminal(Console):
    """A console that makes control characters in every string visible, because publishers wrote some of them."""

    def __init__(self, **more: Any) -> None:
        super().__init__(highlight=False, soft_wrap=True, emoji=False, **more)

    def render_str(self, text: str, **how: Any) -> Text:
        """Convert a string, also that of a table cell, to a safe text."""
        return super().render_str(visible(text), **how)


def escape(text: str) -> str:
    """Return an external text for use in a line with markup: its markup and line ends are escaped."""
    return markup.escape(in_line(text))


def paragraph(text: str) -> str:
    """Return a text whose lines after the first are indented, so that none looks like one of ours."""
    return text.replace("\n", "\n  ")
