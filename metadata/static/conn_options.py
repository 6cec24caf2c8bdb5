"""The options of a conn_str: `name=value`, with `;` between them, whatever the type of the data source."""

from __future__ import annotations

import re

from headwater.metadata.static.source_type import SourceType

EXPECTED = "NAME=VALUE, with ; between one and the next"
_NEXT_ONE = re.compile(r"[\s&]([\w.]+)=")


def parse_options(text: str | None) -> dict[str, str]:
    """The values by their names, without the blanks around either."""
    pairs = [part.partition("=") for part in _parts(text)]
    return {name.strip(): value.strip() for name, _, value in pairs}


def options_problem(declared: SourceType | None, text: str | None) -> tuple[str, str] | None:
    """Return what is wrong with the options of a connection, and what was expected; None where all is well.

    `declared` is the type of its data source, as far as that is known.
    """
    may_hold_settings = declared is not None and declared.connection_values_hold_settings
    seen: set[str] = set()
    for part in _parts(text):
        name, sign, value = (piece.strip() for piece in part.partition("="))
        if not sign or not name or not value or re.search(r"\s", name):
            return f'"{part}" is no option', EXPECTED
        if name in seen:
            return f"{name} comes twice", "each option once"
        seen.add(name)
        following = _NEXT_ONE.search(value)
        if following and not may_hold_settings and name != "options":  # libpq's own may hold several settings
            return f"{following[1]} stands in the value of {name}", EXPECTED
        of_type = declared.connection_option_problem if declared else None
        if of_type and (wrong := of_type(name, value)):
            return wrong
    return None


def _parts(text: str | None) -> list[str]:
    return [part.strip() for part in (text or "").split(";") if part.strip()]
