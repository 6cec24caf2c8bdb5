"""The behaviour on awkward deliveries: Headwater, dbt snapshot, dlt scd2, SQLMesh and hand-written SQL.

    python -m benchmarks.behaviour

Every way loads the same series of deliveries (`awkward.py`) on the same Postgres, each delivery when it arrives. The
versions are then compared with those of the oracle of the tests, which lists what history must hold.
"""

from __future__ import annotations

import argparse
import csv
import json
import subprocess
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.awkward import SERIES, Series
from benchmarks.data import COLUMNS
from benchmarks.peers import LOCK, peers
from benchmarks.project import make_project, published
from benchmarks.report import Table
from benchmarks.servers import Database, place
from headwater.pipeline.decide import decide
from headwater.pipeline.runners.sources import run
from headwater.project import find_project
from tests.support.history_oracle import Delivery, history

Version = tuple[str, str, str, str | None]  # customer, city, valid_from and valid_to as dates

OTHER_COLUMNS = {
    "name": "Ada", "street": "1 Main Street", "country": "DE", "segment": "private", "balance": "1.00",
    "credit_limit": "0.00", "order_count": "0", "visit_count": "0", "opened_date": "2020-01-01",
}  # fmt: skip
SQLMESH_LOCK = LOCK.with_name("sqlmesh.lock")
PEERS = {  # by name: the lock of its environment
    "dbt": LOCK, "dlt": LOCK, "sqlmesh": SQLMESH_LOCK, "sql": LOCK,
}  # fmt: skip
TITLES = {
    "headwater": "Headwater",
    "dbt": "dbt snapshot",
    "dlt": "dlt scd2",
    "sqlmesh": "SQLMesh by column",
    "sql": "full join by hand",
}


@dataclass(frozen=True)
class Outcome:
    """The versions that a way made of a series, beside the expected ones; `error` if a load failed."""

    versions: Sequence[Version]
    expected: Sequence[Version]
    error: str | None = None

    def message(self) -> str:
        """Return the outcome as a cell of the table."""
        found, expected = Counter(self.versions), Counter(self.expected)
        wrong, missing = (found - expected).total(), (expected - found).total()
        text = f"{(found & expected).total()} right"
        if wrong or missing:
            text += f", {wrong} wrong, {missing} missing"
        current = Counter(customer for customer, _, _, valid_to in self.versions if valid_to is None)
        notes = [
            (max(current.values(), default=0) > 1, "a key has two current versions"),
            (
                any(to is not None and to < since for _, _, since, to in self.versions),
                "ends before it begins",
            ),
            (self.error is not None, "a load failed"),
        ]
        return "; ".join([text, *(note for holds, note in notes if holds)])


def expected_versions(series: Series) -> list[Version]:
    """Return the versions of the effective deliveries of a series, by the oracle."""
    deliveries = [
        Delivery(
            f"{place}",
            datetime.fromisoformat(series.arrivals[place].date).replace(tzinfo=UTC),
            "snapshot",
            {(customer,): (city,) for customer, city in series.arrivals[place].rows},
        )
        for place in series.effective
    ]
    return [
        (
            one.key[0],
            one.row[0],
            f"{one.valid_from:%Y-%m-%d}",
            f"{one.valid_to:%Y-%m-%d}" if one.valid_to else None,
        )
        for one in history(deliveries)
    ]


def table(found: Mapping[str, Mapping[str, Outcome]]) -> Table:
    """Return the outcomes as a table: a row for each series, a column for each way."""
    ways = list(found)
    rows = [
        (name.replace("_", " "), *(found[way][name].message() for way in ways))
        for name in SERIES
        if all(name in found[way] for way in ways)
    ]
    return Table("", ("series", *(TITLES[way] for way in ways)), rows)


def by_headwater(folder: Path, database: Database) -> dict[str, Outcome]:
    """Load the series as sources of one project, and withdraw what the publisher takes back."""
    project = make_project(folder / "project", dict.fromkeys(SERIES, "snapshot"))
    for arrival in range(3):
        for name, series in SERIES.items():
            _publish(project.root, name, series, arrival)
        result = run(project, list(SERIES), lambda _: None)
        if result.failures:
            raise SystemExit(str(result.failures))
    for name, series in SERIES.items():
        if series.withdrawn is not None:
            date = series.arrivals[series.withdrawn].date
            sqn = database.number(
                f"select delivery_sqn from metadata.delivery where source = '{name}' and delivery_date = '{date} UTC'"
            )
            decide(project, "withdraw", sqn, "the publisher took it back", lambda _: None)
    query = (
        "select customer, city, (valid_from at time zone 'UTC')::date::text,"
        " (valid_to at time zone 'UTC')::date::text from historical.{} order by customer, valid_from"
    )
    return {
        name: Outcome([_version(row) for row in database.rows(query.format(name))], expected_versions(series))
        for name, series in SERIES.items()
    }


def by_peer(peer: str, folder: Path, home: Path) -> dict[str, Outcome]:
    """Load the series by a peer, in its environment."""
    python = peers(home, PEERS[peer]) / "python"
    command = [str(python), "-m", "benchmarks.behaviour_peers", peer, str(folder / peer)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=find_project().root)
    if done.returncode != 0:
        raise SystemExit(f"{TITLES[peer]} failed:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    payload = json.loads(done.stdout.splitlines()[-1])
    return {
        name: Outcome(
            [_version(row) for row in payload[name]["versions"]],
            expected_versions(series),
            payload[name]["error"],
        )
        for name, series in SERIES.items()
    }


def _publish(root: Path, name: str, series: Series, arrival: int) -> None:
    snapshot = series.arrivals[arrival]
    path = published(root, name) / f"{name}-{snapshot.date.replace('-', '')}.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS, restval="")
        writer.writeheader()
        for customer, city in snapshot.rows:
            writer.writerow({**OTHER_COLUMNS, "customer": customer, "city": city})


def _version(row: Sequence[object]) -> Version:
    customer, city, valid_from, valid_to = row
    return str(customer), str(city), str(valid_from), None if valid_to is None else str(valid_to)


def main() -> None:
    options = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    options.add_argument("--ways", nargs="*", default=list(TITLES), choices=list(TITLES))
    options.add_argument("--versions", action="store_true", help="print the versions of each way, too")
    chosen = options.parse_args()
    home = find_project().home
    with place("behaviour") as (folder, database):
        found = {
            way: by_headwater(folder, database) if way == "headwater" else by_peer(way, folder, home)
            for way in chosen.ways
        }
    print(table(found).markdown())
    if chosen.versions:
        for way, outcomes in found.items():
            for series, outcome in outcomes.items():
                print(f"\n{TITLES[way]}, {series}: {outcome.error or ''}")
                print("\n".join(str(version) for version in outcome.versions))


if __name__ == "__main__":
    main()
