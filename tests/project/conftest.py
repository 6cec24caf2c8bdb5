"""The project as dbt and as Headwater read it. Neither needs a database for it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from headwater.dbt_project.package import link_package
from headwater.metadata.static.model import Catalog
from headwater.metadata.static.read import read_catalog
from tests.conftest import PROJECT


def invoke_dbt(command: str, target: Path, *options: str) -> Any:
    """Return what dbt says of a command on the project, in this process; it writes below `target` only."""
    from dbt.cli.main import dbtRunner

    link_package(PROJECT)
    places = {
        "--project-dir": PROJECT,
        "--profiles-dir": PROJECT / "profiles",
        "--target-path": target,
        "--log-path": target,
    }
    arguments = [word for option, place in places.items() for word in (option, str(place))]
    return dbtRunner().invoke([command, *arguments, "--log-level", "none", *options])


@pytest.fixture(scope="session")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """dbt's manifest of the project, read anew."""
    parsed = invoke_dbt("parse", tmp_path_factory.mktemp("target"), "--no-write-json")
    assert parsed.success, parsed.exception
    return parsed.result


@pytest.fixture(scope="session")
def models(manifest: Any) -> list[Any]:
    """Every model of the manifest."""
    return [node for node in manifest.nodes.values() if node.resource_type == "model"]


@pytest.fixture(scope="session")
def catalog() -> Catalog:
    """The static metadata."""
    return read_catalog(PROJECT / "seeds")
