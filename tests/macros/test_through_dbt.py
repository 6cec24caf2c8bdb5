"""Random histories through dbt itself: the materialization, its first run, full refresh and `--empty`.

The macros are proven in `historical/`; here twenty sources share each dbt run, as those of a project do.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import hypothesis
import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, Phase, given, settings
from sqlalchemy import Engine

from headwater.dbt_project.generate import generated_files, write_files
from headwater.dbt_project.package import link_package
from headwater.metadata.static.model import Attribute, Catalog, DataSource, Source
from tests.conftest import PROJECT
from tests.macros.historical.test_history_equals_oracle import Example, examples
from tests.macros.history_bench import Bench, Shape, delta, snapshot
from tests.support.history_oracle import Delivery

MOST_BATCHES = 4


@dataclass
class Case:
    """An example on its bench: batches of deliveries, and the number by which each is known once staged."""

    example: Example
    bench: Bench

    def __post_init__(self) -> None:
        self.sqns: list[int] = []
        self.staged: list[Delivery] = []
        self.out: set[int] = set()  # positions in `staged` of what is withdrawn
        self.batches: list[list[Delivery]] = [[]]
        for number, delivery in enumerate(self.example.deliveries):
            self.batches[-1].append(delivery)
            if number in self.example.loads_after and len(self.batches) < MOST_BATCHES:
                self.batches.append([])

    def stage(self, deliveries: Sequence[Delivery]) -> None:
        for delivery in deliveries:
            self.staged.append(delivery)
            self.sqns.append(self.bench.stage(delivery))

    def say(self, event: str, positions: Sequence[int]) -> None:
        for position in positions:
            self.bench.say(self.sqns[position], event)
            (self.out.add if event == "withdrawn" else self.out.discard)(position)

    def assert_equals_oracle(self) -> None:
        self.bench.assert_equals_oracle(d for number, d in enumerate(self.staged) if number not in self.out)


class DbtProject:
    """A dbt project on the database of the environment, read once."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._manifest = self._invoke(None, "parse")

    def run(self, *options: str) -> None:
        """Run all historical models; each must go well."""
        for result in self._invoke(self._manifest, "run", "--select", "path:models/historical", *options):
            assert str(result.status) == "success", f"{result.node.name}: {result.message}"

    def _invoke(self, manifest: Any, *command: str) -> Any:
        from dbt.cli.main import dbtRunner

        places = ["--project-dir", str(self._root), "--profiles-dir", str(self._root / "profiles")]
        quiet = ["--log-level", "none", "--log-path", str(self._root / "logs"), "--no-write-json"]
        done: Any = dbtRunner(manifest=manifest).invoke([*command, *places, *quiet])
        assert done.result is not None, str(done.exception)
        return done.result


def drawn_examples() -> list[Example]:
    """Random ones; --long draws more."""
    drawn: list[Example] = []

    @given(examples())
    @settings(
        max_examples=hypothesis.settings().max_examples // 10,
        phases=[Phase.generate],
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    def draw(example: Example) -> None:
        drawn.append(example)

    draw()
    return drawn


def source_of(name: str, shape: Shape) -> Source:
    """The metadata of a bench's source."""
    definition = shape.definition(name)
    attributes = tuple(
        Attribute(
            source=name, source_name=column["raw_column"], target_name=column["name"],
            target_datatype=column["data_type"], format=None, null_tokens=("",), is_key=column["is_key"],
            is_tracked=column["is_tracked"], is_optional=False, description=f"Column {column['name']}",
            untracked_policy=column.get("untracked_policy", "keep_first"),
        )
        for column in definition["attributes"]
    )  # fmt: skip
    return Source(
        name=name, job=name, data_source=DataSource("lab", "local_files", "A lab"), owner="lab", schedule="daily",
        geographic_granularity="none", delivery_type="snapshot", extract_function=None, wrangle_function=None,
        quality_checks=(), load_new=shape.policy.new, load_changed=shape.policy.changed,
        load_removed=shape.policy.removed, on_null_key="fall_out", on_duplicate_key="halt", on_unknown_column="keep",
        max_removed_pct=None, max_fallen_out_pct=None, description="An example", attributes=attributes,
        options={"delete_column": "deleted", "delete_values": "yes"}, conn_str=None, conn_api=None,
        partition_by=tuple(definition["partition_by"]),
    )  # fmt: skip


def make_project(root: Path, cases: Sequence[Case]) -> DbtProject:
    """A project with a staging and a historical model for each case."""
    shutil.copy(PROJECT / "dbt_project.yml", root)
    shutil.copytree(PROJECT / "profiles", root / "profiles")
    link_package(root)
    sources = {case.bench.source: source_of(case.bench.source, case.bench.shape) for case in cases}
    catalog = Catalog({}, {}, {}, {}, {}, {}, {}, sources)
    write_files(generated_files(catalog.sources.values(), root / "models"))
    return DbtProject(root)


@pytest.fixture
def cases(database: Engine) -> list[Case]:
    """Each example with a source of its own."""
    return [
        Case(example, Bench(database, f"example_{number}", example.shape))
        for number, example in enumerate(drawn_examples(), start=1)
    ]


def test_histories_through_dbt_equal_the_oracle(cases: list[Case], database: Engine, tmp_path: Path) -> None:
    assert len(cases) >= 20
    dbt = make_project(tmp_path, cases)
    for number in range(MOST_BATCHES):
        for case in cases:
            case.stage(case.batches[number] if number < len(case.batches) else [])
        dbt.run()
        for case in cases:
            case.assert_equals_oracle()

    for event in ("withdrawn", "restored"):
        for case in cases:
            case.say(event, getattr(case.example, event))
        dbt.run()
        for case in cases:
            case.assert_equals_oracle()

    before = [everything(database, case) for case in cases]
    dbt.run()
    assert [everything(database, case) for case in cases] == before

    # where dbt passes empty relations, a snapshot would end every version
    for case in cases:
        key = tuple("a" if kind == "text" else 1 for kind in case.bench.shape.keys.values())
        row = (None,) * len(case.bench.shape.tracked)
        case.stage([snapshot("9 last", 20, {key: row}), delta("9 after", 21, {}, [key])])
    dbt.run("--empty")
    assert [everything(database, case) for case in cases] == before

    dbt.run("--full-refresh")
    for case in cases:
        case.assert_equals_oracle()
        indexes = [
            definition.partition(" USING ")[2]
            for (definition,) in query(
                database,
                "select indexdef from pg_indexes where schemaname = 'historical' and tablename = :table",
                table=case.bench.source,
            )
            if "UNIQUE" in definition
        ]
        needs_quotes = {"select", "Mixed Case"}
        keys = ", ".join(f'"{name}"' if name in needs_quotes else name for name in case.bench.shape.keys)
        assert sorted(indexes) == [f"btree ({keys}) WHERE (valid_to IS NULL)", f"btree ({keys}, valid_from)"]


def everything(database: Engine, case: Case) -> list[Any]:
    """The history of a case and all its statuses, to the last column."""
    statuses = (
        "select s::text from metadata.delivery_status as s join metadata.delivery using (delivery_sqn)"
        " where source = :source and layer = 'historical' order by 1"
    )
    return [
        query(database, f"select t::text from historical.{case.bench.source} as t order by 1"),
        query(database, statuses, source=case.bench.source),
    ]


def query(database: Engine, statement: str, **values: Any) -> list[tuple[Any, ...]]:
    with database.connect() as connection:
        return [tuple(row) for row in connection.execute(sa.text(statement), values)]
