"""The framework's dbt package, `headwater`, which a project has among its packages."""

from __future__ import annotations

import os
from pathlib import Path

from headwater.metadata.errors import HeadwaterError

NAME = "headwater"
INSTALLED = "dbt_packages"  # where dbt looks for packages, in a project
PACKAGE = Path(__file__).resolve().parents[1] / "macros"  # in a checkout a link to the room at the top level


def link_package(root: Path) -> None:
    """Link the package of this installation into the project, as `dbt deps` does with a local package.

    Keeps a package that `dbt deps` has installed. Raises `HeadwaterError` if the link is missing and cannot
    be created.
    """
    link, package = root / INSTALLED / NAME, PACKAGE.resolve()
    if link.is_dir() and (not link.is_symlink() or link.resolve() == package):
        return
    unfinished = link.with_name(f"{NAME}.{os.getpid()}")
    try:
        link.parent.mkdir(exist_ok=True)
        unfinished.unlink(missing_ok=True)
        unfinished.symlink_to(package)
        unfinished.replace(link)
    except OSError as error:
        raise HeadwaterError(
            f"{link} cannot be made: {error.strerror}. Expected a link to {package} there, or `dbt deps` to be run."
        ) from None
