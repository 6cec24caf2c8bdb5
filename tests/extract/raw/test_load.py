"""Raw loading: every record of a file is a row, as it came, or none is."""

from __future__ import annotations

import hashlib
import io
import json
import subprocess
import sys
import zipfile
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import timedelta

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from headwater.extract.files.record import Record
from headwater.extract.raw import load
from headwater.extract.raw.load import Counts
from headwater.extract.raw.pending import load_delivery, load_pending
from headwater.metadata.errors import FormatBroken, LedgerBroken, StorageError
from headwater.metadata.static.model import DatedOption, Source
from tests.support.loader import Loader
from tests.support.sources import DATE, land_bytes, make_source


def test_records_become_rows_with_their_lines(loader: Loader) -> None:
    counts = loader.load(make_source(), b'id,name\n1,Ulm\n\n2,\n3,"a\nb"\r\n4,"x""y"\n')
    assert counts == Counts(parsed=4, written=4)
    assert loader.rows("line_number", "id", "name", "_rest") == [
        (2, "1", "Ulm", None),
        (4, "2", "", None),
        (5, "3", "a\nb", None),
        (7, "4", 'x"y', None),
    ]


def test_a_delivery_is_read_in_the_way_of_its_date(loader: Loader) -> None:
    """Both come after the change, and one is dated before it; the title line and the ZIP are of the change, too."""
    changed = [("delimiter", ";"), ("encoding", "latin1"), ("header_line", "2"), ("zip_member", "csv$")]
    source = replace(
        make_source(options={"delimiter": "\t"}),
        dated_options=tuple(DatedOption(name, value, DATE) for name, value in changed),
    )
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("places.csv", "Places\nid;name\n1;Köln\n".encode("latin1"))
    loader.load(source, packed.getvalue(), "new.csv")
    early = land_bytes(
        loader.engine, loader.store, source, "id\tname\n2\tUlm; Dom\n3\tKöln\n".encode(), "early.csv",
        loader.job_inst_id, DATE - timedelta(microseconds=1),
    )  # fmt: skip
    assert load_delivery(loader.engine, loader.store, source, early, loader.job_inst_id)
    assert loader.rows("line_number", "id", "name") == [
        (3, "1", "Köln"),
        (2, "2", "Ulm; Dom"),
        (3, "3", "Köln"),
    ]


def test_a_definition_that_another_process_recorded_meanwhile_leaves_the_delivery_pending(
    loader: Loader,
) -> None:
    loader.load(make_source(), b"id,name\n1,Ulm\n")
    other = make_source(options={"delimiter": ";"})
    delivery = loader.land(other, b"id;name\n2;Bonn\n", "other.csv")
    assert load_delivery(loader.engine, loader.store, other, delivery, loader.job_inst_id) is None
    assert loader.rows("id") == [("1",)]


def test_rows_say_which_delivery_and_job_instance_they_are_of(loader: Loader) -> None:
    loader.load(make_source(), b"id,name\n1,Ulm\n")
    [(delivery_sqn, job_inst_id)] = loader.rows("delivery_sqn", "job_inst_id")
    assert job_inst_id == loader.job_inst_id
    assert loader.query("select delivery_sqn from metadata.delivery") == [(delivery_sqn,)]


def test_status_commits_with_the_rows(loader: Loader) -> None:
    content = b"id,name\n1,Ulm\n2,Bonn\n"
    loader.load(make_source(), content)
    assert loader.query(
        "select status, file_size, record_count, parsed_count from metadata.delivery_status where layer = 'raw'"
    ) == [("loaded", len(content), 2, 2)]


def test_columns_may_come_in_any_order(loader: Loader) -> None:
    loader.load(make_source(), b"name,id\nUlm,1\n")
    assert loader.rows("id", "name") == [("1", "Ulm")]


