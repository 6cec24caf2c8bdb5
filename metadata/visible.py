"""Characters that steer a terminal, hide, or turn the text around them are shown as what they are.

What publishers call a file or a column reaches screens and logs. In such a text an escape could clear the screen or
answer for the user, a carriage return could write over what stood there, and a right-to-left override shows another
name than there is. They are spelled as Python and JSON spell them, `\\x1b` and `\\u202e`.
"""

from __future__ import annotations

import json
import re
from typing import Any

from headwater.metadata.redaction import redact

LONGEST = 60  # characters of a value in a message
_HIDDEN = (
    "\x00-\x08\x0b-\x1f\x7f-\x9f"  # controls, but for a tab and the end of a line
    # of no width
    "\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b-\u200f\u2060-\u206f\u3164\ufeff\uffa0\ufff0-\ufffb"
    "\u2028-\u202e"  # ends of lines and paragraphs, and directions
    "\ud800-\udfff"  # half a character: bytes that are no UTF-8
    "\U000e0000-\U000e0fff"  # tags
)
_ANYWHERE = re.compile(f"[{_HIDDEN}]")
_IN_LINE = re.compile(f"[\t\n{_HIDDEN}]")
_NAMES = {"\n": "\\n", "\t": "\\t", "\r": "\\r"}


def visible(text: str) -> str:
    """Return a text of one or more lines, in which nothing steers or hides."""
    return _ANYWHERE.sub(_spelled, text)


def in_line(text: str) -> str:
    """Return a text as a part of one line, in which nothing steers or hides, and no line ends."""
    return _IN_LINE.sub(_spelled, text)


def shortened(text: str, most: int = LONGEST) -> str:
    """Return a text as a part of one line, without secrets, and cut after `most` characters."""
    text = redact(text)
    shown = in_line(text[:most])
    return f"{shown}…" if len(text) > most else shown


def quoted(value: str | None, most: int = LONGEST) -> str:
    """Return a value, shortened, in quotes, or `nothing`."""
    return "nothing" if value is None else '"' + shortened(value, most) + '"'


def visible_json(value: Any, **how: Any) -> str:
    """Return JSON that says exactly this value, and in which nothing steers or hides either."""
    return _ANYWHERE.sub(_escaped, json.dumps(value, ensure_ascii=False, **how))


def _spelled(found: re.Match[str]) -> str:
    code = ord(found[0])
    return _NAMES.get(found[0]) or (
        f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
    )


def _escaped(found: re.Match[str]) -> str:
    return json.dumps(found[0])[1:-1]
