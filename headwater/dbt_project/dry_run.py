"""The effect of a decision on history: counts of versions by kind, some of their keys, and a sentence."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

KINDS = ("added", "dropped", "ended", "reopened")
# kind → what happens to one version, and to several
_HAPPENS = {
    "added": ("1 version appears", "{:,} versions appear"),
    "dropped": ("1 version disappears", "{:,} versions disappear"),
    "ended": ("1 version ends", "{:,} versions end"),
    "reopened": ("1 version is current again", "{:,} versions are current again"),
}
MEANING = {
    "added": "Versions that history does not have today: it says something new of these keys from that date on.",
    "dropped": "Versions that history has today and would lose: what was said of these keys from that date on.",
    "ended": "Versions that stay, and are true for a shorter time than history says today, or get an end at all.",
    "reopened": "Versions that history has ended, and that are true to this day then.",
}


@dataclass(frozen=True)
class ChangedKey:
    """A version of the sample: its key, and from when on it is true (ISO 8601, UTC)."""

    key: dict[str, Any]
    valid_from: str


@dataclass(frozen=True)
class DryRunResult:
    """Counts of versions that a decision would add, drop, end and reopen, with a `sample` of each kind.

    That of a replay also contains the expected check result.
    """

    added: int
    dropped: int
    ended: int
    reopened: int
    verdict: str | None = None
    why: str | None = None
    sample: Mapping[str, Sequence[ChangedKey]] = field(default_factory=dict, compare=False)

    @property
    def sentence(self) -> str:
        """Return the counts as a sentence: `318 versions appear and 453 versions end.`"""
        messages = list(self._happenings())
        if not messages:
            return "History stays as it is."
        return " and ".join(filter(None, [", ".join(messages[:-1]), messages[-1]])) + "."

    def happening(self, kind: str) -> str:
        """Return the effect on the versions of a kind: `1 version ends`."""
        count: int = getattr(self, kind)
        one, several = _HAPPENS[kind]
        return one if count == 1 else several.format(count)

    def _happenings(self) -> Iterator[str]:
        for kind in KINDS:
            if getattr(self, kind):
                yield self.happening(kind)


def dry_run_result(found: Mapping[str, Any]) -> DryRunResult:
    """Return the result of the macro history_difference: `{"added": {"count": 3, "sample": [{"key": …,
    "valid_from": …}]}}`.
    """
    counts = {kind: int(found.get(kind, {}).get("count", 0)) for kind in KINDS}
    sample = {kind: _keys(found[kind]["sample"]) for kind in KINDS if kind in found}
    return _result(counts, sample)


def dry_run_from_json(payload: Mapping[str, Any]) -> DryRunResult:
    """Return the result that `--dry-run --json` printed."""
    sample = {kind: _keys(keys) for kind, keys in payload.get("sample", {}).items()}
    return replace(_result(payload, sample), verdict=payload.get("verdict"), why=payload.get("why"))


def _result(counts: Mapping[str, Any], sample: Mapping[str, Sequence[ChangedKey]]) -> DryRunResult:
    added, dropped, ended, reopened = (int(counts[kind]) for kind in KINDS)
    return DryRunResult(added, dropped, ended, reopened, sample=sample)


def _keys(sample: Sequence[Mapping[str, Any]]) -> tuple[ChangedKey, ...]:
    return tuple(ChangedKey(dict(one["key"]), one["valid_from"]) for one in sample)