def test_a_column_that_may_be_missing_is_null_and_an_empty_field_is_empty(loader: Loader) -> None:
    source = make_source(["id", "name", "note"], optional=["note"])
    loader.load(source, b"id,name\n1,\n")
    assert loader.rows("id", "name", "note") == [("1", "", None)]


def test_unknown_columns_are_kept_under_their_own_names(loader: Loader) -> None:
    long = "x" * 80
    header = f'id,name,delivery_sqn,,id,extra,extra,{long},"a ""b"""'
    loader.load(make_source(), f"{header}\n1,Ulm,9,blank,1b,e1,e2,long,\\q\n".encode())
    [(sqn, rest)] = loader.rows("delivery_sqn", "_rest")
    assert sqn != 9
    assert rest == {
        "delivery_sqn": "9", "[4]": "blank", "id [5]": "1b", "extra": "e1", "extra [7]": "e2", long: "long",
        'a "b"': "\\q",
    }  # fmt: skip
    assert loader.rows("id", "name") == [("1", "Ulm")]


def test_unknown_columns_are_dropped_where_the_source_ignores_them(loader: Loader) -> None:
    loader.load(make_source(on_unknown_column="ignore"), b"id,x,name\n1,y,Ulm\n")
    assert loader.rows("id", "name", "_rest") == [("1", "Ulm", None)]


def test_a_delete_mark_has_a_column_of_its_own(loader: Loader) -> None:
    loader.load(
        make_source(options={"delete_column": "gone"}, delivery_type="delta"), b"id,name,gone\n1,Ulm,D\n"
    )
    assert loader.rows("id", "name", "gone", "_rest") == [("1", "Ulm", "D", None)]


def test_names_that_are_no_columns_of_postgres_are_read_all_the_same(loader: Loader) -> None:
    long = "ü" * 40
    loader.load(
        make_source(["id", long, "ctid", 'odd "%s" name']),
        f'ctid,{long},id,"odd ""%s"" name"\nc,l,1,o\n'.encode(),
    )
    assert loader.rows("id", "_b", "_c", 'odd "%s" name') == [("1", "l", "c", "o")]


def test_a_new_attribute_is_a_new_column_and_older_rows_stay(loader: Loader) -> None:
    loader.load(make_source(), b"id,name\n1,Ulm\n")
    loader.forget_definition()
    loader.load(make_source(["id", "name", "100 %"]), b"id,name,100 %\n2,Bonn,x\n", "later.csv")
    assert loader.rows("id", "100 %") == [("1", None), ("2", "x")]


def test_a_table_that_lacks_nothing_is_not_locked_by_ddl(loader: Loader) -> None:
    loader.load(make_source(), b"id,name\n1,Ulm\n")
    with loader.engine.begin() as reader:
        reader.execute(sa.text("select count(*) from raw.places"))  # a lock that DDL would have to wait for
        loader.load(make_source(), b"id,name\n2,Bonn\n", "later.csv")
    assert len(loader.rows("id")) == 2


@pytest.mark.parametrize(
    ("options", "content"),
    [
        ({"delimiter": ";", "encoding": "latin-1"}, "id;name\n1;Köln, am Rhein\n".encode("latin-1")),
        ({"delimiter": "\t", "encoding": "utf-16"}, "id\tname\r\n1\tKöln, am Rhein\r\n".encode("utf-16")),
        ({"delimiter": "|", "quote_char": ""}, "id|name\n1|Köln, am Rhein\n".encode()),
        ({"quote_char": "'"}, "id,name\n1,'Köln, am Rhein'\n".encode()),
        ({"header_line": "3"}, 'Report of "today\n\nid,name\n1,"Köln, am Rhein"\n'.encode()),
        ({"delimiter": "¦"}, "id¦name\n1¦Köln, am Rhein\n".encode()),
        ({}, '\ufeffid,name\r1,"Köln, am Rhein"'.encode()),
    ],
)
def test_formats_are_read_as_the_source_says(loader: Loader, options: dict[str, str], content: bytes) -> None:
    loader.load(make_source(options=options), content)
    assert loader.rows("id", "name") == [("1", "Köln, am Rhein")]


