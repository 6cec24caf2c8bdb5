"""Texts as Postgres can have them."""

from __future__ import annotations

import pytest

from headwater.metadata.storable import is_storable, storable, storable_all
from tests.support.hostile import FILE_NAMES, NAMES, params

UNSTORABLE = ("nul", "no_utf8")


@pytest.mark.parametrize("text", params({**NAMES, **FILE_NAMES}, leaving_out=UNSTORABLE))
def test_what_can_be_stored_stays_as_it_is(text: str) -> None:
    assert is_storable(text)
    assert storable(text) == text
    assert storable_all({text: [text, (text, 1, None)]}) == {text: [text, (text, 1, None)]}


@pytest.mark.parametrize("name", UNSTORABLE)
def test_what_cannot_be_stored_is_spelled(name: str) -> None:
    text = FILE_NAMES[name]
    assert not is_storable(text)
    assert storable(text) == text.replace("\0", r"\x00").replace("\udce9", r"\udce9")
    assert storable_all({text: [text]}) == {storable(text): [storable(text)]}
