from __future__ import annotations

import dataclasses
import json
import time
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from headwater.metadata.static.model import Attribute, QualityCheck
from headwater.metadata.static.read import read_catalog

if TYPE_CHECKING:
    from tests.support.seeds import EditableSeeds

PROJECT = Path(__file__).resolve().parents[3]


def test_blank_cells_become_none_or_the_default_of_their_table(seeds: EditableSeeds) -> None:
    catalog = read_catalog(seeds.folder)
    cities, sales = catalog.sources["cities"], catalog.sources["sales"]
    assert (cities.load_new, cities.load_changed, cities.load_removed) == (True, True, True)
    assert (cities.on_null_key, cities.on_duplicate_key, cities.on_unknown_column) == (
        "fall_out",
        "halt",
        "keep",
    )
    assert (sales.load_new, sales.load_changed, sales.load_removed) == (True, True, False)
    assert (sales.on_null_key, sales.on_duplicate_key, sales.on_unknown_column) == (
        "halt",
        "last_wins",
        "ignore",
    )
    assert (cities.max_removed_pct, cities.max_fallen_out_pct) == (Decimal(5), Decimal("1.5"))
    assert sales.max_removed_pct is None
    assert cities.extract_function is None
    assert catalog.jobs["sales"].schedule is None


def test_source_brings_its_data_source_connection_and_checks(seeds: EditableSeeds) -> None:
    catalog = read_catalog(seeds.folder)
    cities = catalog.sources["cities"]
    assert cities.data_source is catalog.data_sources["gazetteer"]
    assert cities.conn_str is catalog.conn_strs["gazetteer_page"]
    assert cities.conn_api is None
    assert cities.quality_checks == (
        QualityCheck(
            "expect_column_values_to_be_between", "latitude", "warning", {"min_value": -90, "max_value": 90}
        ),
    )
    assert catalog.sources["sales"].quality_checks == (
        QualityCheck(
            "expect_column_values_to_be_between", "amount_eur", "warning",
            {"min_value": 0, "max_value": 1e6}, "Nobody buys for more",
        ),
        QualityCheck(
            "expect_column_values_to_not_match_regex", "product", "critical", {"regex": r"^a b=\d+$"}
        ),
    )  # fmt: skip


def test_severity_is_critical_where_a_check_does_not_say(seeds: EditableSeeds) -> None:
    seeds.edit("source", ', ""severity"": ""warning""', "")
    (only,) = read_catalog(seeds.folder).sources["cities"].quality_checks
    assert only.severity == "critical"


def test_named_connection_is_chosen_among_several(seeds: EditableSeeds) -> None:
    seeds.append("conn_str", "other_page,gazetteer,,,,,,https://example.com/,")
    assert seeds.messages() == [
        'seeds/source.csv:2: connection: is blank, and "gazetteer" is reached by gazetteer_page, other_page, '
        "expected one of gazetteer_page, other_page"
    ]
    seeds.append("source_attribute", "cities,conn_str,other_page,")
    seeds.edit("job_task", "gazetteer_page", "other_page")
    chosen = read_catalog(seeds.folder).sources["cities"].conn_str
    assert chosen is not None
    assert chosen.name == "other_page"


def test_source_of_an_api_brings_its_connection(seeds: EditableSeeds) -> None:
    seeds.append("source", "buyers,cities,crm,retail,daily,country,delta,,,,,,,,,,,,A buyer")
    seeds.append("attribute", "buyers,id,buyer_id,bigint,,,true,,,Number of the buyer")
    assert seeds.messages() == [
        'seeds/source.csv:4: connection: is blank, and "crm" is reached by crm_token, crm_customers, '
        "expected one of crm_token, crm_customers"
    ]
    options = ("conn_str,crm_customers", "read_until_same,true", "watermark_path,changed")
    seeds.append("source_attribute", *(f"buyers,{option}," for option in options))
    buyers = read_catalog(seeds.folder).sources["buyers"]
    assert buyers.conn_str is None
    assert buyers.conn_api is not None
    assert (buyers.conn_api.name, buyers.conn_api.page_size, buyers.conn_api.use_incremental) == (
        "crm_customers",
        100,
        True,
    )


