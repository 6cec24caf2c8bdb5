"""Extras: what pyproject.toml offers, what asks for it, and the sentence where it is missing."""

from __future__ import annotations

import io
import subprocess
import sys
import tomllib
from importlib.util import find_spec
from typing import Any

import pytest

from headwater.extract.files.limits import Expansion
from headwater.extract.formats.registry import WITH_HEADER
from headwater.metadata import extras
from headwater.metadata.errors import ExtraMissing
from headwater.services import postgres
from tests.conftest import PROJECT

DECLARED = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]
PACKAGES = {
    "cosmos": "astronomer-cosmos",
    "airflow": "apache-airflow",
}  # others bear the names of their modules


@pytest.fixture
def without_extras(monkeypatch: pytest.MonkeyPatch) -> None:
    """No module of an extra is installed."""
    missing = {module for extra in extras.EXTRAS.values() for module in extra.modules}
    monkeypatch.setattr(extras, "find_spec", lambda name: None if name in missing else find_spec(name))


@pytest.mark.parametrize("name", extras.EXTRAS)
def test_an_extra_of_the_code_is_one_of_the_package_and_its_modules_are_of_no_other_part(name: str) -> None:
    def requirements(listed: list[str]) -> set[str]:
        return {text.partition(">")[0] for text in listed}

    packages = {PACKAGES.get(m, m.replace("_", "-")) for m in extras.EXTRAS[name].modules}
    assert packages <= requirements(DECLARED["optional-dependencies"][name])
    assert packages & requirements(DECLARED["dependencies"]) == set()
    extras.require(name)  # the environment of the tests has all


@pytest.mark.usefixtures("without_extras")
@pytest.mark.parametrize("name", extras.EXTRAS)
def test_what_is_missing_is_named_with_the_command_that_installs_it(name: str) -> None:
    with pytest.raises(ExtraMissing) as missing:
        extras.require(name)
    assert str(missing.value).startswith(
        f"{extras.EXTRAS[name].purpose} needs the extra {name}: pip install 'headwater[{name}]'."
    )


@pytest.mark.usefixtures("without_extras")
@pytest.mark.parametrize(
    ("format_", "purpose"), [("excel", "Reading a workbook"), ("parquet", "Reading Parquet")]
)
def test_a_format_asks_for_its_extra_before_it_reads(format_: str, purpose: str) -> None:
    nothing: Any = None
    with pytest.raises(ExtraMissing, match=f"{purpose} needs the extra {format_}"):
        WITH_HEADER[format_](nothing, io.BytesIO(), "file", Expansion)  # type: ignore[arg-type]


@pytest.mark.usefixtures("without_extras")
def test_embedded_servers_ask_for_theirs() -> None:
    with pytest.raises(ExtraMissing, match=r"the extra local: .* use servers of your own, set PGHOST"):
        postgres.binaries()


def test_the_client_of_kafka_is_asked_for_before_it_is_imported() -> None:
    script = (
        "from headwater.metadata import extras; extras.find_spec = lambda name: None\n"
        "from headwater.metadata.errors import ExtraMissing\n"
        "try:\n    import headwater.extract.sources.kafka.topic\nexcept ExtraMissing as missing:\n    print(missing)"
    )
    finished = subprocess.run(
        [sys.executable, "-c", script], cwd=PROJECT, capture_output=True, text=True, check=True
    )
    assert finished.stdout == "Reading from Kafka needs the extra kafka: pip install 'headwater[kafka]'.\n"
