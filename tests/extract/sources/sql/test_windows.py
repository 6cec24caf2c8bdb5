"""Changes since the last window: windows overlap, none is ahead of the data, and nothing new makes no delivery."""

from __future__ import annotations

from datetime import UTC, datetime

import psycopg2
import pytest

from headwater.extract.sources.sql import window
from headwater.extract.sources.sql.window import back, not_ahead, scale_of
from headwater.metadata.errors import ExtractError, PublisherError
from headwater.metadata.static.model import Source
from tests.extract.sources.sql.conftest import Line, Publisher, fill

MOMENT = datetime(2026, 3, 1, 12, tzinfo=UTC)


def changes(publisher: Publisher, **options: str) -> Source:
    return publisher.source(incr_column="changed", options={"lag_window": "10 minutes", **options})


def ids(line: Line) -> list[int]:
    return sorted(int(found) for (found,) in line.rows("id"))


def watermarks(line: Line) -> list[tuple[object, ...]]:
    return line.query(
        "select watermark_from ->> 'changed', watermark_to ->> 'changed' from metadata.delivery order by delivery_sqn"
    )


def test_each_window_begins_at_the_last_watermark_less_the_lag(shop: Publisher, line: Line) -> None:
    fill(shop, 30)
    source = changes(shop)
    assert line.run(source) == 30
    for _ in range(2):
        assert not line.extract(source).landed
    shop.do("insert into shop.orders values (31, 'new', '2026-03-01 00:45Z')")
    line.run(source)
    assert ids(line) == [*range(20, 32)]
    assert watermarks(line) == [
        (None, "2026-03-01 00:30:00+00"),
        ("2026-03-01 00:20:00+00", "2026-03-01 00:45:00+00"),
    ]
    assert not line.extract(source).landed


def test_the_watermarks_are_in_the_manifest(shop: Publisher, line: Line) -> None:
    fill(shop, 2)
    line.run(changes(shop))
    [key] = line.store.list("manifests/places/")
    assert b'"watermark_to": {\n  "changed": "2026-03-01 00:02:00+00"\n }' in line.store.get(key)


def test_what_is_committed_late_within_the_lag_is_read(shop: Publisher, line: Line) -> None:
    fill(shop, 30)
    late = psycopg2.connect(shop.connection.dsn)
    with late.cursor() as cursor:  # began before the others, and has not ended
        cursor.execute("insert into shop.orders values (99, 'late', '2026-03-01 00:25Z')")
    source = changes(shop)
    assert line.run(source) == 30
    assert not line.extract(source).landed
    late.commit()
    late.close()
    line.run(source)
    assert ids(line) == [*range(20, 31), 99]
    assert watermarks(line)[1] == ("2026-03-01 00:20:00+00", "2026-03-01 00:30:00+00")
    assert not line.extract(source).landed


