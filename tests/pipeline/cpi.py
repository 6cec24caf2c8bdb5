"""Consumer prices of the United States, as four releases of the package `cpi` hold them: 1.7 million rows each.

Data: US Bureau of Labor Statistics, packaged by Ben Welsh (MIT licence). 2.0.9 is a partial
publication; 2.0.10 is whole again, but for what had gone for good. The releases come from the package index.
"""

from __future__ import annotations

import csv
import sqlite3
import tempfile
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Engine

from headwater.demo.packages import Package
from tests.pipeline.project import FOLDER

PACKAGES = {
    version: Package(f"cpi=={version}", f"cpi-{version}-py2.py3-none-any.whl", sha256)
    for version, sha256 in {
        "2.0.7": "6d0f83fa96ece1b1095556ea99305e03822723894e4f3061e08a328e321eb18e",
        "2.0.8": "7fbea1b9404f88f38336f499b7c29528f6d5ae29d9ad9028e155ad992d52c793",
        "2.0.9": "31004757419850a92eca6a2a5c7d57daf20a4a5b68e51f4a2376132401c59e66",
        "2.0.10": "3c6c7e16a1e30c54ba1d7fa372739ad824b29b5551764c8394718a1672154dcf",
    }.items()
}
RELEASED = {"2.0.7": "20250513", "2.0.8": "20250919", "2.0.9": "20251218", "2.0.10": "20260113"}

SOURCE = "cpi_indexes"
SEEDS = {
    "data_source": "data_source,data_source_type,description\nbls,local_files,Consumer prices\n",
    "conn_str": f"""\
conn_str,data_source,server,database_name,username,secret_ref,options,url_template,file_path
bls_indexes,bls,,,,,,,${{{FOLDER}}}
""",
    "job": f"""\
job,is_etl,etl_steps,is_full_load,del_temp_data,job_type,schedule,after_job,owner,is_active,description,retries,retry_delay_s,timeout_min,max_active_runs,max_parallel
{SOURCE},true,ETL,true,false,batch,,,economy,true,Consumer prices to history,,,,,
""",
    "source": f"""\
source,job,data_source,owner,schedule,geographic_granularity,delivery_type,extract_function,wrangle_function,\
quality_checks,load_new,load_changed,load_removed,on_null_key,on_duplicate_key,on_unknown_column,\
max_removed_pct,max_fallen_out_pct,description
{SOURCE},{SOURCE},bls,economy,monthly,area,snapshot,,,,,,,,,,1,,"One row per series, year and period"
""",
    "attribute": f"""\
source,source_name,target_name,target_datatype,format,null_tokens,is_key,is_tracked,is_optional,description
{SOURCE},series,series,varchar(17),,,true,,,The series
{SOURCE},year,year,smallint,,,true,,,The year
{SOURCE},period,period,varchar(3),,,true,,,The part of the year
{SOURCE},value,value,"numeric(9,3)",,,,,,The index
""",
    "source_attribute": rf"""source,name,value,valid_from
{SOURCE},file_pattern,indexes-(?P<date>\d{{8}})\.csv$,
""",
}


def name_of(version: str) -> str:
    """Return what the publisher calls a release."""
    return f"indexes-{RELEASED[version]}.csv"


def write_release(wheel: Path, file: Path) -> None:
    """Write the table `indexes` of a release to a CSV file."""
    with zipfile.ZipFile(wheel) as archive, tempfile.NamedTemporaryFile(suffix=".db") as database:
        database.write(archive.read("cpi/cpi.db"))
        database.flush()
        connection = sqlite3.connect(database.name)
        with file.open("w", encoding="utf-8", newline="") as text:
            rows = csv.writer(text)
            rows.writerow(["series", "year", "period", "value"])
            rows.writerows(connection.execute("select series, year, period, value from indexes"))
        connection.close()


def publish_by_hand(database: Engine, files: Sequence[Path]) -> None:
    """Put the files side by side into `published.value`: a row a key, a column v0, v1, … for each of them in order.

    A value is null where the file does not hold the key. Nothing of Headwater has a part in this.
    """
    columns, keys = "series text, year smallint, period text", "series, year, period"
    with database.begin() as connection:
        connection.execute(sa.text("create schema published; set local work_mem = '256MB'"))
        driver: Any = connection.connection.dbapi_connection
        with driver.cursor() as cursor:
            for number, file in enumerate(files):
                table = f"published.file_{number}"
                cursor.execute(f"create table {table} ({columns}, v{number} numeric(9,3) not null)")
                with file.open("rb") as text:
                    cursor.copy_expert(f"copy {table} from stdin (format csv, header)", text)
                cursor.execute(f"analyze {table}")
        joined = " ".join(
            f"full join published.file_{number} using ({keys})" for number in range(1, len(files))
        )
        connection.execute(
            sa.text(f"create table published.value as select * from published.file_0 {joined}")
        )
        connection.execute(sa.text("analyze published.value"))


def expected_history(versions: Sequence[str]) -> str:
    """A query for the history of those releases alone, made of `published.value` without any intermediate step.

    A version of a key begins with a release whose value is not that of the one before, and ends with the first
    release after it that says otherwise.
    """
    every = list(RELEASED)
    values = [f"v{every.index(version)}" for version in versions]

    def at_its_end(number: int, says: Callable[[int], str]) -> str:
        ends = [
            f"when {values[later]} is distinct from {values[number]} then {says(later)}"
            for later in range(number + 1, len(values))
        ]
        return f"case {' '.join(ends)} end" if ends else "null"

    begun = []
    for number, version in enumerate(versions):
        value, before = values[number], values[number - 1] if number else "null"
        ended_on = at_its_end(number, lambda later: f"timestamptz '{RELEASED[versions[later]]}Z'")
        ended_as = at_its_end(
            number, lambda later: f"case when {values[later]} is null then 'removed' else 'changed' end"
        )
        ended_by = at_its_end(number, lambda later: f"'{name_of(versions[later])}'")
        begun.append(
            f"select series, year, period, {value} as value, timestamptz '{RELEASED[version]}Z' as valid_from,"
            f" cast({ended_on} as timestamptz) as valid_to,"
            f" case when {before} is null then 'new' else 'changed' end as change_type, {ended_as} as end_type,"
            f" '{name_of(version)}' as delivered_by, {ended_by} as ended_by"
            f" from published.value where {value} is not null and {value} is distinct from {before}"
        )
    return " union all ".join(begun)


HISTORY = f"""
select
    series, year, period, value, valid_from, valid_to, change_type, end_type,
    opener.publisher_name as delivered_by, ender.publisher_name as ended_by
from historical.{SOURCE} as version
inner join metadata.delivery as opener using (delivery_sqn)
left join metadata.delivery as ender on ender.delivery_sqn = version.ended_by_delivery_sqn
"""


def checksum(database: Engine, query: str) -> tuple[int, int]:
    """Return how many rows a query gives, and a number that any other row would change, whatever their order."""
    with database.connect() as connection:
        found = connection.execute(
            sa.text(f"select count(*), sum(hashtextextended(given::text, 0)) from ({query}) as given")
        ).one()
    return int(found[0]), int(found[1] or 0)
