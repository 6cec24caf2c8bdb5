"""Changes since: windows overlap, the watermark is never ahead of the data, nothing new makes no delivery."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import Engine

from headwater.extract.http.exchange import Patience
from headwater.extract.landing.store import ObjectStore
from headwater.extract.raw.pending import LoadSummary, load_pending
from headwater.extract.run import ExtractSummary, extract_source
from headwater.extract.sources import rest_api
from headwater.metadata.errors import PublisherError
from headwater.metadata.static.model import Source
from tests.extract.sources.api.conftest import Reader
from tests.support.api_server import Api, Record
from tests.support.publisher import Answer

Fill = Callable[[int], list[Record]]


@pytest.fixture
def source(reader: Reader) -> Source:
    return changes(reader)


def changes(reader: Reader, **options: str) -> Source:
    return reader.source(
        "page", options={"watermark_path": "changed", "lag_window": "10 minutes", **options},
        more={"delivery_type": "delta", "load_removed": False}, use_incremental=True, modified_since_param="since",
    )  # fmt: skip


class Line:
    """Extracts and loads sources into raw, and looks at what became of it."""

    def __init__(self, engine: Engine, store: ObjectStore, job_inst_id: int) -> None:
        self.engine, self.store, self.job_inst_id = engine, store, job_inst_id
        self.reported: list[str] = []

    def extract(self, source: Source) -> ExtractSummary:
        return extract_source(self.engine, self.store, source, self.job_inst_id, self._report)

    def load(self, source: Source) -> LoadSummary:
        return load_pending(self.engine, self.store, source, self.job_inst_id, self._report)

    def query(self, statement: str) -> list[tuple[Any, ...]]:
        with self.engine.connect() as connection:
            return [tuple(row) for row in connection.execute(sa.text(statement))]

    def names(self) -> list[str]:
        return [
            name
            for (name,) in self.query("select publisher_name from metadata.delivery order by delivery_sqn")
        ]

    def held(self) -> dict[int, str]:
        """The newest of each record in raw."""
        return {
            int(key): name
            for key, name in self.query("select id, name from raw.places order by delivery_sqn")
        }

    def _report(self, level: str, message: str, **context: Any) -> None:
        del level, context
        self.reported.append(message)


@pytest.fixture
def line(database: Engine, store: ObjectStore, job_inst_id: int, monkeypatch: pytest.MonkeyPatch) -> Line:
    quick = Patience(attempts=2, read_timeout_s=2, sleep=lambda _: None)
    proper = rest_api.discover

    def discover(source: Source, landed: Any = ()) -> Any:
        return proper(source, landed, quick)

    monkeypatch.setattr(rest_api, "discover", discover)
    return Line(database, store, job_inst_id)


def moment(hour: int, minute: int) -> datetime:
    return datetime(2026, 3, 1, hour, minute, tzinfo=UTC)


def test_what_changes_comes_and_what_does_not_makes_no_delivery(
    line: Line, source: Source, fill: Fill, api: Api
) -> None:
    fill(35)
    line.extract(source)
    line.load(source)
    assert line.names() == ["places-since-0.zip"]
    for _ in range(2):
        again = line.extract(source)
        assert (again.offered, again.landed) == (0, [])
    assert api.pages_asked()[-1]["since"] == "2026-03-01T00:24:00Z"  # 00:34 less ten minutes

    api.records[3] |= {"name": "changed", "changed": "2026-03-01T01:00:00Z"}
    api.records.append({"id": 35, "name": "new", "changed": "2026-03-01T01:01:00Z"})
    line.extract(source)
    line.load(source)
    assert line.names() == ["places-since-0.zip", "places-since-2026-03-01T00:24:00.000000Z.zip"]
    assert line.held() == {record["id"]: record["name"] for record in api.records}
    facts = line.query(
        "select delivery_date, watermark_from, watermark_to from metadata.delivery order by delivery_sqn"
    )
    assert facts == [
        (datetime(2026, 3, 1, 0, 34, tzinfo=UTC), None, {"changed": "2026-03-01T00:34:00Z"}),
        (
            datetime(2026, 3, 1, 1, 1, tzinfo=UTC),
            {"changed": "2026-03-01T00:24:00Z"},
            {"changed": "2026-03-01T01:01:00Z"},
        ),
    ]
    assert line.extract(source).landed == []


def test_what_is_committed_late_is_read_within_the_lag(
    line: Line, source: Source, fill: Fill, api: Api
) -> None:
    fill(35)
    line.extract(source)
    api.records.append({"id": 77, "name": "late", "changed": "2026-03-01T00:25:00Z"})
    line.extract(source)
    line.load(source)
    assert line.held()[77] == "late"
    assert line.extract(source).landed == []


def test_a_window_is_not_older_than_what_is_known(line: Line, source: Source, fill: Fill, api: Api) -> None:
    fill(35)
    line.extract(source)
    api.records = [*api.records[:30], {"id": 77, "name": "late", "changed": "2026-03-01T00:25:00Z"}]
    line.extract(source)
    dates = line.query(
        "select delivery_date, watermark_to ->> 'changed' from metadata.delivery order by delivery_sqn"
    )
    assert dates == [  # history is not rewound for it, and the watermark says what is in it
        (moment(0, 34), "2026-03-01T00:34:00Z"),
        (moment(0, 34), "2026-03-01T00:29:00Z"),
    ]
    line.extract(source)
    assert api.pages_asked()[-1]["since"] == "2026-03-01T00:24:00Z"


def test_a_window_without_records_makes_no_delivery(line: Line, source: Source, api: Api) -> None:
    assert line.extract(source).offered == 0
    api.records = [{"id": 1, "name": "one", "changed": "2026-03-01T00:00:00Z"}]
    line.extract(source)
    api.records = []
    assert line.extract(source).offered == 0


def test_an_api_that_leaves_out_the_moment_itself_is_quiet_after_one_more_delivery(
    line: Line, source: Source, fill: Fill, api: Api
) -> None:
    api.rules.since_inclusive = False
    fill(35)
    assert [len(line.extract(source).landed) for _ in range(4)] == [1, 1, 0, 0]


def test_a_reading_that_fails_lands_nothing_and_the_next_takes_all(
    line: Line, source: Source, fill: Fill, api: Api
) -> None:
    held = fill(35)
    api.rules.faults = [None, None, *[Answer(500)] * 2]
    with pytest.raises(PublisherError, match="500 Internal Server Error, 2 times in a row"):
        line.extract(source)
    assert line.query("select count(*) from metadata.delivery") == [(0,)]
    assert list(line.store.list("landed/")) == list(line.store.list("manifests/")) == []
    line.extract(source)
    line.load(source)
    assert line.held() == {record["id"]: record["name"] for record in held}


def test_watermarks_are_on_s3_and_a_lost_database_asks_for_no_more(
    line: Line, source: Source, fill: Fill, api: Api
) -> None:
    fill(35)
    line.extract(source)
    with line.engine.begin() as connection:
        connection.execute(sa.text("truncate metadata.delivery cascade"))
    again = line.extract(source)
    assert (len(again.registered), again.landed) == (1, [])
    assert api.pages_asked()[-1]["since"] == "2026-03-01T00:24:00Z"


def test_a_record_from_the_future_does_not_hide_what_comes_until_then(
    line: Line, source: Source, fill: Fill, api: Api
) -> None:
    fill(35)
    now = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=2)  # by the server's clock
    api.rules.headers = {"Date": format_datetime(now, usegmt=True)}
    api.records.append({"id": 99, "name": "mistake", "changed": "9999-01-01T00:00:00Z"})
    line.extract(source)
    assert line.query("select watermark_to ->> 'changed', delivery_date from metadata.delivery") == [
        (now.isoformat().replace("+00:00", "Z"), now)
    ]
    assert line.extract(source).landed == []


@pytest.mark.parametrize(("unit", "per_second"), [("seconds", 1), ("milliseconds", 1000)])
@pytest.mark.parametrize("mistake", [253_402_214_400, 9 * 10**29])
def test_a_count_since_1970_from_the_future_hides_nothing_either(
    line: Line, reader: Reader, api: Api, unit: str, per_second: int, mistake: int
) -> None:
    now = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=2)  # by the server's clock
    api.rules.headers = {"Date": format_datetime(now, usegmt=True)}
    moment = int(now.timestamp()) * per_second
    api.records = [
        {"id": n, "name": "x", "changed": str(message)}
        for n, message in enumerate([moment - 60 * per_second, mistake * per_second])
    ]
    source = changes(reader, watermark_format=unit, lag_window="10 minutes")
    line.extract(source)
    assert line.query("select watermark_to ->> 'changed', delivery_date from metadata.delivery") == [
        (str(moment), now)
    ]
    assert line.extract(source).landed == []
    assert api.pages_asked()[-1]["since"] == str(moment - 600 * per_second)


def test_a_count_since_1970_keeps_its_fraction(line: Line, reader: Reader, api: Api) -> None:
    api.records = [{"id": 1, "name": "x", "changed": "1767225600.25"}]
    source = changes(reader, watermark_format="seconds", lag_window="1 second")
    line.extract(source)
    line.extract(source)
    assert api.pages_asked()[-1]["since"] == "1767225599.25"
    assert line.query("select delivery_date from metadata.delivery") == [
        (datetime(2026, 1, 1, 0, 0, 0, 250_000, UTC),)
    ]


def test_numbers_are_watermarks_too(line: Line, reader: Reader, fill: Fill, api: Api) -> None:
    fill(35)
    for record in api.records:
        record["changed"] = str(1000 + record["id"])
    source = changes(reader, lag_window="5")
    line.extract(source)
    api.records.append({"id": 35, "name": "new", "changed": "1035"})
    line.extract(source)
    assert api.pages_asked()[-1]["since"] == "1029"
    assert line.names() == ["places-since-0.zip", "places-since-00000000000000001029.000000000.zip"]


@pytest.mark.parametrize(
    ("options", "changed", "message"),
    [
        (
            {},
            "yesterday",
            "places: 'yesterday' at changed is no watermark, expected a moment such as 2026-01-31T12",
        ),
        (
            {"watermark_format": "%d.%m.%Y"},
            "2026-03-01",
            r"is no watermark, expected %d\.%m\.%Y \(watermark_format\)",
        ),
        ({"watermark_format": "seconds"}, "2026-03-01", r"is no watermark, expected seconds since 1970 \("),
        ({}, "17", "lag_window 10 minutes at 17, expected a number such as 100"),
        ({}, None, r"no record has a value at changed \(watermark_path\), expected when it changed"),
    ],
)
def test_what_is_no_watermark_is_said(
    line: Line, reader: Reader, api: Api, options: dict[str, str], changed: str | None, message: str
) -> None:
    api.records = [{"id": 1, "name": "one", "changed": changed}]
    with pytest.raises(PublisherError, match=message):
        line.extract(changes(reader, **options))


def test_a_watermark_of_another_format_is_asked_for_in_it(line: Line, reader: Reader, api: Api) -> None:
    api.records = [{"id": 1, "name": "one", "changed": "20260301 0030"}]
    source = changes(reader, watermark_format="%Y%m%d %H%M", first_watermark="20260101 0000")
    line.extract(source)
    line.extract(source)
    assert {asked["since"] for asked in api.pages_asked()} == {"20260101 0000", "20260301 0020"}


@pytest.mark.parametrize(
    ("form", "moments"),
    [
        ("%d/%m/%Y", ["28/02/2026", "01/03/2026", "02/03/2026"]),
        (None, ["2026-03-01T00:00:00Z", "2026-03-01T00:00:00.5Z", "2026-03-01T00:00:00.75Z"]),
        (None, ["2026-03-01T00:00:00+09:00", "2026-02-28T16:00:00Z", "2026-02-28T18:00:00+01:00"]),
        (None, ["9", "10", "10.5", "1000"]),
    ],
)
def test_names_sort_as_windows_began(
    line: Line, reader: Reader, api: Api, form: str | None, moments: list[str]
) -> None:
    source = changes(reader, lag_window="0", **({"watermark_format": form} if form else {}))
    source = replace(source, conn_api=replace(reader.connection("page"), use_incremental=True))
    for number, changed in enumerate([*moments, moments[-1]]):
        api.records.append({"id": number, "name": "new", "changed": changed})
        line.extract(source)
    assert len(line.names()) == len(moments) + 1
    assert line.names() == sorted(line.names())


# --------------------------------------------------------------------------- read as a whole


def test_the_same_records_as_last_time_make_no_delivery(
    line: Line, reader: Reader, fill: Fill, api: Api
) -> None:
    source = reader.source("page")
    before = datetime.now(UTC).replace(microsecond=0)
    fill(35)
    line.extract(source)
    api.rules.envelope = {"request_id": "another one"}
    assert line.extract(source).landed == []
    later = before + timedelta(hours=1)
    api.rules.headers = {"Date": format_datetime(later, usegmt=True)}
    api.records.pop()
    line.extract(source)
    line.load(source)
    assert line.names() == ["places.zip", "places.zip"]
    [(first,), (second,)] = line.query("select delivery_date from metadata.delivery order by delivery_sqn")
    assert before <= first <= datetime.now(UTC)
    assert second == later
    assert line.query("select delivery_sqn, count(*) from raw.places group by 1 order by 1") == [
        (1, 35),
        (2, 34),
    ]
    api.rules.headers = {"Date": format_datetime(later + timedelta(hours=1), usegmt=True)}
    assert line.extract(source).landed == []


def test_a_reading_is_never_dated_before_the_one_before(
    line: Line, reader: Reader, fill: Fill, api: Api
) -> None:
    source, now = reader.source("page"), datetime.now(UTC).replace(microsecond=0)
    fill(12)
    for hour in (0, -2, -1):  # the server's clock goes back
        api.records.pop()
        api.rules.headers = {"Date": format_datetime(now + timedelta(hours=hour), usegmt=True)}
        line.extract(source)
    dates = [
        date for (date,) in line.query("select delivery_date from metadata.delivery order by delivery_sqn")
    ]
    assert dates == [now, now + timedelta(seconds=1), now + timedelta(seconds=2)]


def test_records_that_come_back_to_what_they_were_are_a_delivery(
    line: Line, reader: Reader, fill: Fill, api: Api
) -> None:
    source, now = reader.source("page"), datetime.now(UTC).replace(microsecond=0)
    held = fill(12)
    for hour, records in enumerate((held, held[:5], held)):
        api.records = list(records)
        api.rules.headers = {"Date": format_datetime(now + timedelta(hours=hour), usegmt=True)}
        assert len(line.extract(source).landed) == 1
