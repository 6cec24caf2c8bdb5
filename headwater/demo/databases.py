"""From packages to publishers: databases that the demo's sources read directly, without the web server.

cpi.db      consumer prices of the United States: one release, until a person replaces the file
"""

from __future__ import annotations

import shutil
import zipfile
from collections.abc import Iterable
from pathlib import Path

from headwater.demo.packages import DemoError, Package

FILE = "cpi.db"
_PACKED = "cpi/cpi.db"


def lay_out_databases(packages: Path, of: Iterable[Package], folder: Path) -> bool:
    """Create the database of prices in `folder` from its package; False if one of any release exists.

    Raises `DemoError` if the package lacks the database.
    """
    file = folder / FILE
    if file.exists():
        return False
    [package] = [one for one in of if one.name == "cpi"]
    folder.mkdir(parents=True, exist_ok=True)
    unfinished = folder / f"{FILE}.unfinished"
    try:
        with zipfile.ZipFile(packages / package.file) as wheel:
            with wheel.open(_PACKED) as packed, unfinished.open("wb") as unpacked:
                shutil.copyfileobj(packed, unpacked)
            licence = next(name for name in wheel.namelist() if "LICENSE" in name and ".dist-info" in name)
            (folder / "LICENSE.cpi.txt").write_bytes(wheel.read(licence))
    except (KeyError, StopIteration, zipfile.BadZipFile) as error:
        raise DemoError(f"{package.file} does not hold {_PACKED} and a licence: {error}") from error
    unfinished.replace(file)
    return True
