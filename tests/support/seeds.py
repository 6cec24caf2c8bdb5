"""A small set of good seeds to break: two sources, four jobs, an API, and every table filled."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from headwater.metadata.static.check import check

GOOD = {
    "data_source": """\
data_source,data_source_type,description
gazetteer,http_files,Places of the world
till,local_files,Sales of our shops
crm,rest_api,Customers
warehouse,rdbms,Our own database
""",
    "conn_str": """\
conn_str,data_source,server,database_name,username,secret_ref,options,url_template,file_path
gazetteer_page,gazetteer,,,,,,https://example.org/places/,
till_share,till,,,clerk,env:TILL_READER,,,${TILL_FOLDER}/out
warehouse,warehouse,${PGHOST},${PGDATABASE},${PGUSER},,,,
""",
    "conn_api": """\
conn_api,data_source,parent_conn_api,api_url,http_method,need_token,secret_ref,payload_json,pagination_type,\
page_param_name,per_page_param_name,page_size,cursor_param_name,cursor_path,use_incremental,modified_since_param
crm_token,crm,,https://example.org/token,POST,false,env:CRM_CLIENT,"{""client_secret"": ""${CRM_SECRET}""}",\
none,,,,,,,
crm_customers,crm,crm_token,https://example.org/customers,GET,true,,,page,page,per_page,100,,,true,since
""",
    "tbl": """\
tbl,data_source,incr_column,data_size
raw.cities,gazetteer,delivery_sqn,small
raw.sales,till,delivery_sqn,large
staging.stg_sales,till,delivery_sqn,large
""",
    "sql_script": """\
sql_script,is_stored_proc,sql_text
tidy,false,"delete from scratch
where done"
""",
    "job": """\
job,is_etl,etl_steps,is_full_load,del_temp_data,job_type,schedule,after_job,owner,is_active,description,retries,retry_delay_s,timeout_min,max_active_runs,max_parallel
cities,true,ETL,true,false,batch,0 5 * * *,,geography,true,Places,0,60,90,,8
sales,true,ETL,false,false,batch,,cities,retail,true,Sales,,,,,
tidying,false,,,,maintenance,@weekly,,platform,true,"Tidies
up",,,,,
resting,true,E,,,batch,,,platform,false,Not now,,,,,
""",
    "job_task": """\
job_task,job,etl_step,step_seq,is_active,source,sql_script,python_callable,conn_str,conn_api,src_tbl,tgt_tbl
cities_extract,cities,E,1,true,cities,,,gazetteer_page,,,raw.cities
sales_extract,sales,E,1,true,sales,,,till_share,,,raw.sales
sales_stage,sales,T,2,true,sales,,,,,raw.sales,staging.stg_sales
tidy_up,tidying,,1,true,,tidy,,warehouse,,,
""",
    "source": """\
source,job,data_source,owner,schedule,geographic_granularity,delivery_type,extract_function,wrangle_function,\
quality_checks,load_new,load_changed,load_removed,on_null_key,on_duplicate_key,on_unknown_column,\
max_removed_pct,max_fallen_out_pct,description
cities,cities,gazetteer,geography,monthly,city,snapshot,,,\
"[{""expect"": ""expect_column_values_to_be_between"", ""column"": ""latitude"", \
""min_value"": -90, ""max_value"": 90, ""severity"": ""warning""}]",,,,,,,5,1.5,A city
sales,sales,till,retail,daily,shop,delta,,unpivot,,true,true,false,halt,last_wins,ignore,,,A sale
""",
    "attribute": """\
source,source_name,target_name,target_datatype,format,null_tokens,is_key,is_tracked,is_optional,description
cities,id,city_id,integer,,,true,,,Number of the city
cities,Name,name,text,,,,,,Name of the city
cities,lat,latitude,"numeric(9,6)",,NA|<empty>,,,,"Latitude,
in degrees"
cities,line_number,bus_line,varchar(8),,,,false,true,Bus line
sales,Day,sold_on,date,DD.MM.YYYY,,true,,,Day of the sale
sales,product,product,text,,,true,,,What was sold
sales,amount,amount_eur,numeric,,,,,true,"For how much, in euro"
""",
    "source_attribute": """\
source,name,value,valid_from
cities,file_pattern,cities-(?P<date>\\d{8})\\.csv$,
cities,null_tokens,-|<empty>,
sales,file_pattern,sales,
sales,date_from,header,
sales,delimiter,\\t,
sales,unpivot_keep,Day|flag,
sales,unpivot_name,product,
sales,unpivot_value,amount,
sales,delete_column,flag,
sales,delete_values,D|<space>,
""",
    "quality_check": """\
source,expectation,column_name,parameters,severity,description
sales,accepted_range,amount_eur,min=0 max=1e6,warning,Nobody buys for more
sales,expect_column_values_to_not_match_regex,product,regex='^a b=\\d+$',,
""",
}


class Broken(NamedTuple):
    """A text that stands in a table once, the text that takes its place, and the messages that follow."""

    table: str
    old: str
    new: str
    messages: list[str]


@dataclass(frozen=True)
class EditableSeeds:
    """A folder of seeds. `edit` replaces text that stands in a table exactly once."""

    folder: Path

    def edit(self, table: str, old: str, new: str) -> None:
        path = self.folder / f"{table}.csv"
        text = path.read_text(encoding="utf-8")
        assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times in {table}.csv"
        path.write_text(text.replace(old, new), encoding="utf-8")

    def append(self, table: str, *lines: str) -> None:
        with (self.folder / f"{table}.csv").open("a", encoding="utf-8") as file:
            file.writelines(f"{line}\n" for line in lines)

    def messages(self) -> list[str]:
        return [str(problem) for problem in check(self.folder)]

    def messages_of(self, broken: Broken) -> list[str]:
        """Break a table and return what is said of the seeds."""
        self.edit(broken.table, broken.old, broken.new)
        return self.messages()
