"""Fetching packages: pip is told to look into a folder here, and nowhere else."""

import hashlib
import zipfile
from pathlib import Path

import pytest

from headwater.demo.packages import DemoError, Package, fetch

FILE = "tinydata-1-py3-none-any.whl"


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Package:
    """A small wheel that pip finds."""
    shelf = tmp_path / "shelf"
    shelf.mkdir()
    with zipfile.ZipFile(shelf / FILE, "w") as wheel:
        wheel.writestr("tinydata-1.dist-info/METADATA", "Metadata-Version: 2.1\nName: tinydata\nVersion: 1\n")
        wheel.writestr(
            "tinydata-1.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        wheel.writestr("tinydata-1.dist-info/RECORD", "")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(shelf))
    return Package("tinydata==1", FILE, hashlib.sha256((shelf / FILE).read_bytes()).hexdigest())


def test_fetched_once(package: Package, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    messages: list[str] = []
    fetch(tmp_path / "packages", messages.append, (package,))
    assert [path.name for path in (tmp_path / "packages").iterdir()] == [FILE]
    assert messages == ["fetching 1 data packages with pip", "  tinydata==1 (0.0 MB)"]
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "nowhere"))
    fetch(tmp_path / "packages", messages.append, (package,))
    assert len(messages) == 2


def test_a_damaged_package_is_fetched_again(package: Package, tmp_path: Path) -> None:
    (tmp_path / "packages").mkdir()
    (tmp_path / "packages" / FILE).write_bytes(b"half of it")
    fetch(tmp_path / "packages", lambda _: None, (package,))
    assert hashlib.sha256((tmp_path / "packages" / FILE).read_bytes()).hexdigest() == package.sha256


def test_another_content_than_the_pinned_one_is_refused(package: Package, tmp_path: Path) -> None:
    other = Package(package.requirement, package.file, "0" * 64)
    with pytest.raises(DemoError, match="tinydata==1 cannot be fetched"):
        fetch(tmp_path / "packages", lambda _: None, (other,))
    assert list((tmp_path / "packages").iterdir()) == []


def test_a_package_that_cannot_be_had_is_said_in_pips_words(package: Package, tmp_path: Path) -> None:
    missing = Package("tinydata==2", "tinydata-2-py3-none-any.whl", package.sha256)
    with pytest.raises(DemoError, match="No matching distribution found for tinydata==2"):
        fetch(tmp_path / "packages", lambda _: None, (missing,))
