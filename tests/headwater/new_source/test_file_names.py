"""The pattern of a source's files, by the name of one and of those beside it."""

from __future__ import annotations

import re

import pytest

from headwater.metadata.errors import NewSourceRefused
from headwater.metadata.static.options import FILE_OPTIONS
from headwater.metadata.static.rules.options import option_problem
from headwater.new_source.file_names import pattern_of, pattern_told
from tests.support import hostile


@pytest.mark.parametrize(
    ("name", "pattern", "date", "form"),
    [
        ("airports-20260315.csv", r"^airports-(?P<date>\d{8})\.csv$", "20260315", None),
        ("a 2026-03-15 (1).csv", r"^a (?P<date>\d{4}-\d{2}-\d{2}) \(1\)\.csv$", "2026-03-15", None),
        ("a_2026_03_15.xlsx", r"^a_(?P<date>\d{4}_\d{2}_\d{2})\.xlsx$", "2026_03_15", "%Y_%m_%d"),
        ("15.03.2026.csv.gz", r"^(?P<date>\d{2}\.\d{2}\.\d{4})\.csv\.gz$", "15.03.2026", "%d.%m.%Y"),
        ("flights-2013-01.csv", r"^flights-(?P<date>\d{4}-\d{2})\.csv$", "2013-01", None),
        ("flights-201301.csv", r"^flights-(?P<date>\d{6})\.csv$", "201301", "%Y%m"),
        ("order-12345678.csv", r"^order-12345678\.csv$", None, None),
        ("census_2000.csv", r"^census_2000\.csv$", None, None),
        ("plain.json", r"^plain\.json$", None, None),
    ],
)
def test_files_with_another_date_in_their_name_match(
    name: str, pattern: str, date: str | None, form: str | None
) -> None:
    found = pattern_of(name)
    assert (found.pattern, found.date_format) == (pattern, form)
    match = re.search(found.pattern, name)
    assert match
    assert match.groupdict().get("date") == date
    assert found.options["date_from"] == ("name" if date else "header")


@pytest.mark.parametrize(
    ("name", "others", "pattern", "form"),
    [
        ("o_20260105T093000.csv", [], r"^o_(?P<date>\d{8}T\d{6})\.csv$", "%Y%m%dT%H%M%S"),
        (
            "o-2026-01-05-0930.csv",
            ["o-2026-01-06-1015.csv"],
            r"^o-(?P<date>\d{4}-\d{2}-\d{2}-\d{4})\.csv$",
            "%Y-%m-%d-%H%M",
        ),
        (
            "o-2026-01-05-0930.csv",
            ["o-2026-01-06-2930.csv"],
            r"^o-(?P<date>\d{4}-\d{2}-\d{2})-\d+\.csv$",
            None,
        ),
        (
            "o_2026-01-05T09-30-00Z.csv",
            [],
            r"^o_(?P<date>\d{4}-\d{2}-\d{2}T\d{2}-\d{2}-\d{2}Z)\.csv$",
            "%Y-%m-%dT%H-%M-%SZ",
        ),
        ("o20260105093000.csv", [], r"^o(?P<date>\d{14})\.csv$", "%Y%m%d%H%M%S"),
        ("o-1767605400.csv", ["o-1767605999.csv"], r"^o-\d+\.csv$", None),
        ("o_v1.2_20260105.csv", ["o_v1.10_20260106.csv"], r"^o_v1\.\d+_(?P<date>\d{8})\.csv$", None),
        ("o-3f2a9bc.csv", ["o-9f2a9bd.csv"], r"^o-[0-9a-f]{7}\.csv$", None),
        ("o-3f2a9bc0.csv", ["o-9f2a9bc.csv"], r"^o-[0-9a-f]+\.csv$", None),
        ("acs2012_5yr.csv", ["acs2013_5yr.csv"], r"^acs(?P<date>\d{4})_5yr\.csv$", "%Y"),
        ("o-20260105.csv.bz2", ["o-20260106.csv.bz2"], r"^o-(?P<date>\d{8})\.csv\.bz2$", None),
    ],
)
def test_files_of_a_kind_share_a_pattern(
    name: str, others: list[str], pattern: str, form: str | None
) -> None:
    found = pattern_of(name, others)
    assert (found.pattern, found.date_format) == (pattern, form)
    for one in (name, *others):
        assert re.search(found.pattern, one)
    assert all(
        option_problem(name, FILE_OPTIONS[name], value) is None for name, value in found.options.items()
    )


def test_each_file_of_the_kind_that_is_left_out_is_named() -> None:
    others = [f"o-202601{day:02}.csv" for day in range(32, 45)] + ["old/o-20260106.csv", "p-20260106.csv"]
    left_out = [doubt.guess for doubt in pattern_of("o-20260105.csv", others).doubts if doubt.is_harmful]
    assert left_out[0] == '"o-20260132.csv" is no delivery of the source'
    assert left_out[-1] == "6 more files of this kind are no deliveries of the source"
    assert len(left_out) == 9


@pytest.mark.parametrize("name", hostile.params(hostile.FILE_NAMES))
def test_a_name_is_data(name: str) -> None:
    """Whatever it holds, the pattern matches it and no more, and nothing in a doubt is obeyed by a terminal."""
    found = pattern_of(name, ["other.csv"])
    assert re.search(found.pattern, name.rpartition("/")[2])
    assert "(?P<date>" in found.pattern or found.options["date_from"] == "header"
    for doubt in found.doubts:
        assert str(doubt).isprintable()


@pytest.mark.parametrize(
    ("pattern", "name", "form", "is_doubtful"),
    [
        (r"(?P<date>\d{8})T", "o_20260105T093000.csv", None, False),
        (r"(?P<date>\d{8}T\d{6})", "o_20260105T093000.csv", "%Y%m%dT%H%M%S", False),
        (r"(?P<date>\d{4})_5yr", "acs2012_5yr.csv", "%Y", False),
        (r"(?P<date>[\d-]+)\.", "o_05-01-2026.csv", "%d-%m-%Y", True),
        (r"(?P<date>[\d-]+)\.", "o_25-01-2026.csv", "%d-%m-%Y", False),
        (r"^o", "o_25-01-2026.csv", None, False),
    ],
)
def test_how_a_date_is_written_follows_from_a_pattern_that_is_told(
    pattern: str, name: str, form: str | None, is_doubtful: bool
) -> None:
    found = pattern_told(pattern, name)
    assert (found.date_format, [doubt.is_harmful for doubt in found.doubts]) == (form, [True] * is_doubtful)
    assert found.has_date == ("date" in pattern)
    assert pattern_told(pattern, name, "%d").doubts == ()


def test_a_date_that_is_written_in_no_known_way_needs_a_format() -> None:
    with pytest.raises(NewSourceRefused, match="--option date_format=FORMAT"):
        pattern_told(r"_(?P<date>\d+)", "o_99.csv")
