"""Parquet: every type as text without loss, in the order of the rows."""

from __future__ import annotations

import io
import json
import uuid
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headwater.extract.formats import parquet_file
from tests.support.reading_formats import opened, read, refusal, rows
from tests.support.sources import make_source

MOMENT = datetime(2026, 1, 2, 3, 4, 5, 678000, UTC)
BERLIN = timezone(timedelta(hours=1))


def parquet(columns: dict[str, pa.Array], row_group_size: int = 1000) -> bytes:
    buffer = io.BytesIO()
    pq.write_table(pa.table(columns), buffer, row_group_size=row_group_size)
    return buffer.getvalue()


@settings(max_examples=30)
@given(
    st.lists(
        st.tuples(
            st.none() | st.integers(-(2**63), 2**63 - 1),
            st.none() | st.floats(allow_nan=False, allow_infinity=False),
            st.none() | st.decimals(-(10**20), 10**20, places=4),
            st.none() | st.text(st.characters(codec="utf-8", exclude_characters="\0")),
            st.none() | st.datetimes(timezones=st.just(UTC)),
        ),
        max_size=12,
    ),
    st.integers(1, 5),
)
def test_values_come_back_as_they_were(records: list[tuple[Any, ...]], row_group_size: int) -> None:
    types = (pa.int64(), pa.float64(), pa.decimal128(30, 4), pa.string(), pa.timestamp("us", "Europe/Berlin"))
    columns = {str(n): pa.array([r[n] for r in records], kind) for n, kind in enumerate(types)}
    _, found = read("parquet", parquet(columns, row_group_size))
    back = (int, float, Decimal, str, datetime.fromisoformat)
    assert [
        tuple(None if v is None else back[n](v) for n, v in enumerate(values)) for values in found
    ] == records


CASES: list[tuple[pa.Array, str | None]] = [
    (pa.array([True]), "true"),
    (pa.array([2**64 - 1], pa.uint64()), "18446744073709551615"),
    (pa.array([0.1], pa.float32()), "0.1"),
    (pa.array([1e20]), "1" + "0" * 20),
    (pa.array([Decimal("1.10")]), "1.10"),
    (pa.array([Decimal("1E-10")], pa.decimal128(38, 12)), "0.000000000100"),
    (pa.array([date(2026, 1, 2)]), "2026-01-02"),
    (pa.array([time(1, 2, 3)]), "01:02:03"),
    (pa.array([time(1, 2, 3, 40)]), "01:02:03.00004"),
    (pa.array([MOMENT.replace(tzinfo=None)]), "2026-01-02 03:04:05.678"),
    (pa.array([MOMENT]), "2026-01-02 03:04:05.678Z"),
    (pa.array([MOMENT.astimezone(BERLIN)], pa.timestamp("us", "+01:00")), "2026-01-02 03:04:05.678Z"),
    (pa.array([1_767_323_045_000_000_001], pa.timestamp("ns")), "2026-01-02 03:04:05.000000001"),
    (pa.array([1_767_323_040_000_000_000], pa.timestamp("ns", "UTC")), "2026-01-02 03:04:00Z"),
    (pa.array([timedelta(days=1, microseconds=5)]), "1 day, 0:00:00.000005"),
    (pa.array([b"\x00\xff"]), r"\x00ff"),
    (pa.array([uuid.UUID(int=1).bytes], pa.uuid()), "00000000-0000-0000-0000-000000000001"),
    (pa.array(["a"]).dictionary_encode(), "a"),
    (pa.nulls(1), None),
    (pa.array([[1, None]]), "[1,null]"),
    (pa.array([{"a": Decimal("1.10"), "b": ["ü", None], "c": MOMENT}]), '{"a":1.10,"b":["ü",null],"c":"2026-01-02 03:04:05.678000+00:00"}'),
    (pa.array([[("k", 1)]], pa.map_(pa.string(), pa.int8())), '{"k":1}'),
]  # fmt: skip


@pytest.mark.parametrize(("column", "text"), CASES, ids=[str(column.type) for column, _ in CASES])
def test_each_type_has_its_text(column: pa.Array, text: str | None) -> None:
    assert read("parquet", parquet({"a": column})) == (("a",), [(text,)])


def test_records_are_numbered_across_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parquet_file, "BATCH", 3)
    content = parquet({"id": pa.array(range(10)), "x": pa.array([None] * 10)}, row_group_size=4)
    found = rows(make_source(["id"], options={"format": "parquet"}), content)
    assert [(line, values[0], json.loads(values[1] or "")) for line, values in found] == [
        (number + 1, str(number), {"x": None}) for number in range(10)
    ]
    assert opened(make_source(options={"format": "parquet"}), content).header == ("id", "x")


GOOD = parquet({"id": pa.array(range(1000)), "name": pa.array(["Ulm"] * 1000)})


@pytest.mark.parametrize(
    ("content", "options", "message"),
    [
        (b"", {}, "f: not a Parquet file that can be read ("),
        (b"id,name\n", {}, "f: not a Parquet file that can be read ("),
        (GOOD[:-10], {}, "f: not a Parquet file that can be read (Parquet magic bytes not found in footer"),
        (GOOD[:100] + b"\xff" * 200 + GOOD[300:], {}, "f: not a Parquet file that can be read ("),
        (parquet({"a": pa.array(["x", "a\0b"])}), {}, r"f:2: 'a\x00b' in column 'a' has a NUL or half a character, expected text"),
        (parquet({"a": pa.array(["y" * 2_000_000])}), {"max_unpacked_mib": "1"}, "f: unpacks from "),
    ],
)  # fmt: skip
def test_what_is_broken_is_refused(content: bytes, options: dict[str, str], message: str) -> None:
    assert refusal("parquet", content, **options).startswith(message)