def test_attributes_keep_the_order_of_the_file_and_split_by_role(seeds: EditableSeeds) -> None:
    cities = read_catalog(seeds.folder).sources["cities"]
    assert [a.target_name for a in cities.attributes] == ["city_id", "name", "latitude", "bus_line"]
    assert [a.target_name for a in cities.keys] == ["city_id"]
    assert [a.target_name for a in cities.tracked] == ["name", "latitude"]
    assert [a.target_name for a in cities.untracked] == ["bus_line"]
    assert [a.is_optional for a in cities.attributes] == [False, False, False, True]


def test_null_tokens_are_the_attributes_own_else_the_sources_else_the_empty_one(seeds: EditableSeeds) -> None:
    catalog = read_catalog(seeds.folder)
    tokens = {a.target_name: a.null_tokens for a in catalog.sources["cities"].attributes}
    assert tokens["latitude"] == ("NA", "")
    assert tokens["name"] == ("-", "")
    assert {a.null_tokens for a in catalog.sources["sales"].attributes} == {("",)}


def test_spelled_options_are_read_and_patterns_are_left_alone(seeds: EditableSeeds) -> None:
    catalog = read_catalog(seeds.folder)
    sales = catalog.sources["sales"]
    assert sales.options["delimiter"] == "\t"
    assert sales.tokens("delete_values") == ("D", " ")
    assert sales.tokens("unpivot_keep") == ("Day", "flag")
    assert sales.tokens("unpivot_skip") == ()
    assert catalog.sources["cities"].options["file_pattern"] == r"cities-(?P<date>\d{8})\.csv$"


def test_a_dated_option_holds_from_its_date_on_until_the_next_does(seeds: EditableSeeds) -> None:
    seeds.append(
        "source_attribute", "sales,delimiter,|,2026-05-01T06:30:00Z", "sales,delimiter,<space>,2026-03-01"
    )
    seeds.append("source_attribute", "sales,encoding,latin1,2026-05-01")
    sales = read_catalog(seeds.folder).sources["sales"]

    def holds(year: int, month: int, day: int, *time: int) -> tuple[str, str | None]:
        hour, minute = time or (0, 0)
        options = sales.at(datetime(year, month, day, hour, minute, tzinfo=UTC)).options
        return options["delimiter"], options.get("encoding")

    assert holds(2026, 2, 28, 23, 59) == ("\t", None)
    assert holds(2026, 3, 1) == holds(2026, 4, 30, 23, 59) == (" ", None)
    assert holds(2026, 5, 1, 6, 29) == (" ", "latin1")
    assert holds(2026, 5, 1, 6, 30) == holds(2030, 1, 1) == ("|", "latin1")
    assert (sales.options["delimiter"], "encoding" in sales.options) == ("\t", False)


def test_tables_that_are_not_sources_are_read_too(seeds: EditableSeeds) -> None:
    catalog = read_catalog(seeds.folder)
    assert catalog.sql_scripts["tidy"].sql_text == "delete from scratch\nwhere done"
    assert catalog.jobs["tidying"].description == "Tidies\nup"
    assert catalog.jobs["sales"].after_job == ("cities",)
    assert (catalog.jobs["sales"].retries, catalog.jobs["sales"].retry_delay_s) == (2, 30)
    assert (catalog.jobs["cities"].retries, catalog.jobs["cities"].timeout_min) == (0, 90)
    assert (catalog.jobs["cities"].max_active_runs, catalog.jobs["cities"].max_parallel) == (1, 8)
    assert (catalog.job_tasks["sales_stage"].step_seq, catalog.job_tasks["sales_stage"].etl_step) == (2, "T")
    assert catalog.tbls["raw.sales"].data_size == "large"
    assert catalog.conn_apis["crm_customers"].parent_conn_api == "crm_token"


