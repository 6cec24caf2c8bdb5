"""Packages that add to Headwater by entry points, as an installer leaves them: a module and its dist-info."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from headwater.metadata.static.source_types import look_again

Install = Callable[..., None]  # (package, code of its module, group={name: value})


def lay(folder: Path, package: str, code: str, points: Mapping[str, Mapping[str, str]]) -> None:
    """Put a package of one module into a folder, which Python then finds as installed."""
    module = package.replace("-", "_")
    (folder / f"{module}.py").write_text(code, encoding="utf-8")
    info = folder / f"{module}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n", encoding="utf-8"
    )
    lines = [
        line
        for group, names in points.items()
        for line in (f"[{group}]", *(f"{name} = {value}" for name, value in names.items()), "")
    ]
    (info / "entry_points.txt").write_text("\n".join(lines), encoding="utf-8")


@contextmanager
def installing(folder: Path, patch: pytest.MonkeyPatch) -> Iterator[Install]:
    """A way to install packages until the end of the block."""
    folder.mkdir()
    patch.syspath_prepend(str(folder))
    laid: list[str] = []

    def install(package: str, code: str = "", **points: Mapping[str, str]) -> None:
        lay(folder, package, code, {f"headwater.{group}": names for group, names in points.items()})
        laid.append(package.replace("-", "_"))
        look_again()

    try:
        yield install
    finally:
        patch.undo()
        for module in laid:
            sys.modules.pop(module, None)
        look_again()
