"""The terminal: whatever is printed, nothing in it steers the screen but our own colours."""

from __future__ import annotations

from typing import Any

from rich import markup
from rich.console import Console
from rich.text import Text

from headwater.metadata.visible import in_line, visible


class Terminal(Console):
    """A console on which what publishers say is text: every string on its way there is made visible."""

    def __init__(self, **more: Any) -> None:
        super().__init__(highlight=False, soft_wrap=True, emoji=False, **more)

    def render_str(self, text: str, **how: Any) -> Text:
        """Make a text of a string, of the cells of tables too."""
        return super().render_str(visible(text), **how)


def escape(text: str) -> str:
    """Return a text of somebody else's as a part of a line with markup: it has no markup, and ends no line."""
    return markup.escape(in_line(text))


def paragraph(text: str) -> str:
    """Return a text of one or more lines, of which all but the first are indented: none passes for one of ours."""
    return text.replace("\n", "\n  ")
