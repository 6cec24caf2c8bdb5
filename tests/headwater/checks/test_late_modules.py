"""Late modules: who imports one in the block holds a stand-in until it uses it; everybody else has the module."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest

from headwater.checks.late_modules import imported_late

NAMES = ("seldom_used", "seldom_used.part")


@pytest.fixture(autouse=True)
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    folder = tmp_path / "seldom_used"
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    (folder / "part.py").write_text("class Chart:\n    pass\n")
    monkeypatch.syspath_prepend(tmp_path)
    yield
    for name in NAMES:
        sys.modules.pop(name, None)


def test_a_module_is_imported_when_one_of_its_attributes_is_used() -> None:
    with imported_late("seldom_used.part"):
        from seldom_used import part  # type: ignore[import-not-found]
    assert "seldom_used.part" not in sys.modules

    chart = part.Chart

    assert chart is sys.modules["seldom_used.part"].Chart
    assert part.Chart is chart
    with pytest.raises(AttributeError, match="Table"):
        _ = part.Table


def test_an_import_after_the_block_is_the_usual_one() -> None:
    with imported_late("seldom_used.part"):
        late = import_module("seldom_used.part")

    assert import_module("seldom_used.part") is not late
    assert import_module("seldom_used.part").Chart is late.Chart


def test_what_is_imported_already_or_not_there_is_left_alone() -> None:
    part = import_module("seldom_used.part")
    with imported_late("seldom_used.part", "no_such_package", "no_such_package.part"):
        assert import_module("seldom_used.part") is part
        with pytest.raises(ModuleNotFoundError):
            import_module("no_such_package.part")
    assert import_module("seldom_used.part") is part


def test_great_expectations_starts_without_what_three_of_its_expectations_use_and_has_it_then() -> None:
    code = """
import sys
from headwater.checks import run
run._start_great_expectations()
assert not {"altair", "scipy.stats"} & set(sys.modules)
import great_expectations.expectations.core.expect_column_kl_divergence_to_be_less_than as divergence
assert divergence.stats.entropy([0.5, 0.5], [0.5, 0.5]) == 0
assert "scipy.stats" in sys.modules
import altair
assert divergence.alt.Chart is altair.Chart
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
