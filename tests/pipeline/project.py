"""A small project of the tests' own: three sources of CSV files in a folder, with all that a project has.

    cities   snapshot; key city; `seen` is untracked; a file that breaks its format, a late one, a bad value …
    prices   delta; key shop, item; `gone` marks what is deleted
    ratings  snapshot; key reader; of two rows of one key the last wins; a row without key halts

`prices` and `ratings` share a job.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

from headwater.dbt_project.generate import generated_files, write_files
from headwater.dbt_project.package import link_package
from headwater.metadata.static.read import read_catalog
from tests.conftest import PROJECT
from tests.macros.history_bench import Shape
from tests.support.history_oracle import Policy

FOLDER = "TEST_PUBLISHER_FOLDER"  # where the publisher's files lie; each source has a folder below it

SHAPES = {
    "cities": Shape({"city": "text"}, {"name": "text", "people": "integer"}, {"seen": "text"}, Policy()),
    "prices": Shape({"shop": "text", "item": "integer"}, {"price": "numeric(8,2)"}, {}, Policy()),
    "ratings": Shape({"reader": "text"}, {"stars": "smallint"}, {}, Policy()),
}

SEEDS = {
    "data_source": """\
data_source,data_source_type,description
town_hall,local_files,Files that the town hall leaves in a folder
market,local_files,Files of the market
""",
    "conn_str": f"""\
conn_str,data_source,server,database_name,username,secret_ref,options,url_template,file_path
town_hall_cities,town_hall,,,,,,,${{{FOLDER}}}/cities
market_prices,market,,,,,,,${{{FOLDER}}}/prices
market_ratings,market,,,,,,,${{{FOLDER}}}/ratings
""",
    "job": """\
job,is_etl,etl_steps,is_full_load,del_temp_data,job_type,schedule,after_job,owner,is_active,description,retries,retry_delay_s,timeout_min,max_active_runs,max_parallel
cities,true,ETL,true,false,batch,,,town,true,Cities to history,,,,,
market,true,ETL,false,false,batch,,,market,true,All of the market to history,,,,,
""",
    "source": """\
source,job,data_source,owner,schedule,geographic_granularity,delivery_type,extract_function,wrangle_function,\
quality_checks,load_new,load_changed,load_removed,on_null_key,on_duplicate_key,on_unknown_column,\
max_removed_pct,max_fallen_out_pct,description
cities,cities,town_hall,town,daily,city,snapshot,,,,,,,,,,,,One row per city
prices,market,market,market,daily,shop,delta,,,,,,,,,,,,One row per shop and item
ratings,market,market,market,daily,shop,snapshot,,,,,,,halt,last_wins,,,,One row per reader
""",
    "attribute": """\
source,source_name,target_name,target_datatype,format,null_tokens,is_key,is_tracked,is_optional,description
cities,City Code,city,text,,,true,,,Code of the city
cities,name,name,text,,,,,,Its name
cities,people,people,integer,,,,,,How many live there
cities,seen,seen,text,,,,false,,The file in which the version was first seen
prices,shop,shop,text,,,true,,,The shop
prices,item,item,integer,,,true,,,Number of the item
prices,price,price,"numeric(8,2)",,,,,,"What it costs, in euro"
ratings,reader,reader,text,,,true,,,Who rates
ratings,stars,stars,smallint,,,,,,"How many stars, 0 to 5"
""",
    "source_attribute": r"""source,name,value,valid_from
cities,conn_str,town_hall_cities,
cities,file_pattern,cities-(?P<date>\d{8})\w*\.csv$,
prices,conn_str,market_prices,
prices,file_pattern,prices-(?P<date>\d{8})\w*\.csv$,
prices,delete_column,gone,
prices,delete_values,yes,
ratings,conn_str,market_ratings,
ratings,file_pattern,ratings-(?P<date>\d{8})\w*\.csv$,
""",
}

HEADERS = {
    "cities": "City Code,name,people,seen",
    "prices": "shop,item,price,gone",
    "ratings": "reader,stars",
}

MARTS = {
    "town": """\
with

cities as (

    select * from {{ ref('hist_cities') }}
    where valid_to is null

),

final as (

    select
        count(*) as cities,
        sum(people) as people

    from cities

)

select * from final
"""
}


def make_project(root: Path, seeds: Mapping[str, str] = SEEDS, marts: Mapping[str, str] = MARTS) -> Path:
    """Write the project to the folder `root`, with its models generated from its seeds; or one of other seeds."""
    for name in ("seeds", "models/marts", "models/metadata"):
        (root / name).mkdir(parents=True)
    shutil.copy(PROJECT / "dbt_project.yml", root)
    shutil.copytree(PROJECT / "profiles", root / "profiles")
    link_package(root)  # for dbt by hand
    for path in (PROJECT / "models" / "metadata").iterdir():
        shutil.copy(path, root / "models" / "metadata")
    for path in (PROJECT / "seeds").iterdir():  # tables that this project does not need keep their header
        header = path.read_text(encoding="utf-8").partition("\n")[0] + "\n"
        text = path.read_text(encoding="utf-8") if path.suffix != ".csv" else seeds.get(path.stem, header)
        (root / "seeds" / path.name).write_text(text, encoding="utf-8")
    for mart, text in marts.items():
        (root / "models" / "marts" / f"{mart}.sql").write_text(text, encoding="utf-8")
    write_files(generated_files(read_catalog(root / "seeds").sources.values(), root / "models"))
    return root
