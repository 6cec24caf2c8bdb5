"""The demo's database, from a small package made here."""

import io
import zipfile
from pathlib import Path

import pytest

from headwater.demo.databases import FILE, lay_out_databases
from headwater.demo.packages import PACKAGES, DemoError, Package

CPI = Package("cpi==1", "cpi-1-py2.py3-none-any.whl", "not looked at here")
MEMBERS = {"cpi/cpi.db": b"SQLite format 3\0", "cpi-1.dist-info/LICENSE": b"MIT"}


def pack(folder: Path, members: dict[str, bytes]) -> Path:
    folder.mkdir()
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, body in members.items():
            archive.writestr(name, body)
    (folder / CPI.file).write_bytes(stream.getvalue())
    return folder


def test_the_database_of_the_package_is_laid_out_once(tmp_path: Path) -> None:
    packages, folder = pack(tmp_path / "packages", MEMBERS), tmp_path / "databases"
    assert lay_out_databases(packages, [CPI], folder)
    assert (folder / FILE).read_bytes() == MEMBERS["cpi/cpi.db"]
    assert sorted(path.name for path in folder.iterdir()) == ["LICENSE.cpi.txt", FILE]
    (folder / FILE).write_bytes(b"the next release")
    assert not lay_out_databases(packages, [CPI], folder)
    assert (folder / FILE).read_bytes() == b"the next release"


@pytest.mark.parametrize("lacks", list(MEMBERS))
def test_a_package_without_what_it_should_hold_is_named_and_leaves_no_database(
    tmp_path: Path, lacks: str
) -> None:
    packages = pack(tmp_path / "packages", {name: MEMBERS[name] for name in MEMBERS if name != lacks})
    with pytest.raises(DemoError, match=CPI.file):
        lay_out_databases(packages, [CPI], tmp_path / "databases")
    assert not (tmp_path / "databases" / FILE).exists()


def test_the_demo_has_one_release_of_it() -> None:
    assert len([package for package in PACKAGES if package.name == "cpi"]) == 1
