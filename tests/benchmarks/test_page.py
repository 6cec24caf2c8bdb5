"""The page and the picture hold every benchmark, its README describes each, and lock files name no registry."""

from __future__ import annotations

import pytest

from benchmarks.all import ROWS, main
from benchmarks.report import times
from benchmarks.to_history import Took, Ways
from tests.conftest import PROJECT

BENCHMARKS = PROJECT / "benchmarks"


def test_every_benchmark_is_measured_for_the_page_and_described() -> None:
    found = {path.stem for path in BENCHMARKS.glob("*.py") if "publish(" in path.read_text(encoding="utf-8")}
    found -= {"report", "behaviour"}  # one defines `publish`, one prints tables for another page
    readme = (BENCHMARKS / "README.md").read_text(encoding="utf-8")
    assert found == set(ROWS)
    assert {name for name in found if f"| `{name}` |" not in readme} == set()


@pytest.mark.parametrize("option", [["--scale", "0.1"], ["--without-peers"]])
def test_page_of_the_docs_is_of_full_size_with_the_other_tools(
    option: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["all", "raw_load", *option])
    with pytest.raises(SystemExit):
        main()
    assert "name another folder with --into" in capsys.readouterr().err


def test_ways_are_medians_of_seconds_and_peaks_at_their_most() -> None:
    ways = Ways.of(
        {
            "ours": [Took(3, 90, {"check": 2.0}), Took(1, 95, {"check": 1.0}), Took(2, 80, {"check": 0.5})],
            "dlt": [Took(6, 200)],
            "copy": [Took(1)],
        }
    )
    assert ways.ours == Took(2, 95, {"check": 1.0})
    assert ways.speed("dlt") == 3
    [aim] = ways.at_least(3)
    assert (aim.what, aim.found, aim.is_met) == ("at least 3 times as fast as dlt", times(3), True)
    assert not ways.at_least(3.5)[0].is_met
    assert ways.of_copy(2).is_met
    assert not ways.of_copy(1.9).is_met
    assert not ways.memory(95).is_met
    assert ways.table().rows[0] == ("Headwater, with all checks", "2.00", times(1 / 3), times(2), "95")
    assert ways.parts().rows == [("check", "1.00"), ("between them", "1.00")]


def test_no_aim_and_no_column_names_a_tool_that_was_left_out() -> None:
    ways = Ways.of({"ours": [Took(2, 95)], "copy": [Took(1)]})
    assert ways.at_least(3) == []
    assert ways.table().head == ("way", "s", "of `\\copy`", "peak MiB")


@pytest.mark.parametrize("lock", ["peers.lock", "sqlmesh.lock"])
def test_lock_names_no_registry(lock: str) -> None:
    lines = (BENCHMARKS / lock).read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if "://" in line or line.lstrip().startswith(("-i ", "--index"))] == []
