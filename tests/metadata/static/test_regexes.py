"""Patterns whose search may take forever, told without a search."""

from __future__ import annotations

import pytest

from headwater.metadata.static.regexes import repeats_variably


@pytest.mark.parametrize(
    "pattern", ["(a+)+$", "(a|aa)*$", "(?:x(a+))*", "(?=(a*)*)x", "((a+)+|b)", r"(\w+\s?)*", "(a?){30}"]
)
def test_what_repeats_something_of_no_fixed_length_is_told(pattern: str) -> None:
    assert repeats_variably(pattern)


@pytest.mark.parametrize(
    "pattern", ["^Total", r"^T;(?P<count>\d+)$", r"(\d{3},)*\d+", ".*;.*", "(ab|cd)+", "(a?b){2}", "[a-z]+$"]
)
def test_what_has_one_length_may_be_repeated(pattern: str) -> None:
    assert not repeats_variably(pattern)
