"""Texts that a stranger's clone must not hold: addresses of package registries, secrets, paths of a machine."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from headwater.metadata.static.secrecy import holds_secret
from tests.conftest import PROJECT

LOCKS = sorted((PROJECT / "requirements").glob("*.lock"))
LOCKED = re.compile(r"^([a-z0-9.-]+)(?:\[[a-z,]+\])?==\S+", re.MULTILINE)


def test_there_are_locks() -> None:
    assert {lock.name for lock in LOCKS} >= {"run.lock", "dev.lock"}


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.name)
def test_a_lock_names_no_address_and_has_a_hash_for_every_package(lock: Path) -> None:
    text = lock.read_text()
    assert "http:" not in text
    assert "https:" not in text
    assert "@" not in text
    assert not re.search(r"--(extra-)?index-url|--find-links|--trusted-host", text)
    entries = re.split(r"\n(?=\S)", text.strip())
    assert len(entries) >= 1
    assert [
        entry
        for entry in entries
        if not re.match(r"[a-z0-9.-]+(\[.*\])?==\S+.*--hash=sha256:", entry, re.DOTALL)
    ] == []


def test_everything_that_the_project_needs_is_locked() -> None:
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]
    for lock, needed in (
        ("run.lock", project["dependencies"]),
        ("airflow.lock", [*project["dependencies"], *project["optional-dependencies"]["airflow"]]),
        ("dev.lock", [*project["dependencies"], *project["optional-dependencies"]["dev"]]),
    ):
        locked = set(LOCKED.findall((PROJECT / "requirements" / lock).read_text()))
        if lock == "dev.lock":
            locked |= set(LOCKED.findall((PROJECT / "requirements" / "run.lock").read_text()))
        names = {re.match(r"[A-Za-z0-9._-]+", requirement)[0].lower() for requirement in needed}  # type: ignore[index]
        assert names - locked == set(), lock


@pytest.mark.parametrize("seed", sorted((PROJECT / "seeds").glob("*.csv")), ids=lambda seed: seed.name)
def test_no_seed_holds_a_secret(seed: Path) -> None:
    lines = seed.read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if holds_secret(line)] == []


ROOMS = (
    "metadata", "extract", "headwater", "macros", "models", "seeds", "profiles", "requirements", "benchmarks", ".ci",
)  # fmt: skip


def test_no_file_of_the_project_names_a_place_on_the_machine_that_made_it() -> None:
    places = re.compile(rf"/(?:home|Users|root)/\w|{re.escape(str(PROJECT))}")
    files = [path for room in ROOMS for path in (PROJECT / room).rglob("*") if path.is_file()]
    texts = {path: path.read_text(encoding="utf-8") for path in files if path.suffix != ".pyc"}
    assert len(texts) > 100
    assert [str(path) for path, text in texts.items() if places.search(text)] == []


def test_dbt_reads_the_database_from_the_environment_and_holds_no_password() -> None:
    profile = (PROJECT / "profiles" / "profiles.yml").read_text()
    assert """password: "{{ env_var('PGPASSWORD', '') }}\"""" in profile
    assert "env_var('PGHOST'" in profile
