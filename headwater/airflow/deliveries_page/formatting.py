"""Numbers, moments and texts for people. The templates escape everything they print; nothing here is markup."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from markupsafe import Markup

from headwater.metadata.redaction import redact
from headwater.metadata.visible import visible

NOTHING = "\N{EN DASH}"
LONGEST_CELL = 300  # characters

DECISION_WORDS = {
    "withdraw": ("Withdraw", "History becomes as if this delivery had never come."),
    "restore": ("Restore", "Undoes the withdrawal."),
    "accept": ("Accept", "Lets it pass in spite of the checks that it failed. Of duplicate keys the last row wins."),
    "replay": ("Replay", "Sends the delivery through every layer again, from S3, and checks it again."),
}  # fmt: skip
STATUS_KINDS = {
    "loaded": "good", "passed": "good", "succeeded": "good", "success": "good",
    "halted": "bad", "failed": "bad",
    "current": "good", "removed": "warn", "never in history": "warn",
    "pending": "warn", "accepted": "warn", "running": "warn", "queued": "warn", "stale": "warn", "recalled": "warn",
}  # fmt: skip
_UNITS = (("day", 86_400), ("hour", 3600), ("minute", 60))
_LONGER = (("year", 365 * 86_400), ("month", 30 * 86_400))


def number(value: int | None) -> str:
    """Return `28,426`; a dash for None."""
    return NOTHING if value is None else f"{value:,}"


def size(value: int | None) -> str:
    """Return `3.1 MiB`."""
    if value is None:
        return NOTHING
    amount = float(value)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if amount < 1024 or unit == "GiB":
            break
        amount /= 1024
    return f"{value} B" if unit == "B" else f"{amount:.1f} {unit}"


def moment(value: datetime) -> str:
    """Return a moment in UTC, without the time at midnight."""
    value = value.astimezone(UTC)
    midnight = (value.hour, value.minute, value.second) == (0, 0, 0)
    return value.strftime("%Y-%m-%d" if midnight else "%Y-%m-%d %H:%M")


def ago(value: datetime, now: datetime | None = None) -> str:
    """Return `3 hours ago`, `in 2 days`, `just now`."""
    seconds = ((now or datetime.now(UTC)) - value).total_seconds()
    for unit, length in (*_LONGER, *_UNITS):
        count = int(abs(seconds) // length)
        if count:
            message = f"{count} {unit}{'' if count == 1 else 's'}"
            return f"{message} ago" if seconds > 0 else f"in {message}"
    return "just now"


def time_of(value: datetime | None) -> Markup:
    """Return a moment, and how long ago it is."""
    if value is None:
        return Markup('<span class="faint">{}</span>').format(NOTHING)
    exact = value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return Markup('<time datetime="{}" title="{} UTC, {}">{}</time>').format(
        exact, exact.replace("T", " ").removesuffix("Z"), ago(value), moment(value)
    )


def ago_time(value: datetime) -> Markup:
    """Return how long ago a moment is, with the moment itself as a tooltip."""
    exact = value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    message = exact.replace("T", " ").removesuffix("Z")
    return Markup('<time datetime="{}" title="{} UTC">{}</time>').format(exact, message, ago(value))


def key_query(key: Mapping[str, Any]) -> str:
    """Return a key as the query string of its page."""
    texts = {name: value if isinstance(value, str) else json.dumps(value) for name, value in key.items()}
    return urlencode(texts)


def cell(value: Any) -> str:
    """Return a value of the data, cut if it is long."""
    if value is None:
        return NOTHING
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    text = visible(redact(text))
    return text if len(text) <= LONGEST_CELL else f"{text[:LONGEST_CELL]}…"


def sample_table(sample: Any) -> tuple[list[str], list[list[str]]]:
    """Return the findings of a check as rows, with the key columns as columns."""
    rows = [_flat(found) for found in (sample if isinstance(sample, list) else [sample])]
    columns = list(dict.fromkeys(name for row in rows for name in row))
    return columns, [[row.get(name, NOTHING) for name in columns] for row in rows]


def _flat(found: Any) -> dict[str, str]:
    if not isinstance(found, Mapping):
        return {"found": cell(found)}
    key = found.get("key")
    parts = {**(key if isinstance(key, Mapping) else {}), **{k: v for k, v in found.items() if k != "key"}}
    return {
        name: ", ".join(map(str, part)) if isinstance(part, list) else cell(part)
        for name, part in parts.items()
    }