VALUE = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=8)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(values=st.lists(st.tuples(VALUE, VALUE), min_size=1, max_size=6), keep=st.booleans())
def test_every_value_comes_through_postgres_as_it_is(
    loader: Loader, values: list[tuple[str, str]], keep: bool
) -> None:
    def quoted(value: str) -> str:
        return '"' + value.replace('"', '""') + '"'

    loader.execute("drop table if exists raw.places")
    extra = ",more" if keep else ""
    lines = [f"{quoted(a)},{quoted(b)}" + (f",{quoted(b)}" if keep else "") for a, b in values]
    loader.load(make_source(), "\n".join([f"id,name{extra}", *lines]).encode())
    assert [row[:2] for row in loader.rows("id", "name", "_rest")] == values
    if keep:
        assert [rest["more"] for (rest,) in loader.rows("_rest")] == [b for _, b in values]


def zipped(**members: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name.replace("__", "/"), content)
    return buffer.getvalue()


def test_a_zip_gives_its_only_member_or_the_one_that_matches(loader: Loader) -> None:
    content = b"id,name\n1,Ulm\n"
    loader.load(make_source(), zipped(data__places=content), "one.zip")
    loader.forget_definition()
    several = zipped(readme=b"hello", data__places=content)
    loader.load(make_source(options={"zip_member": "places$"}), several, "two.ZIP")
    assert loader.rows("id") == [("1",), ("1",)]


def test_unpivot_makes_a_row_of_every_value(loader: Loader) -> None:
    source = make_source(
        ["Date", "currency", "rate"],
        wrangle_function="unpivot",
        options={
            "unpivot_keep": "Date",
            "unpivot_name": "currency",
            "unpivot_value": "rate",
            "unpivot_skip": "N/A|",
        },
    )
    counts = loader.load(source, b"Date,USD,JPY,\n2026-03-02,1.1,N/A,\n2026-03-01,1.0,160,\n")
    assert counts == Counts(parsed=2, written=3)
    assert loader.rows("line_number", "Date", "currency", "rate") == [
        (2, "2026-03-02", "USD", "1.1"),
        (3, "2026-03-01", "USD", "1.0"),
        (3, "2026-03-01", "JPY", "160"),
    ]
    assert loader.query(
        "select record_count, parsed_count from metadata.delivery_status where layer = 'raw'"
    ) == [(3, 2)]


def upper_case(
    source: Source, header: Sequence[str], records: Iterable[Record], file: str
) -> tuple[Sequence[str], Iterable[Record]]:
    """A wrangle function as a user would write one."""
    assert (source.name, file) == ("places", "places.csv")
    return [name.lower() for name in header], (
        Record(line, [value and value.upper() for value in values])
        for line, values in records
        if values[0] != "skip"
    )


def test_a_source_may_bring_its_own_wrangle_function(loader: Loader) -> None:
    source = make_source(wrangle_function="tests.extract.raw.test_load:upper_case")
    counts = loader.load(source, b"ID,NAME\n1,Ulm\nskip,me\n")
    assert counts == Counts(parsed=2, written=1)
    assert loader.rows("id", "name") == [("1", "ULM")]


def test_a_large_file_with_every_oddity_in_it_is_whole(loader: Loader) -> None:
    blocks = ["".join(f"{n},name {n}\n" for n in range(k * 9000, k * 9000 + 9000)) for k in range(4)]
    odd = '"odd","with ""quotes"" and\nlines"\n'
    content = "id,name\n" + blocks[0] + odd + blocks[1] + odd + blocks[2] + "\n" + blocks[3]
    counts = loader.load(make_source(), content.encode())
    assert counts == Counts(parsed=36002, written=36002)
    lines = content.split("\n")
    for number, ident in loader.rows("line_number", "id"):
        assert lines[number - 1].startswith((f"{ident},", f'"{ident}",'))


