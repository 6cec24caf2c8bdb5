"""Addresses and bodies of calls: parameters go into the query of a GET, and into the payload of a POST."""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

# RFC 8288: an address, and what is said of it
LINK = re.compile(r"""<([^>]*)>((?:[^",<]|"(?:\\.|[^"\\])*")*)""")
RELATION = re.compile(r""";\s*rel\s*=\s*("[^"]*"|[^\s;,"]+)""", re.IGNORECASE)


def with_parameters(address: str, parameters: Mapping[str, str]) -> str:
    """An address whose query has these parameters, in place of those of the same names."""
    parts = urlsplit(address)
    others = [pair for pair in parse_qsl(parts.query, keep_blank_values=True) if pair[0] not in parameters]
    return urlunsplit(parts._replace(query=urlencode([*others, *parameters.items()]), fragment=""))


def with_members(payload: Mapping[str, Any], members: Mapping[str, Any]) -> dict[str, Any]:
    """A payload with these members; `variables.after` is one of the object `variables`."""
    made: dict[str, Any] = copy.deepcopy(dict(payload))
    for path, value in members.items():
        *outer, last = path.split(".")
        inner = made
        for name in outer:
            if not isinstance(inner.get(name), dict):
                inner[name] = {}
            inner = inner[name]
        inner[last] = value
    return made


def below(address: str, endpoint: str | None) -> str:
    """The address of an endpoint, which may have a query of its own."""
    if not endpoint:
        return address
    return f"{address.rstrip('/')}/{endpoint.lstrip('/')}"


def next_link(header: str) -> str | None:
    """The address that a header Link gives the relation `next`, which may be one of several."""
    for address, parameters in LINK.findall(header):
        relation = RELATION.search(parameters)
        if relation and "next" in relation[1].strip('"').lower().split():
            return str(address).strip()
    return None
