"""Finding rows that wait for each other."""

from __future__ import annotations

from collections.abc import Mapping


def find_circles(follows: Mapping[str, str]) -> list[tuple[str, ...]]:
    """The circles in "name follows name", each once and from its first name on in the order of `follows`.

    {"a": "b", "b": "c", "c": "a"} has the circle ("a", "b", "c"). Linear in the number of names.
    """
    circles: list[tuple[str, ...]] = []
    walked: dict[str, str] = {}  # name → the start of the walk that came by
    for start in follows:
        name = start
        while name in follows and name not in walked:
            walked[name] = start
            name = follows[name]
        if name in follows and walked[name] == start:
            circles.append(_circle_from(name, follows))
    order = {name: place for place, name in enumerate(follows)}
    return [_begin_at(min(circle, key=order.__getitem__), circle) for circle in circles]


def _circle_from(name: str, follows: Mapping[str, str]) -> tuple[str, ...]:
    circle = [name]
    while follows[circle[-1]] != name:
        circle.append(follows[circle[-1]])
    return tuple(circle)


def _begin_at(name: str, circle: tuple[str, ...]) -> tuple[str, ...]:
    at = circle.index(name)
    return circle[at:] + circle[:at]
