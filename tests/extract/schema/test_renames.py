"""Renames: an unknown column may be a missing one under a new name."""

from __future__ import annotations

import pytest

from headwater.extract.schema import renames
from headwater.extract.schema.renames import Before, likely_renames
from tests.support.work import Counted, work_of

NOBODY = Before()
TOWNS = {"Ulm", "Bonn", "Kiel", "Jena"}
COUNTS = {"1", "20", "300"}


@pytest.mark.parametrize("new", ["name_en", "NAME", " name", "Name (official)", "nmae", "names"])
def test_a_name_that_is_much_alike_is_enough(new: str) -> None:
    assert likely_renames(["name"], ["id", new], [1], NOBODY, {}) == {"name": 1}


@pytest.mark.parametrize("new", ["mayor", "", " ", "_", "people"])
def test_a_name_of_its_own_is_another_column(new: str) -> None:
    assert likely_renames(["name"], ["id", new], [1], NOBODY, {}) == {}


def test_a_new_name_in_the_old_place_is_a_new_name_unless_the_values_say_otherwise() -> None:
    before = Before(["id", "name", "people"])
    header = ["id", "libelle", "people"]
    assert likely_renames(["name"], header, [1], before, {}) == {"name": 1}
    assert likely_renames(["name"], header[:2], [1], before, {}) == {}  # the places have moved
    before = Before(before.header, {"name": TOWNS})
    assert likely_renames(["name"], header, [1], before, {"libelle": COUNTS}) == {}


def test_the_same_values_tell_a_new_name_in_a_new_place() -> None:
    before = Before(["id", "name"], {"name": TOWNS})
    header = ["libelle", "maire", "id"]
    assert likely_renames(["name"], header, [0, 1], before, {"libelle": TOWNS, "maire": COUNTS}) == {
        "name": 0
    }
    few = Before(["id", "name"], {"name": {"yes", "no"}})
    assert likely_renames(["name"], header, [0, 1], few, {"libelle": {"yes", "no"}, "maire": COUNTS}) == {}


def test_each_has_one_partner_and_the_likeliest_goes_first() -> None:
    header = ["name_de", "name_en", "id"]
    values = {"name_de": COUNTS, "name_en": TOWNS}
    before = Before(["id", "name", "name_old"], {"name": TOWNS, "name_old": COUNTS})
    assert likely_renames(["name_old", "name"], header, [0, 1], before, values) == {"name": 1, "name_old": 0}


def test_a_column_that_stood_beside_the_missing_one_is_not_it() -> None:
    before = Before(["id", "name", "name_en"])
    assert likely_renames(["name"], ["id", "name_en"], [1], before, {}) == {}


def test_so_many_new_columns_are_not_all_compared_by_letters(monkeypatch: pytest.MonkeyPatch) -> None:
    """Columns with the name of a missing one, or its place, are found among them; only few pairs are looked at."""
    looked = 0
    proper = renames._alike

    def alike(old: str, new: str) -> float:
        nonlocal looked
        looked += 1
        return proper(old, new)

    monkeypatch.setattr(renames, "_alike", alike)
    missing = [f"column {n}" for n in range(50)]
    header = [*(f"x{n}" for n in range(16_000)), "COLUMN_7"]
    assert likely_renames(missing, header, range(len(header)), NOBODY, {}) == {"column 7": 16_000}
    assert looked <= renames.MOST_PAIRS


def test_partners_are_found_by_a_look_up() -> None:
    def find(count: int) -> None:
        header = [Counted(f"Name {n}") for n in range(count)]
        before = Before([Counted(f"other {n}") for n in range(count)])
        assert len(likely_renames(["name_1", "name_2"], header, range(count), before, {})) == 2

    assert work_of(find, 2000) < 3 * work_of(find, 1000)