def test_a_window_that_could_not_be_landed_is_read_again(
    shop: Publisher, line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(shop, 30)
    source = changes(shop)
    line.run(source)
    shop.do("insert into shop.orders values (31, 'new', '2026-03-01 00:45Z')")
    with monkeypatch.context() as patch:
        patch.setattr("headwater.extract.sources.rdbms.fetch_spooled", _failing)
        assert len(line.extract(source).failed) == 1
    line.run(source)
    assert 31 in ids(line)


def _failing(*_: object) -> None:
    raise ExtractError("the disk is full")


def test_an_earlier_first_watermark_leaves_out_what_is_older(shop: Publisher, line: Line) -> None:
    fill(shop, 30)
    assert line.run(changes(shop, first_watermark="2026-03-01 00:29Z")) == 2


def test_rows_without_a_moment_are_in_every_window(shop: Publisher, line: Line) -> None:
    fill(shop, 30)
    shop.do("alter table shop.orders alter changed drop not null")
    source = changes(shop)
    assert line.run(source) == 30
    shop.do("insert into shop.orders values (0, 'no moment', null)")
    line.run(source)
    assert ids(line) == [0, *range(20, 31)]
    assert not line.extract(source).landed


def test_a_table_of_such_rows_alone_is_read_once(shop: Publisher, line: Line) -> None:
    fill(shop, 2)
    shop.do("alter table shop.orders alter changed drop not null", "update shop.orders set changed = null")
    assert line.run(changes(shop)) == 2
    assert not line.extract(changes(shop)).landed


def test_a_row_from_the_future_does_not_hide_what_comes_until_then(shop: Publisher, line: Line) -> None:
    fill(shop, 1)
    shop.do("insert into shop.orders values (2, 'far', now() + interval '1 year')")
    source = changes(shop)
    assert line.run(source) == 2
    shop.do("insert into shop.orders values (3, 'now', now())")
    line.run(source)
    assert ids(line) == [2, 3]


def test_numbers_are_watermarks_too(shop: Publisher, line: Line) -> None:
    fill(shop, 30)
    source = shop.source(incr_column="id", options={"lag_window": "5"}, data_size="large")
    assert line.run(source) == 30
    shop.do("insert into shop.orders values (31, 'new', now())")
    assert line.run(source) == 7
    assert not line.extract(source).landed


def test_an_empty_table_has_no_changes(shop: Publisher, line: Line) -> None:
    fill(shop, 0)
    assert not line.extract(changes(shop)).landed


def test_a_lost_database_asks_for_no_more(shop: Publisher, line: Line) -> None:
    fill(shop, 30)
    line.run(changes(shop))
    line.engine.dispose()
    with line.engine.begin() as connection:
        for table in ("delivery_event", "delivery_status", "delivery_header", "delivery"):
            connection.exec_driver_sql(f"delete from metadata.{table}")
    assert not line.extract(changes(shop)).landed
    assert watermarks(line) == [(None, "2026-03-01 00:30:00+00")]


def test_a_script_gets_its_watermarks(shop: Publisher, line: Line) -> None:
    fill(shop, 30)
    script = """
        select id, upper(name) as name, changed from shop.orders -- 100 % :nothing
        where changed::timestamptz >= :watermark_from and changed <= :watermark_to and name like 'Ü%';
    """.replace(":nothing", "of them")
    source = shop.source(
        incr_column="changed",
        script=script,
        options={"lag_window": "10 minutes", "first_watermark": "2026-01-01"},
    )
    assert line.run(source) == 30
    assert not line.extract(source).landed
    shop.do("insert into shop.orders values (31, 'Ü new', '2026-03-01 00:45Z')")
    line.run(source)
    assert ids(line) == [*range(20, 32)]
    assert line.query("select distinct publisher_name from metadata.delivery") == [
        ("orders_of_shop.copy.gz",)
    ]


def test_a_script_cannot_change_anything(shop: Publisher, line: Line) -> None:
    fill(shop, 3)
    shop.do("create function shop.sweep() returns void language sql as 'delete from shop.orders'")
    with pytest.raises(PublisherError, match="cannot execute DELETE in a read-only transaction"):
        line.extract(shop.source(script="select 1 as id, shop.sweep() as name"))


@pytest.mark.parametrize(
    ("lag", "watermark", "begin"),
    [
        ("10 minutes", "2026-03-01 00:05:00.123+00", "2026-02-28 23:55:00.123+00"),
        ("10 minutes", "2026-03-01T00:05:00Z", "2026-02-28T23:55:00Z"),
        ("10 minutes", "2026-03-01 00:05:00.123456+05:30", "2026-02-28 23:55:00.123456+05:30"),
        ("10 minutes", "2026-03-01 00:05", "2026-02-28 23:55"),
        ("10 minutes", "2026-03-01", "2026-02-28"),
        ("2 days", "2026-03-01", "2026-02-27"),
        ("5", "3", "-2"),
        ("5", "12345678901234567890.5", "12345678901234567885.5"),
        ("0", "anything", "anything"),
    ],
)
def test_a_window_begins_in_the_words_of_the_watermark(
    shop: Publisher, lag: str, watermark: str, begin: str
) -> None:
    scale = scale_of(changes(shop, lag_window=lag))
    assert scale is not None
    assert back(scale, watermark) == begin


@pytest.mark.parametrize(
    ("lag", "watermark", "message"),
    [
        ("5", "2026-03-01", "lag_window 5 where changed is 2026-03-01, expected a time such as 15 minutes"),
        ("5 days", "17", "lag_window 5 days where changed is 17, expected a number such as 100"),
        ("5", "abc", "'abc' at changed is no watermark"),
    ],
)
def test_a_lag_of_another_kind_is_refused(shop: Publisher, lag: str, watermark: str, message: str) -> None:
    scale = scale_of(changes(shop, lag_window=lag))
    assert scale is not None
    with pytest.raises(PublisherError, match=message):
        back(scale, watermark)


@pytest.mark.parametrize(
    ("watermark", "reached"),
    [
        ("2026-03-01 11:59:59+00", "2026-03-01 11:59:59+00"),
        ("2026-03-01 12:00:01+00", "2026-03-01 12:00:00+00"),
        ("2026-03-01T12:00:01.5Z", "2026-03-01T12:00:00.0Z"),
        ("2026-03-01 12:30:00+01", "2026-03-01 12:30:00+01"),
        ("2026-03-01 13:30:00+01", "2026-03-01 13:00:00+01"),
        ("9999-12-31 23:59:59-05:00", "2026-03-01 07:00:00-05:00"),
        ("2026-03-02 12:00:00", "2026-03-02 12:00:00"),  # of no zone: somewhere it may be as late as that
        ("2026-03-02 12:00:01", "2026-02-28 12:00:00"),  # and nowhere is it earlier
        ("9999-12-31T23:59:59.999999", "2026-02-28T12:00:00.000000"),
        ("9999-12-31", "2026-02-28"),
        ("2026-03-02", "2026-03-02"),
        ("infinity", "2026-02-28 12:00:00"),
        ("10000-01-01 04:59:59+00", "2026-02-28 12:00:00"),
        ("999999", "999999"),
    ],
)
def test_no_watermark_is_ahead_of_the_clock(shop: Publisher, watermark: str, reached: str) -> None:
    scale = scale_of(changes(shop))
    assert scale is not None
    assert not_ahead(scale, watermark, MOMENT) == reached
    assert window.later_of(scale, None, reached) == reached


@pytest.mark.parametrize("kind", ["timestamp", "date", "timestamptz"])
@pytest.mark.parametrize("far", ["9999-12-31", "infinity"])
def test_a_row_from_the_far_future_does_not_end_the_source(
    shop: Publisher, line: Line, kind: str, far: str
) -> None:
    fill(shop, 1)
    shop.do(f"alter table shop.orders alter changed type {kind}")
    shop.do(f"insert into shop.orders values (2, 'far', '{far}')")
    source = changes(shop, lag_window="2 days")
    assert line.run(source) == 2
    assert not line.extract(source).landed
    shop.do("insert into shop.orders values (3, 'now', now())")
    line.run(source)
    assert ids(line) == [2, 3]
    assert not line.extract(source).landed


@pytest.mark.parametrize("far", ["9999-12-31 00:00:00", "infinity"])
def test_a_source_that_the_far_future_has_ended_goes_on(shop: Publisher, line: Line, far: str) -> None:
    fill(shop, 1)
    shop.do("alter table shop.orders alter changed type timestamp")
    source = changes(shop)
    line.run(source)
    with line.engine.begin() as connection:
        connection.exec_driver_sql(
            f"update metadata.delivery set watermark_to = jsonb_build_object('changed', '{far}')"
        )
    shop.do("insert into shop.orders values (3, 'now', now())")
    line.run(source)
    assert ids(line) == [3]
    assert not line.extract(source).landed


def test_a_column_that_is_no_watermark_lands_nothing(shop: Publisher, line: Line) -> None:
    fill(shop, 1)
    source = shop.source(incr_column="name", options={"lag_window": "0"})
    with pytest.raises(
        PublisherError, match="places: 'Ü 1' is the greatest name and no watermark"
    ) as refused:
        line.extract(source)
    assert "watermark_format" not in str(refused.value)
    assert not watermarks(line)
