"""Seeds that cannot be read, and all problems of seeds at once, in their order."""

from __future__ import annotations

import csv
import dataclasses
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from headwater.metadata.errors import MetadataInvalid
from headwater.metadata.static.check import Problem, check
from headwater.metadata.static.read import read_catalog
from headwater.metadata.static.schema import TABLES
from tests.support.seeds import Broken, EditableSeeds

PROJECT = Path(__file__).resolve().parents[3]
BROKEN = {
    "an_unknown_column": Broken(
        "attribute",
        "source_name,target_name",
        "source_nme,target_name",
        [
            'seeds/attribute.csv:1: source_nme: "source_nme" is not a column of attribute, '
            "expected one of source_name, untracked_policy (perhaps source_name)",
            "seeds/attribute.csv:1: source_name: is missing in the header, expected the columns source, "
            "source_name, target_name, target_datatype, format, null_tokens, is_key, is_tracked, "
            "is_optional, untracked_policy, description",
        ],
    ),
    "a_name_that_is_not_safe": Broken(
        "sql_script",
        "tidy,false",
        "Robert'); drop table students;--,false",
        [
            'seeds/sql_script.csv:2: sql_script: "Robert\'); drop table students;--" is not a safe name, '
            "expected a to z, 0 to 9 and _, a letter first, 50 characters at most",
            'seeds/job_task.csv:5: sql_script: "tidy" is not in sql_script.csv, '
            "expected the name of a row there",
        ],
    ),
    "a_reference_to_nothing": Broken(
        "source",
        "cities,cities,gazetteer,",
        "cities,cities,gazeteer,",
        [
            'seeds/source.csv:2: data_source: "gazeteer" is not in data_source.csv, '
            "expected the name of a row there (perhaps gazetteer)"
        ],
    ),
    "a_value_that_is_not_accepted": Broken(
        "source",
        "snapshot",
        "snapshots",
        [
            'seeds/source.csv:2: delivery_type: "snapshots" is not known, '
            "expected one of snapshot, partition_snapshot, delta (perhaps snapshot)"
        ],
    ),
    "a_boolean_that_is_none": Broken(
        "source",
        ",true,true,false,",
        ",true,yes,false,",
        ['seeds/source.csv:3: load_changed: "yes" is not a boolean, expected true or false'],
    ),
    "a_percentage_that_is_none": Broken(
        "source",
        ",5,1.5,",
        ",5,150,",
        [
            'seeds/source.csv:2: max_fallen_out_pct: "150" is not a percentage, '
            "expected a number from 0 to 100",
        ],
    ),
    "a_row_too_short": Broken(
        "source",
        ",5,1.5,A city",
        ",5,1.5",
        ["seeds/source.csv:2: (row): has 18 fields, expected 19 as in the header"],
    ),
}


@pytest.mark.parametrize("broken", BROKEN.values(), ids=BROKEN.keys())
def test_broken_cell_gets_its_message(seeds: EditableSeeds, broken: Broken) -> None:
    assert seeds.messages_of(broken) == broken.messages


BrokenFile = tuple[Callable[[Path], object], str]
BROKEN_FILES: dict[str, BrokenFile] = {
    "missing": (
        lambda folder: (folder / "tbl.csv").unlink(),
        "seeds/tbl.csv:1: (file): is missing, "
        "expected a CSV file with the columns tbl, data_source, incr_column, data_size",
    ),
    "empty": (
        lambda folder: (folder / "tbl.csv").write_bytes(b""),
        "seeds/tbl.csv:1: (file): the file is empty, expected a header",
    ),
    "not_utf_8": (
        lambda folder: (folder / "data_source.csv").write_bytes(
            b"data_source,data_source_type,description\ncafe,local_files,Caf\xe9\n"
        ),
        "seeds/data_source.csv:2: (file): byte 0xE9 is not UTF-8, expected a file in UTF-8",
    ),
    "nul": (
        lambda folder: (folder / "sql_script.csv").write_bytes(
            b"sql_script,is_stored_proc,sql_text\ntidy,false,a\x00b\n"
        ),
        "seeds/sql_script.csv:2: (file): a NUL character, expected text",
    ),
    "unclosed_quote": (
        lambda folder: (folder / "sql_script.csv").write_bytes(
            b'sql_script,is_stored_proc,sql_text\ntidy,false,"x\ny"\nmore,false,"x\ny\n'
        ),
        "seeds/sql_script.csv:4: (file): not readable as CSV (unexpected end of data), "
        "expected quotes closed and doubled inside quotes",
    ),
    "of_no_table": (
        lambda folder: (folder / "sources.csv").write_bytes(b"a,b\n"),
        "seeds/sources.csv:1: (file): is not a table of the static metadata, expected source.csv",
    ),
}


@pytest.mark.parametrize("broken", BROKEN_FILES.values(), ids=BROKEN_FILES.keys())
def test_broken_file_gets_its_message_and_no_other(seeds: EditableSeeds, broken: BrokenFile) -> None:
    break_it, message = broken
    break_it(seeds.folder)
    assert seeds.messages() == [message]


def test_good_seeds_have_no_problem(seeds: EditableSeeds) -> None:
    assert seeds.messages() == []


