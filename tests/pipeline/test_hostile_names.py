"""The whole line for columns that a publisher named to do harm, or oddly: it stays text, from file to history."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from dbt.cli.main import dbtRunner

from headwater.home import make_home
from headwater.metadata.static.read import read_catalog
from headwater.metadata.static.spelling import spell
from headwater.project import Project
from tests.macros.history_bench import Shape, assert_equals_oracle, delta, snapshot
from tests.pipeline.line import Line, cities
from tests.pipeline.project import SEEDS, make_project
from tests.support.history_oracle import Delivery, Policy
from tests.support.hostile import NAMES, VALUES

KEYS = ("quote_and_function", "jinja_statement", "own_alias", "newline")
COLUMNS = {f"c_{entry}": name for entry, name in NAMES.items()}  # ours → the publisher's
TARGETS = [f"c_{entry}" for entry in (*KEYS, *(entry for entry in NAMES if entry not in KEYS))]
SHAPE = Shape(
    dict.fromkeys(TARGETS[: len(KEYS)], "text"),
    dict.fromkeys(TARGETS[len(KEYS) :], "text"),
    {},
    Policy(),
)
NULL_TOKEN = "'||pg_read_file('/etc/hostname')||'{{ env_var('HOME') }}"
GONE = 'gone {% if "'  # the column of the delete mark
MARK = "{{ env_var('HOME') }}'\\"
TOO_LONG_FOR_KEYS = {entry for entry, value in VALUES.items() if len(value.encode()) > 400}
LAST_ROW = list(NAMES.values())[: len(SHAPE.tracked)]


def _row(cells: Iterable[object]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(cells)
    return text.getvalue()


def _attributes(source: str) -> str:
    tokens = f"<empty>|{spell(NULL_TOKEN).replace('|', '<u+7c>')}"
    rows = []
    for target in TARGETS:
        name, is_key = COLUMNS[target], "true" if target in SHAPE.keys else ""
        message = " ".join(name.split()) or "Blank"
        rows.append([source, spell(name), target, "text", "", tokens, is_key, "", "", message])
    return "".join(map(_row, rows))


def _seeds() -> dict[str, str]:
    seeds = dict(SEEDS)
    for name, kind in (("table", "snapshot"), ("feed", "delta")):
        seeds["data_source"] += f"pub_{name},local_files,{{% if x %}} of a {name}\n"
        seeds["conn_str"] += f"pub_{name},pub_{name},,,,,,,${{TEST_PUBLISHER_FOLDER}}/{name}\n"
        seeds["job"] += f"{name},true,ETL,false,false,batch,,,us,true,A {name},,,,,\n"
        seeds["source"] += (
            f'{name},{name},pub_{name},us,daily,none,{kind},,,,,,,,,,,,"Share, such as {{% of the total"\n'
        )
        seeds["attribute"] += _attributes(name)
    seeds["source_attribute"] += (
        r"table,file_pattern,table-(?P<date>\d{8})\.csv$," + "\n"
        r"feed,file_pattern,feed-(?P<date>\d{8})\.ndjson$," + "\n"
        "feed,format,ndjson,\n" + _row(["feed", "delete_column", GONE, ""])
        + _row(["feed", "delete_values", spell(MARK), ""])
    )  # fmt: skip
    return seeds


@pytest.fixture
def secret(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> str:
    """A secret that only this process's environment holds, under the name that hostile names ask for."""
    home = tmp_path / "n0-b0dy-may-see"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    return home.name


@pytest.fixture
def hostile(line: Line, tmp_path: Path) -> Line:
    """The line, with two more sources: a CSV file and a feed of JSON, of which each column bears a hostile name."""
    folder = make_project(tmp_path / "hostile", _seeds())
    for name in ("table", "feed"):
        (line.publisher / name).mkdir()
    return Line(Project(folder, make_home(folder)), line.publisher, line.database, line.store)


def _cells(shift: int) -> dict[tuple[Any, ...], tuple[Any, ...]]:
    """Rows of which each cell is a hostile value; each key comes once. What is very long stands in few columns."""
    values = list(VALUES.values())
    short = [value for entry, value in VALUES.items() if entry not in TOO_LONG_FOR_KEYS]
    rows = {}
    for place, value in enumerate(short):
        long = [values[(place + shift + number) % len(values)] for number in range(3)]
        others = [short[(place * number + shift) % len(short)] for number in range(len(SHAPE.tracked) - 3)]
        rows[value, short[place - 1], value, str(place)] = (*long, *others)
    return rows