def test_a_failing_file_leaves_nothing_even_after_many_good_rows(loader: Loader) -> None:
    content = b"id,name\n" + b"1,Ulm\n" * 300_000 + b"2\n"
    delivery = loader.land(make_source(), content)
    with pytest.raises(FormatBroken, match=r"^places\.csv:300002: 1 field, expected 2 as in the header$"):
        load_delivery(loader.engine, loader.store, make_source(), delivery, loader.job_inst_id)
    assert loader.query("select to_regclass('raw.places')") == [(None,)]
    assert loader.query("select * from metadata.delivery_status where layer = 'raw'") == []


def test_a_count_that_postgres_does_not_share_rolls_back_and_halts(
    loader: Loader, monkeypatch: pytest.MonkeyPatch
) -> None:
    loader.load(make_source(), b"id,name\n1,Ulm\n")
    copy = load._copy
    monkeypatch.setattr(load, "_copy", lambda *parts: copy(*parts) - 1)
    delivery = loader.land(make_source(), b"id,name\n2,Bonn\n3,Berlin\n", "later.csv")
    with pytest.raises(LedgerBroken):
        load_delivery(loader.engine, loader.store, make_source(), delivery, loader.job_inst_id)
    summary = load_pending(loader.engine, loader.store, make_source(), loader.job_inst_id, ignore)
    assert [(check, why) for _, check, why in summary.refused] == [
        ("ledger", f"delivery {delivery.delivery_sqn}, raw: 2 rows were sent, Postgres counts 1")
    ]
    assert loader.rows("id") == [("1",)]
    assert loader.query("select event, checks from metadata.delivery_event") == [("halted", ["ledger"])]


@pytest.mark.parametrize("name", ["places.csv", "places.zip"])
@pytest.mark.parametrize("content", [b"id,name\n1,Ulm\n", b"id,name\n1\n", b"id"])
def test_an_object_that_is_not_what_landed_is_no_fault_of_the_file(
    loader: Loader, name: str, content: bytes
) -> None:
    delivery = replace(
        loader.land(make_source(), content, name), content_sha256=hashlib.sha256(b"other").hexdigest()
    )
    with pytest.raises(StorageError, match="is not what landed"):
        load_delivery(loader.engine, loader.store, make_source(), delivery, loader.job_inst_id)


def test_loading_twice_loads_once(loader: Loader) -> None:
    delivery = loader.land(make_source(), b"id,name\n1,Ulm\n")
    first = load_delivery(loader.engine, loader.store, make_source(), delivery, loader.job_inst_id)
    assert first == Counts(1, 1)
    assert load_delivery(loader.engine, loader.store, make_source(), delivery, loader.job_inst_id) is None
    assert loader.rows("id") == [("1",)]


MEMORY = """
import json, sys
from pathlib import Path
from benchmarks.raw_load import load_once
key, sha256, size = sys.argv[1:]
print(json.dumps(load_once(key, sha256, int(size), "csv")[1]))
"""


@pytest.mark.parametrize("quote", ["", '"'])
def test_memory_does_not_grow_with_the_file(loader: Loader, quote: str) -> None:
    from benchmarks.raw_load import COLUMNS

    line = ",".join(f"{quote}{name} value{quote}" for name in COLUMNS).encode() + b"\n"
    peaks = []
    for repeat in (1_000, 250_000):
        content = ",".join(COLUMNS).encode() + b"\n" + line * repeat
        assert loader.store.put_new(f"landed/{repeat}", content)
        payload = subprocess.run(
            [sys.executable, "-c", MEMORY, f"landed/{repeat}", hashlib.sha256(content).hexdigest(), str(len(content))],
            check=True, capture_output=True, text=True,
        ).stdout  # fmt: skip
        peaks.append(json.loads(payload))
    assert len(content) > 40 << 20
    assert peaks[1] < peaks[0] + 20
    assert peaks[1] < 300


def ignore(level: str, message: str, **context: object) -> None:
    """A report to nobody."""