@pytest.mark.parametrize(
    ("source_name", "raw_column"),
    [
        ("Name", "Name"),
        ('a name, with "quotes" and ü', 'a name, with "quotes" and ü'),
        ("", "_target"),
        ("   ", "_target"),
        ("line_number", "_target"),
        ("_rest", "_target"),
        ("xmin", "_target"),
        ("two\nlines", "_target"),
        ("x" * 63, "x" * 63),
        ("x" * 64, "_target"),
        ("ü" * 31, "ü" * 31),
        ("ü" * 32, "_target"),
    ],
)
def test_raw_column_is_the_sources_name_where_postgres_takes_it(source_name: str, raw_column: str) -> None:
    attribute = Attribute("s", source_name, "target", "text", None, ("",), False, True, False, "")
    assert attribute.raw_column == raw_column


def test_source_can_be_written_down_as_plain_data(seeds: EditableSeeds) -> None:
    source = read_catalog(seeds.folder).sources["cities"]
    text = json.dumps(dataclasses.asdict(source), default=str)
    assert json.loads(text)["attributes"][2]["null_tokens"] == ["NA", ""]
    assert hash(source) == hash(dataclasses.replace(source))


def test_demo_sources_of_the_project_are_there() -> None:
    sources = read_catalog(PROJECT / "seeds").sources
    keys = {name: [attribute.target_name for attribute in source.keys] for name, source in sources.items()}
    assert keys["airports"] == ["icao"]
    assert keys["fx_rates"] == ["rate_date", "currency"]
    assert keys["flights"] == ["year", "month", "day", "carrier", "flight", "origin"]
    assert keys["flight_weather"] == ["origin", "year", "month", "day", "hour"]
    assert sources["fx_rates"].tokens("unpivot_skip") == ("N/A", "")
    assert {a.null_tokens for a in sources["flights"].attributes} == {("NA",)}
    assert {a.null_tokens for a in sources["airports"].attributes} == {("",)}  # NA is Namibia


def test_thousand_sources_are_checked_and_read_in_two_seconds(seeds: EditableSeeds) -> None:
    names = [f"source_{number}" for number in range(1000)]
    columns = ["C0,c0,text,,,true", *(f'C{n},c{n},"numeric(9,2)",,,' for n in range(1, 12))]
    seeds.append("job", *(f"{name},true,ETL,,,batch,@daily,,team,true,A job,,,,," for name in names))
    seeds.append(
        "source", *(f"{name},{name},gazetteer,team,daily,city,snapshot{',' * 12}A source" for name in names)
    )
    seeds.append("source_attribute", *(f"{name},file_pattern,{name}-(?P<date>.*)," for name in names))
    seeds.append("attribute", *(f"{name},{column},,,A column" for name in names for column in columns))
    begun = time.process_time()
    catalog = read_catalog(seeds.folder)
    assert time.process_time() - begun < 2
    assert len(catalog.sources) == 1002
    assert len(catalog.sources["source_999"].attributes) == 12


def test_what_a_job_says_for_airflow_is_read_and_blank_without_its_columns(seeds: EditableSeeds) -> None:
    job = read_catalog(seeds.folder).jobs["cities"]
    assert (job.pool, job.priority, job.deadline_min, job.time_zone, job.may_decide) == (
        None,
        1,
        None,
        None,
        (),
    )
    path = seeds.folder / "job.csv"
    header, cities = path.read_text(encoding="utf-8").split("\n")[:2]
    more = "pool,priority,deadline_min,time_zone,may_decide"
    path.write_text(
        f"{header},{more}\n{cities},publisher,5,60,Europe/Berlin,anna | role:Op\n"
        + "tidying,false,,,,maintenance,,cities,platform,true,Tidies,,,,,,,,,,\n"
        + "sales,true,ETL,false,false,batch,,cities|tidying,retail,true,Sales,,,,,,,,,,\n"
    )
    jobs = read_catalog(seeds.folder).jobs
    job = jobs["cities"]
    assert (job.pool, job.priority, job.deadline_min, job.time_zone, job.may_decide) == (
        "publisher", 5, 60, "Europe/Berlin", ("anna", "role:Op"),
    )  # fmt: skip
    assert jobs["sales"].after_job == ("cities", "tidying")
    assert jobs["sales"].priority == 1