def _as_csv(line: Line, delivery: Delivery) -> Delivery:
    """The delivery, and a row without a key at its end."""
    rows = [[COLUMNS[target] for target in TARGETS]]
    rows += [
        [NULL_TOKEN if cell is None else cell for cell in (*key, *row)] for key, row in delivery.rows.items()
    ]
    rows += [[*[NULL_TOKEN] * len(KEYS), *LAST_ROW]]
    path = line.publisher / "table" / delivery.name
    path.write_text("".join(map(_row, rows)), encoding="utf-8", newline="")
    return delivery


def _as_ndjson(line: Line, delivery: Delivery) -> Delivery:
    nothing = (None,) * len(SHAPE.tracked)
    rows = [(*key, *row, "no") for key, row in delivery.rows.items()]
    rows += [(*key, *nothing, MARK) for key in delivery.removed]
    names = [*(COLUMNS[target] for target in TARGETS), GONE]
    records = [json.dumps(dict(zip(names, row, strict=True))) for row in rows]
    (line.publisher / "feed" / delivery.name).write_text("\n".join(records) + "\n", encoding="utf-8")
    return delivery


def test_hostile_names_and_values_come_to_history_as_they_were_delivered(hostile: Line, secret: str) -> None:
    first, second = _cells(0), _cells(1)
    emptied = {key: (None,) * len(row) for key, row in list(second.items())[:2]}
    one = _as_csv(hostile, snapshot("table-20260101.csv", 1, first))
    two = _as_csv(hostile, snapshot("table-20260102.csv", 2, dict(list(second.items())[:-3]) | emptied))
    payload = _as_ndjson(hostile, delta("feed-20260101.ndjson", 1, first))
    more = _as_ndjson(hostile, delta("feed-20260102.ndjson", 2, emptied, list(first)[5:9]))
    plain = hostile.deliver("cities", cities(1, {"a": ("A", 1)}))

    hostile.ran_well("table", "feed", "cities")
    assert_equals_oracle(hostile.database, "table", SHAPE, [one, two])
    assert_equals_oracle(hostile.database, "feed", SHAPE, [payload, more])
    hostile.assert_history("cities", plain)
    before = hostile.contents()
    hostile.ran_well("table", "feed", "cities")
    assert hostile.contents() == before

    for table in before:
        (text,) = hostile.query(f"select string_agg(t::text, ' ') from {table} as t")[0]
        assert secret not in (text or ""), table


def test_a_row_that_falls_out_is_kept_under_the_names_of_its_publisher(hostile: Line) -> None:
    delivery = _as_csv(hostile, snapshot("table-20260101.csv", 1, dict(list(_cells(0).items())[:1])))
    hostile.ran_well("table")
    [(_, rule, column, key, row)] = hostile.quarantine(delivery.name)
    assert (rule, column, key) == ("null_key", TARGETS[0], None)
    catalog = read_catalog(hostile.project.seeds)
    raw = {a.target_name: a.raw_column for a in catalog.sources["table"].attributes}
    facts = dict(zip(TARGETS, [*[NULL_TOKEN] * len(KEYS), *LAST_ROW], strict=True))
    assert row == {"_rest": None} | {raw[target]: value for target, value in facts.items()}


def test_the_docs_know_the_columns_by_their_publishers_names(
    hostile: Line, secret: str, tmp_path: Path
) -> None:
    _as_csv(hostile, snapshot("table-20260101.csv", 1, dict(list(_cells(0).items())[:1])))
    hostile.ran_well("table")
    root, target = hostile.project.root, tmp_path / "docs"
    places = {
        "--project-dir": root,
        "--profiles-dir": root / "profiles",
        "--target-path": target,
        "--log-path": target,
    }
    options = [word for option, place in places.items() for word in (option, str(place))]
    generated = dbtRunner().invoke(["docs", "generate", "--log-level", "none", *options])
    assert generated.success, generated.exception
    raw_columns = {a.raw_column for a in read_catalog(hostile.project.seeds).sources["table"].attributes}
    for name in ("manifest", "catalog"):
        text = (target / f"{name}.json").read_text(encoding="utf-8")
        assert secret not in text
        assert raw_columns <= json.loads(text)["sources"]["source.headwater_demo.raw.table"]["columns"].keys()
