"""A small project of jobs of every kind, as Airflow runs it; its publisher is a folder.

cities         ETL; what E left is deleted
towns          ETL, for the page Deliveries; so is villages
market         ETL over two sources, prices and ratings, without a job_task
bring_shops    E over shops, which are files, and over orders and owners, a large and a small table, then
build_shops    TL over shops and orders, when bring_shops succeeded
bring_hamlets  E over hamlets, for decisions on the page Deliveries, then
build_hamlets  TL over them, when bring_hamlets succeeded
tidying        scripts and a callable, one after the other and side by side; one is inactive
failing        a stored procedure that fails, and what comes after it
after_failing  when failing succeeded: never
waiting        a stored procedure that fails, and waits long for its second try
patient        a script that takes until it may go on, and one after it
lakes          ETL, for what a person reads in logs
mills, wells   ETL, for jobs that each have a trouble of their own; and of barns
bring_barns    E, then
build_barns    TL
moats          ETL, in Airflow and in a terminal
resting        is not active
late           a statement that takes longer than the job's deadline
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
        f"town_hall_hamlets,town_hall,,,,,,,${{{FOLDER}}}/hamlets\n"
        f"town_hall_lakes,town_hall,,,,,,,${{{FOLDER}}}/lakes\n"
        f"town_hall_mills,town_hall,,,,,,,${{{FOLDER}}}/mills\n"
        f"town_hall_wells,town_hall,,,,,,,${{{FOLDER}}}/wells\n"
        f"town_hall_barns,town_hall,,,,,,,${{{FOLDER}}}/barns\n"
        f"town_hall_moats,town_hall,,,,,,,${{{FOLDER}}}/moats\n"
        f"town_hall_towns,town_hall,,,,,,,${{{FOLDER}}}/towns\n"
    ),
    "job": """\
towns,true,ETL,true,,batch,,,town,true,Towns to history,0,1,,,
villages,true,ETL,true,,batch,,,town,true,Villages to history,0,1,,,
bring_shops,true,E,,,batch,,,market,true,Shops into raw,1,1,,,
build_shops,true,TL,,true,batch,,bring_shops,market,true,Shops from raw to history,2,1,,,
bring_hamlets,true,E,,,batch,,,town,true,Hamlets into raw,0,1,,,
build_hamlets,true,TL,,,batch,,bring_hamlets,town,true,Hamlets from raw to history,0,1,,,
tidying,false,,,,maintenance,,,town,true,Tidies up,0,1,,,
failing,false,,,,maintenance,,,town,true,Fails,0,1,,,
after_failing,false,,,,maintenance,,failing,town,true,Waits for what fails,0,1,,,
waiting,false,,,,maintenance,,,town,true,Fails and waits for its second try,1,600,,,
patient,false,,,,maintenance,,,town,true,Takes its time,0,1,,,
lakes,true,ETL,true,,batch,,,town,true,Lakes to history,0,1,,,
mills,true,ETL,true,,batch,,,town,true,Mills to history,0,1,,,
wells,true,ETL,true,,batch,,,town,true,Wells to history,0,1,,,
bring_barns,true,E,true,,batch,,,town,true,Barns into raw,0,1,,,
build_barns,true,TL,,,batch,,bring_barns,town,true,Barns from raw to history,0,1,,,
moats,true,ETL,false,true,batch,,,town,true,Moats to history,0,1,,,
resting,false,,,,maintenance,,,town,false,Rests,0,1,,,
""",
    "source": """\
shops,bring_shops,market,market,daily,shop,snapshot,,,,,,,,,,,,One row per shop
orders,bring_shops,shelf,market,daily,shop,snapshot,,,,,,,,,,,,One row per order
owners,bring_shops,shelf,market,daily,shop,snapshot,,,,,,,,,,,,One row per owner
towns,towns,town_hall,town,daily,town,snapshot,,,,,,,,,,,,One row per town
villages,villages,town_hall,town,daily,village,snapshot,,,,,,,,,,,,One row per village
hamlets,bring_hamlets,town_hall,town,daily,hamlet,snapshot,,,,,,,,,,,,One row per hamlet
lakes,lakes,town_hall,town,daily,lake,snapshot,,,,,,,,,,,,One row per lake
mills,mills,town_hall,town,daily,mill,snapshot,,,,,,,,,,,,One row per mill
wells,wells,town_hall,town,daily,well,snapshot,,,,,,,,,,,,One row per well
barns,bring_barns,town_hall,town,daily,barn,snapshot,,,,,,,,,,,,One row per barn
moats,moats,town_hall,town,daily,moat,snapshot,,,,,,,,,,,,One row per moat
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
hamlets,Hamlet,hamlet,text,,,true,,,Code of the hamlet
hamlets,people,people,integer,,,,,,How many live there
lakes,lake,lake,text,,,true,,,Name of the lake
lakes,boats,boats,integer,,,,,,How many boats are on it
mills,mill,mill,text,,,true,,,Name of the mill
mills,wheels,wheels,integer,,,,,,How many wheels it has
wells,well,well,text,,,true,,,Name of the well
wells,depth,depth,integer,,,,,,How deep it is
barns,barn,barn,text,,,true,,,Name of the barn
barns,cows,cows,integer,,,,,,How many cows it has
moats,moat,moat,text,,,true,,,Name of the moat
moats,ducks,ducks,integer,,,,,,How many ducks are on it
""",
    "source_attribute": r"""orders,tbl,scratch.orders,
