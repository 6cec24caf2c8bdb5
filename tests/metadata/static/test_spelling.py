"""Cells in which white space, nothing and unseen signs are spelled: any text can be written, and is read as it was."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.metadata.static.cell_types import spelling_problem
from headwater.metadata.static.spelling import spell, unspell, unspell_list
from tests.support.hostile import NAMES, params


@pytest.mark.parametrize("text", params(NAMES))
def test_every_hostile_name_can_be_written_and_is_read_as_it_was(text: str) -> None:
    cell = spell(text)
    assert unspell(cell) == text
    assert spelling_problem(cell) is None
    assert cell == cell.strip()
    assert all(sign.isprintable() for sign in cell), "a reviewer sees what stands there"


@given(
    st.text(
        alphabet=st.one_of(st.sampled_from("<>|\\tnu+01 \u00a0"), st.characters(exclude_categories=["Cs"]))
    )
)
def test_any_text_can_be_written_and_is_read_as_it_was(text: str) -> None:
    if "\0" not in text:
        assert unspell(spell(text)) == text
        assert spelling_problem(spell(text)) is None


@pytest.mark.parametrize(
    ("text", "cell"),
    [
        ("", "<empty>"), (" USD", "<space>USD"), ("a\tb", r"a\tb"), (r"a\tb", "a<u+5c>tb"), (r"a\b", r"a\b"),
        ("<space>", "<u+3c>space>"), ("<a href>", "<a href>"), ("a\u00a0b", "a<u+a0>b"), ("null", "<u+6e>ull"),
        ("Größe 💶", "Größe 💶"),
    ],
)  # fmt: skip
def test_only_what_must_be_is_spelled(text: str, cell: str) -> None:
    assert spell(text) == cell
    assert unspell(cell) == text


@pytest.mark.parametrize("cell", ["<u+0>", "<u+d800>", "<u+110000>", "<u+xyz>", "<u+>", "<U+41>", "<nul>"])
def test_what_is_the_code_of_no_character_is_refused_or_text(cell: str) -> None:
    assert unspell(cell) == cell
    assert (spelling_problem(cell) is None) == (cell == "<U+41>")


def test_a_token_of_a_list_may_hold_what_separates_tokens() -> None:
    assert unspell_list("a<u+7c>b|<empty>") == ("a|b", "")
