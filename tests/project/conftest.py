"""The project as dbt and as Headwater read it. Neither needs a database for it."""

from __future__ import annotations

from typing import Any

import pytest

from metadata.static.model import Catalog
from metadata.static.read import read_catalog
from tests.conftest import PROJECT


@pytest.fixture(scope="session")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """dbt's manifest of the project, read anew."""
    from dbt.cli.main import dbtRunner

    target = tmp_path_factory.mktemp("target")
    places = [
        "--project-dir",
        str(PROJECT),
        "--profiles-dir",
        str(PROJECT / "profiles"),
        "--target-path",
        str(target),
    ]
    parsed: Any = dbtRunner().invoke(
        ["parse", *places, "--log-path", str(target), "--log-level", "none", "--no-write-json"]
    )
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
