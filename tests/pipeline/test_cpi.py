"""A real partial publication: it halts, is accepted, withdrawn and restored, on 1.7 million rows a release."""

from __future__ import annotations

import json
import uuid
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import Engine
from typer.testing import CliRunner

from headwater.cli.commands import app
from headwater.demo.packages import fetch
from headwater.extract.landing.store import ObjectStore
from headwater.metadata.process.migrate import upgrade
from tests.pipeline.cpi import (
    HISTORY,
    PACKAGES,
    SEEDS,
    SOURCE,
    checksum,
    expected_history,
    name_of,
    publish_by_hand,
    write_release,
)  # fmt: skip
from tests.pipeline.project import FOLDER, make_project

SCHEMAS = "metadata, raw, staging, historical, marts"
CHANGE_COUNTS = ("new", "changed", "removed", "unchanged")
WHOLE = ("2.0.7", "2.0.8", "2.0.9", "2.0.10")
WITHOUT = ("2.0.7", "2.0.8", "2.0.10")


class Desk:
    """A person at the terminal, a publisher that publishes release by release, and what is in the database."""

    def __init__(self, releases: Path, publisher: Path, database: Engine) -> None:
        self._releases, self._publisher, self.database = releases, publisher, database

    def publish(self, *versions: str) -> None:
        for version in versions:
            (self._publisher / name_of(version)).symlink_to(self._releases / name_of(version))

    def take_down_all(self) -> None:
        for file in self._publisher.iterdir():
            file.unlink()

    def says(self, exit_code: int, *arguments: str) -> Any:
        """Return what the command prints for machines."""
        done = CliRunner().invoke(app, [*arguments, "--json"])
        assert done.exit_code == exit_code, (done.stdout, done.stderr, done.exception)
        return json.loads(done.stdout)

    def halts(self, exit_code: int, *arguments: str) -> dict[str, str]:
        """Why something halted, by the publisher's name for it."""
        (source,) = self.says(exit_code, *arguments)["sources"]
        return {halt["publisher_name"]: halt["why"] for halt in source["halts"]}

    def decide(self, decision: str, version: str) -> None:
        """Decide about a release; nothing may halt."""
        assert self.halts(0, decision, self.sqn(version), "--why", "a test") == {}

    def sqn(self, version: str) -> str:
        return str(self._delivery(version)["delivery_sqn"])

    def status(self, version: str) -> str:
        return str(self._delivery(version)["status"])

    def change_counts(self, version: str) -> tuple[int | None, ...]:
        """Return how many rows of a release were new, changed, removed, unchanged."""
        return tuple(self._delivery(version)[change] for change in CHANGE_COUNTS)

    def history(self) -> tuple[int, int]:
        return checksum(self.database, HISTORY)

    def history_of(self, *versions: str) -> tuple[int, int]:
        """Return what history would be by the published files alone."""
        return checksum(self.database, expected_history(versions))

    def _delivery(self, version: str) -> dict[str, Any]:
        deliveries = self.says(0, "deliveries", SOURCE)
        (found,) = [found for found in deliveries if found["publisher_name"] == name_of(version)]
        return dict(found)


@pytest.fixture
def desk(
    database: Engine,
    store: ObjectStore,  # noqa: ARG001  (an empty bucket)
    tmp_path: Path,
    pytestconfig: pytest.Config,
    monkeypatch: pytest.MonkeyPatch,
) -> Desk:
    """Nothing is published yet. The releases are fetched once and kept in pytest's cache."""
    packages = Path(pytestconfig.cache.mkdir("cpi"))
    fetch(packages, print, tuple(PACKAGES.values()))
    releases, publisher = tmp_path / "releases", tmp_path / "publisher"
    releases.mkdir()
    publisher.mkdir()
    for version, package in PACKAGES.items():
        write_release(packages / package.file, releases / name_of(version))
    publish_by_hand(database, [releases / name_of(version) for version in PACKAGES])
    monkeypatch.setenv(FOLDER, str(publisher))
    monkeypatch.setenv("HEADWATER_PROJECT", str(make_project(tmp_path / "project", SEEDS, marts={})))
    return Desk(releases, publisher, database)


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_a_partial_publication_halts_is_accepted_leaves_without_a_trace_and_comes_back(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.publish("2.0.7", "2.0.8")
    assert desk.halts(0, "run") == {}
    assert desk.history() == desk.history_of("2.0.7", "2.0.8")
    assert desk.change_counts("2.0.7") == (1_708_961, 0, 0, 0)
    assert desk.change_counts("2.0.8") == (14_968, 0, 0, 1_708_961)

    # the partial one halts; the next is whole again, but what it would remove is more than 1 % of what is current
    desk.publish("2.0.9")
    (why,) = desk.halts(3, "run").values()
    assert "removed: 65,709 of 1,723,929 current keys would be removed, 3.8 %, more than 1 %" in why
    desk.publish("2.0.10")
    (why,) = desk.halts(3, "run").values()
    assert "removed: 70,184 of 1,723,929 current keys would be removed, 4.1 %, more than 1 %" in why
    assert (desk.status("2.0.9"), desk.status("2.0.10")) == ("halted", "halted")
    assert desk.history() == desk.history_of("2.0.7", "2.0.8")

    # accepted, it is what the next is checked by, once that is checked again
    desk.decide("accept", "2.0.9")
    assert (desk.status("2.0.9"), desk.status("2.0.10")) == ("loaded", "halted")
    assert desk.change_counts("2.0.9") == (6_130, 0, 65_709, 1_658_220)
    assert desk.history() == desk.history_of("2.0.7", "2.0.8", "2.0.9")
    desk.decide("replay", "2.0.10")
    assert desk.change_counts("2.0.10") == (10_555, 0, 4_475, 1_659_875)
    whole = desk.history()
    assert whole == desk.history_of(*WHOLE)

    # withdrawn it never came
    desk.decide("withdraw", "2.0.9")
    assert desk.status("2.0.9") == "withdrawn"
    assert desk.change_counts("2.0.9") == (None, None, None, None)
    without, its_change_counts = desk.history(), desk.change_counts("2.0.10")
    assert without == desk.history_of(*WITHOUT) != whole
    assert its_change_counts == (16_685, 0, 70_184, 1_653_745)

    # restored it was never gone
    desk.decide("restore", "2.0.9")
    assert desk.history() == whole
    assert desk.change_counts("2.0.9") == (6_130, 0, 65_709, 1_658_220)
    assert desk.change_counts("2.0.10") == (10_555, 0, 4_475, 1_659_875)

    # and a database that truly never saw it holds what was there while it was withdrawn
    with desk.database.begin() as connection:
        connection.execute(sa.text(f"drop schema {SCHEMAS} cascade"))
    upgrade(desk.database)
    monkeypatch.setenv("HEADWATER_BUCKET", f"test-{uuid.uuid4().hex}")
    desk.take_down_all()
    desk.publish(*WITHOUT)
    assert set(desk.halts(3, "run")) == {name_of("2.0.10")}
    desk.decide("accept", "2.0.10")
    assert desk.history() == without
    assert desk.change_counts("2.0.10") == its_change_counts