def test_a_file_may_lack_each_optional_column_and_no_other(seeds: EditableSeeds) -> None:
    whole = read_catalog(seeds.folder)
    for table in TABLES.values():
        path = seeds.folder / f"{table.name}.csv"
        rows = list(csv.DictReader(path.open(encoding="utf-8", newline="")))
        kept = [c.name for c in table.columns if c.required or any(row.get(c.name) for row in rows)]
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, kept, extrasaction="ignore")
            writer.writeheader()
            writer.writerows(rows)
    assert seeds.messages() == []
    assert read_catalog(seeds.folder) == whole
    seeds.edit("source", "max_removed_pct", "max_remvd_pct")
    (message,) = seeds.messages()
    assert message.startswith('seeds/source.csv:1: max_remvd_pct: "max_remvd_pct" is not a column of source')
    assert message.endswith("(perhaps max_removed_pct)")


def test_seeds_of_the_project_have_no_problem() -> None:
    assert [str(problem) for problem in check(PROJECT / "seeds")] == []


def test_all_problems_come_at_once_in_order_of_file_line_and_column(seeds: EditableSeeds) -> None:
    seeds.edit("source_attribute", "sales,date_from,header", "sales,header_line,none")
    seeds.edit("attribute", "amount_eur,numeric,,,,", "amount_eur,number,,,,yes")
    seeds.edit("attribute", "city_id,integer", "City,integer")
    seeds.edit("source", "shop,delta", "shop,daily")
    seeds.edit("conn_str", "env:TILL_READER", "S3cr3t")
    assert seeds.messages() == [
        "seeds/conn_str.csv:3: secret_ref: does not say where the secret is, "
        "expected env:NAME, file:/path, aws:id#key or airflow:conn_id",
        'seeds/source.csv:3: delivery_type: "daily" is not known, expected one of snapshot, partition_snapshot, delta',
        'seeds/attribute.csv:2: target_name: "City" is not a safe name, '
        "expected a to z, 0 to 9 and _, a letter first, 50 characters at most",
        'seeds/attribute.csv:9: target_datatype: "number" is not a datatype of an attribute, '
        "expected numeric",
        'seeds/attribute.csv:9: is_tracked: "yes" is not a boolean, expected true or false',
        "seeds/source_attribute.csv:4: value: file_pattern has no group date, "
        "expected (?P<date>…) around the date, or date_from page or header",
        'seeds/source_attribute.csv:5: value: header_line "none" is not a whole number from 1, '
        "expected 1, 2, 3 …",
    ]


def test_line_is_where_the_row_begins_though_cells_hold_line_breaks(seeds: EditableSeeds) -> None:
    assert "\n" in (seeds.folder / "job.csv").read_text().split("tidying", 1)[1].split("resting")[0].strip()
    seeds.edit("job", "resting,true,E", "resting,true,")
    assert seeds.messages() == [
        "seeds/job.csv:6: etl_steps: is blank though is_etl is true, expected one of E, ETL, TL"
    ]


def test_message_never_repeats_a_secret(seeds: EditableSeeds) -> None:
    seeds.edit("conn_str", "env:TILL_READER", " hunter2 ")
    seeds.edit("conn_str", "https://example.org", "https://joe:hunter2@example.org/$x")
    seeds.edit("conn_api", "https://example.org/token", "ftp://joe:hunter2@example.org/token")
    seeds.edit("source_attribute", "sales,date_from,header", "sales,page,joe:hunter2@host")
    messages = seeds.messages()
    assert len(messages) >= 4
    assert "hunter2" not in "\n".join(messages)


def test_broken_row_does_not_make_its_name_unknown(seeds: EditableSeeds) -> None:
    seeds.edit("source", "A sale", "A sale,more")
    assert seeds.messages() == ["seeds/source.csv:3: (row): has 20 fields, expected 19 as in the header"]


def test_blank_lines_and_a_byte_order_mark_are_no_problem(seeds: EditableSeeds) -> None:
    path = seeds.folder / "data_source.csv"
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n") + b"\r\n")
    assert seeds.messages() == []


def test_read_catalog_raises_with_every_problem(seeds: EditableSeeds) -> None:
    seeds.edit("source", "snapshot", "snapshots")
    seeds.edit("job", "@weekly", "@often")
    with pytest.raises(MetadataInvalid) as raised:
        read_catalog(seeds.folder)
    assert raised.value.problems == tuple(check(seeds.folder))
    assert str(raised.value).splitlines() == [
        "2 errors in the metadata",
        'seeds/job.csv:4: schedule: "@often" is not a schedule, '
        "expected one of @once, @hourly, @daily, @weekly, @monthly, @yearly",
        'seeds/source.csv:2: delivery_type: "snapshots" is not known, '
        "expected one of snapshot, partition_snapshot, delta (perhaps snapshot)",
    ]


def test_problem_is_one_line_though_the_cell_is_not(seeds: EditableSeeds) -> None:
    seeds.edit("job", "tidying", '"ti\ndying"')
    assert seeds.messages()[0] == (
        r'seeds/job.csv:4: job: "ti\ndying" is not a safe name, '
        "expected a to z, 0 to 9 and _, a letter first, 50 characters at most"
    )


def test_problem_is_a_value() -> None:
    problem = Problem("seeds/job.csv", 4, "owner", "is blank", "a text")
    assert str(problem) == "seeds/job.csv:4: owner: is blank, expected a text"
    assert dataclasses.replace(problem) == problem


def test_checking_imports_nothing_heavy() -> None:
    code = (
        "import sys; from pathlib import Path; from headwater.metadata.static.read import read_catalog;"
        "read_catalog(Path('seeds'));"
        "heavy = {'dbt', 'pandas', 'sqlalchemy', 'great_expectations', 'boto3', 'pydantic'};"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=PROJECT, capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"
