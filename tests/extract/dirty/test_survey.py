"""The dirty files of others: each read right or refused, as docs/reference/dirty-files.md says."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.extract.dirty.corpora import Asked
from tests.extract.dirty.survey import PAGE, hostile, judge, page, survey


@pytest.mark.long
def test_every_dirty_file_has_the_verdict_on_record(request: pytest.FixtureRequest) -> None:
    """The packages are fetched once and kept in pytest's cache."""
    verdicts = survey(Path(request.config.cache.mkdir("dirty_files")))
    assert [f"{v.asked.file}: {v.wrong}" for v in verdicts if v.wrong] == []
    assert page(verdicts, hostile()) == PAGE.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("content", "options", "verdict"),
    [
        (b"id,name\n1,Ulm\n", {}, (1, 2, "", "")),
        (b"id,name\n1\n", {}, (0, 0, "f:2: 1 field, expected 2 as in the header", "")),
        (b'[{"a":1.10},{"a":null,"b":[1]}]', {"format": "json"}, (2, 2, "", "")),
    ],
)
def test_a_verdict_is_what_two_readings_agree_on(
    tmp_path: Path, content: bytes, options: dict[str, str], verdict: tuple[int, int, str, str]
) -> None:
    path = tmp_path / "f"
    path.write_bytes(content)
    found = judge(Asked("f", path, options))
    assert (found.records, found.columns, found.refused, found.wrong) == verdict


def test_a_reading_that_differs_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "f"
    path.write_bytes(b"id,name\n1,Ulm\n2,Bonn\n")
    monkeypatch.setattr(
        "tests.extract.dirty.survey._by_csv", lambda *_: [["id", "name"], ["1", "Ulm"], ["2", "bonn"]]
    )
    assert judge(Asked("f", path)).wrong == "record 2: 'Bonn', the other reading has 'bonn'"
