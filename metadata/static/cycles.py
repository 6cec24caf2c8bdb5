"""Finding rows that wait for each other."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping


def find_cycles(follows: Mapping[str, Collection[str]]) -> list[tuple[str, ...]]:
    """The cycles in "name follows names", each from its first name on in the order of `follows`.

    {"a": ["b"], "b": ["c"], "c": ["a"]} has the cycle ("a", "b", "c"). Where cycles share a part, not all of them
    need be found, but at least one is. Linear in the number of names and of what they follow.
    """
    order = {name: place for place, name in enumerate(follows)}
    seen: set[str] = set()
    cycles: list[tuple[str, ...]] = []
    for start in follows:
        found = _cycles_below(start, follows, seen)
        cycles += [_begin_at(min(cycle, key=order.__getitem__), cycle) for cycle in found]
    return cycles


def _cycles_below(
    start: str, follows: Mapping[str, Collection[str]], seen: set[str]
) -> Iterator[tuple[str, ...]]:
    """The cycles that a walk from `start` comes upon, into what is not in `seen` yet; it is then."""
    path: dict[str, Iterator[str]] = {}  # name → what is left of those that it follows
    here: str | None = start
    while here is not None:
        if here not in seen and here in follows:
            seen.add(here)
            path[here] = iter(follows[here])
        elif here in path:
            names = list(path)
            yield tuple(names[names.index(here) :])
        here = None
        while path and (here := next(path[next(reversed(path))], None)) is None:
            path.popitem()


def _begin_at(name: str, cycle: tuple[str, ...]) -> tuple[str, ...]:
    at = cycle.index(name)
    return cycle[at:] + cycle[:at]
