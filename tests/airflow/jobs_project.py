"""A small project of jobs of every kind, as Airflow runs it; its publisher is a folder.

cities         ETL; what E left is deleted
towns          ETL, for the page Deliveries; so is villages
market         ETL over two sources, prices and ratings, without a job_task
bring_shops    E over shops, which are files, and over orders and owners, a large and a small table, then
build_shops    TL over shops and orders, when bring_shops succeeded
tidying        scripts and a callable, one after the other and side by side; one is inactive
failing        a stored procedure that fails, and what comes after it
after_failing  when failing succeeded: never
waiting        a stored procedure that fails, and waits long for its second try
"""

from __future__ import annotations

from pathlib import Path

from tests.pipeline.project import FOLDER, SEEDS, make_project

MORE = {
    "data_source": "warehouse,rdbms,Our own database\nshelf,rdbms,Tables of the shops\n",
    "conn_str": (
        "warehouse,warehouse,${PGHOST},${PGDATABASE},${PGUSER},env:PGPASSWORD,,,\n"
        "shelf_tables,shelf,${SHELF},${PGDATABASE},${PGUSER},,sslmode=disable,,\n"
        f"market_shops,market,,,,,,,${{{FOLDER}}}/shops\n"
        f"town_hall_villages,town_hall,,,,,,,${{{FOLDER}}}/villages\n"
        f"town_hall_towns,town_hall,,,,,,,${{{FOLDER}}}/towns\n"
    ),
    "job": """\
towns,true,ETL,true,,batch,,,town,true,Towns to history,0,1,,,
villages,true,ETL,true,,batch,,,town,true,Villages to history,0,1,,,
bring_shops,true,E,,,batch,,,market,true,Shops into raw,1,1,,,
build_shops,true,TL,,true,batch,,bring_shops,market,true,Shops from raw to history,2,1,,,
tidying,false,,,,maintenance,,,town,true,Tidies up,0,1,,,
failing,false,,,,maintenance,,,town,true,Fails,0,1,,,
after_failing,false,,,,maintenance,,failing,town,true,Waits for what fails,0,1,,,
waiting,false,,,,maintenance,,,town,true,Fails and waits for its second try,1,600,,,
""",
    "source": """\
shops,bring_shops,market,market,daily,shop,snapshot,,,,,,,,,,,,One row per shop
orders,bring_shops,shelf,market,daily,shop,snapshot,,,,,,,,,,,,One row per order
owners,bring_shops,shelf,market,daily,shop,snapshot,,,,,,,,,,,,One row per owner
towns,towns,town_hall,town,daily,town,snapshot,,,,,,,,,,,,One row per town
villages,villages,town_hall,town,daily,village,snapshot,,,,,,,,,,,,One row per village
""",
    "attribute": """\
shops,shop,shop,text,,,true,,,The shop
shops,owner,owner,text,,,,,,Who owns it
orders,id,order_id,integer,,,true,,,Number of the order
orders,shop,shop,text,,,,,,The shop
owners,owner,owner,text,,,true,,,The owner
towns,Town,town,text,,,true,,,Code of the town
towns,name,name,text,,,,,,Its name
towns,people,people,integer,,,,,,How many live there
villages,Village,village,text,,,true,,,Code of the village
villages,people,people,integer,,,,,,How many live there
""",
    "source_attribute": r"""orders,tbl,scratch.orders,
orders,chunks,2,
owners,tbl,scratch.owners,
shops,conn_str,market_shops,
shops,file_pattern,shops-(?P<date>\d{8})\w*\.csv$,
towns,conn_str,town_hall_towns,
villages,conn_str,town_hall_villages,
villages,file_pattern,villages-(?P<date>\d{8})\.csv$,
towns,file_pattern,towns-(?P<date>\d{8}).*\.csv$,
""",
    "sql_script": """\
note_first,false,insert into scratch.notes (note) values ('first ' || :job_inst_id || ' ' || :job_inst_task_id)
note_left,false,insert into scratch.notes (note) select 'left' from pg_sleep(1.5)
note_right,false,insert into scratch.notes (note) select 'right' from pg_sleep(1.5)
note_never,false,insert into scratch.notes (note) values ('never')
keep_note,true,scratch.keep_note
break_down,true,scratch.break_down
""",
    "job_task": """\
build_shops_stage,build_shops,T,1,true,shops,,,warehouse,,,staging.stg_shops
build_shops_historize,build_shops,L,2,true,shops,,,warehouse,,,historical.shops
build_orders_stage,build_shops,T,1,true,orders,,,warehouse,,,staging.stg_orders
build_orders_historize,build_shops,L,2,true,orders,,,warehouse,,,historical.orders
tidy_first,tidying,,1,true,,note_first,,warehouse,,,
tidy_left,tidying,,2,true,,note_left,,warehouse,,,
tidy_right,tidying,,2,true,,note_right,,warehouse,,,
tidy_never,tidying,,2,false,,note_never,,warehouse,,,
tidy_procedure,tidying,,3,true,,keep_note,,warehouse,,,
tidy_callable,tidying,,4,true,,,tests.airflow.callables:note,,,,
fail_now,failing,,1,true,,break_down,,warehouse,,,
fail_later,failing,,2,true,,note_never,,warehouse,,,
fail_never,after_failing,,1,true,,note_never,,warehouse,,,
wait_long,waiting,,1,true,,break_down,,warehouse,,,
""",
    "tbl": """\
staging.stg_shops,warehouse,,small
historical.shops,warehouse,,small
scratch.orders,shelf,,large
scratch.owners,shelf,,small
staging.stg_orders,warehouse,,large
historical.orders,warehouse,,large
""",
}
HEADERS = {
    "tbl": "tbl,data_source,incr_column,data_size\n",
    "sql_script": "sql_script,is_stored_proc,sql_text\n",
    "job_task": (
        "job_task,job,etl_step,step_seq,is_active,source,sql_script,python_callable,conn_str,conn_api,src_tbl,tgt_tbl\n"
    ),
}

SCRATCH = """
create schema scratch;
create table scratch.notes (note_id bigint generated always as identity, note text, noted_at timestamptz default now());
create procedure scratch.keep_note(job_inst_id bigint, job_inst_task_id bigint) language sql as $$
    insert into scratch.notes (note) values ('procedure ' || job_inst_id || ' ' || job_inst_task_id)
$$;
create procedure scratch.break_down(job_inst_id bigint, job_inst_task_id bigint) language plpgsql as $$
begin
    raise exception 'the shelf of job instance % is empty', job_inst_id;
end
$$;
"""


def make_jobs_project(root: Path) -> Path:
    """Write the project to the folder `root`."""
    job = SEEDS["job"].replace("cities,true,ETL,true,false", "cities,true,ETL,true,true")
    assert job != SEEDS["job"]
    seeds = {**HEADERS, **SEEDS, "job": job}
    return make_project(root, {table: text + MORE.get(table, "") for table, text in seeds.items()})
