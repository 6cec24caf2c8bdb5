"""The demo's API: the records of a JSON file in pages, or those that changed since a moment.

GET /api/planes?page=2&per_page=500&changed_since=2013-03-01T00:00:00Z

`changed_since` is inclusive and applies to each record's `changed_at`.
"""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

MOST_PER_PAGE = 1000
PREFIX = "api/"


class NotUnderstood(ValueError):  # noqa: N818
    """An invalid request; the message says why."""


def answer(file: Path, query: str) -> bytes:
    """Return the requested page. Raises `NotUnderstood`."""
    asked = {name: values[-1] for name, values in parse_qs(query).items()}
    page, per_page = _count(asked, "page", 1), min(_count(asked, "per_page", 100), MOST_PER_PAGE)
    since = asked.get("changed_since", "")
    records = [record for record in _records(file, file.stat().st_mtime_ns) if record["changed_at"] >= since]
    chosen = records[(page - 1) * per_page : page * per_page]
    return json.dumps({"total": len(records), "page": page, "records": chosen}, ensure_ascii=False).encode()


def _count(asked: dict[str, str], name: str, usual: int) -> int:
    text = asked.get(name, str(usual))
    if not text.isdecimal() or int(text) < 1:
        raise NotUnderstood(f"{name} is {text[:20]!r}, expected a number from 1")
    return int(text)


@lru_cache(maxsize=1)
def _records(file: Path, changed_ns: int) -> list[dict[str, Any]]:  # noqa: ARG001  # another time, another reading
    found: list[dict[str, Any]] = json.loads(file.read_text(encoding="utf-8"))
    return found