orders,chunks,2,
owners,tbl,scratch.owners,
shops,conn_str,market_shops,
shops,file_pattern,shops-(?P<date>\d{8})\w*\.csv$,
towns,conn_str,town_hall_towns,
villages,conn_str,town_hall_villages,
hamlets,conn_str,town_hall_hamlets,
lakes,conn_str,town_hall_lakes,
lakes,file_pattern,lakes-(?P<date>\d{8})\.csv$,
mills,conn_str,town_hall_mills,
mills,file_pattern,mills-(?P<date>\d{8})\.csv$,
wells,conn_str,town_hall_wells,
wells,file_pattern,wells-(?P<date>\d{8})\.csv$,
barns,conn_str,town_hall_barns,
barns,file_pattern,barns-(?P<date>\d{8})\.csv$,
moats,conn_str,town_hall_moats,
moats,file_pattern,moats-(?P<date>\d{8})\.csv$,
hamlets,file_pattern,hamlets-(?P<date>\d{8})\.csv$,
villages,file_pattern,villages-(?P<date>\d{8})\.csv$,
towns,file_pattern,towns-(?P<date>\d{8}).*\.csv$,
""",
    "sql_script": """\
note_first,false,insert into scratch.notes (note) values ('first ' || :job_inst_id || ' ' || :job_inst_task_id)
note_left,false,insert into scratch.notes (note) select 'left' from pg_sleep(1.5)
note_right,false,insert into scratch.notes (note) select 'right' from pg_sleep(1.5)
note_never,false,insert into scratch.notes (note) values ('never')
keep_note,true,scratch.keep_note
sleep_long,false,select pg_sleep(80)
break_down,true,scratch.break_down
be_patient,true,scratch.be_patient
""",
    "job_task": """\
build_shops_stage,build_shops,T,1,true,shops,,,warehouse,,,staging.stg_shops
build_shops_historize,build_shops,L,2,true,shops,,,warehouse,,,historical.shops
build_orders_stage,build_shops,T,1,true,orders,,,warehouse,,,staging.stg_orders
build_orders_historize,build_shops,L,2,true,orders,,,warehouse,,,historical.orders
build_hamlets_stage,build_hamlets,T,1,true,hamlets,,,warehouse,,,staging.stg_hamlets
build_hamlets_historize,build_hamlets,L,2,true,hamlets,,,warehouse,,,historical.hamlets
build_barns_stage,build_barns,T,1,true,barns,,,warehouse,,,staging.stg_barns
build_barns_historize,build_barns,L,2,true,barns,,,warehouse,,,historical.barns
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
patient_first,patient,,1,true,,be_patient,,warehouse,,,
patient_then,patient,,2,true,,be_patient,,warehouse,,,
rest,resting,,1,true,,note_never,,warehouse,,,
sleep_late,late,,1,true,,sleep_long,,warehouse,,,
""",
    "tbl": """\
staging.stg_hamlets,warehouse,,small
historical.hamlets,warehouse,,small
staging.stg_barns,warehouse,,small
historical.barns,warehouse,,small
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
create table scratch.signals (signal text);
create procedure scratch.be_patient(job_inst_id bigint, job_inst_task_id bigint) language plpgsql as $$
begin
    while not exists (select from scratch.signals where signal = 'go on') loop
        perform pg_sleep(0.1);
    end loop;
end
$$;
"""


FOR_AIRFLOW = "pool,priority,deadline_min,time_zone,may_decide"  # columns of job, blank but in LATE
LATE = "late,false,,,,maintenance,,,slow,true,Is not over in time,0,1,,,,publisher,,1,,\n"


def make_jobs_project(root: Path) -> Path:
    """Write the project to the folder `root`."""
    job = SEEDS["job"].replace("cities,true,ETL,true,false", "cities,true,ETL,true,true")
    assert job != SEEDS["job"]
    seeds = {**HEADERS, **SEEDS, "job": job}
    made = {table: text + MORE.get(table, "") for table, text in seeds.items()}
    header, *rows = made["job"].splitlines()
    made["job"] = "\n".join([f"{header},{FOR_AIRFLOW}", *(f"{row},,,,," for row in rows), LATE])
    return make_project(root, made)
