from __future__ import annotations

from headwater.metadata.static.cycles import find_cycles


def test_chain_has_no_circle() -> None:
    assert find_cycles({"a": ["b"], "b": ["c"]}) == []


def test_cycle_begins_with_its_first_name_and_leaves_out_the_way_to_it() -> None:
    assert find_cycles({"x": ["b"], "a": ["b"], "b": ["c"], "c": ["a"]}) == [("a", "b", "c")]


def test_every_cycle_is_found_once() -> None:
    assert find_cycles({"a": ["a"], "b": ["c"], "c": ["b"], "d": ["c"]}) == [("a",), ("b", "c")]


def test_long_chain_is_walked_once() -> None:
    names = [str(number) for number in range(100_000)]
    follows = {name: [after] for name, after in zip(reversed(names[:-1]), reversed(names[1:]), strict=True)}
    assert find_cycles(follows) == []
    assert find_cycles({**follows, names[-1]: names[:1]}) == [(*names[-2::-1][:1], names[-1], *names[:-2])]


def test_a_cycle_is_found_behind_names_that_lead_nowhere() -> None:
    follows = {"a": ["x", "b", "y"], "b": ["z", "c"], "c": ["x", "a"], "z": []}
    assert find_cycles(follows) == [("a", "b", "c")]


def test_two_cycles_of_one_name_are_both_found() -> None:
    assert find_cycles({"a": ["b", "c"], "b": ["a"], "c": ["a"]}) == [("a", "b"), ("a", "c")]
