"""A run says what it was for and with which parameters; events of a delivery are in the order in which they happened."""

from alembic import op

revision = "0011"
down_revision = "0010"

RUNS = """
alter table metadata.job_inst
    add column kind text not null default 'run',
    add column etl_steps text,
    add column is_full_load boolean not null default false,
    add column del_temp_data boolean not null default false;
alter table metadata.job_inst_task add column etl_step text, add column step_seq integer;
alter table metadata.log_header add column job_name text, add column closed_why text;

update metadata.job_inst set
    is_full_load = coalesce((parameters ->> 'is_full_load')::boolean, false),
    del_temp_data = coalesce((parameters ->> 'del_temp_data')::boolean, false)
where runner = 'airflow';

-- what a run of before was for, by the tasks that only runs of a kind had
update metadata.job_inst set kind = case
    when did.tasks ? 'dry run' then 'dry_run'
    when did.tasks ? 'verify' then 'rebuild'
    when did.tasks ?| array['extract', 'register'] then 'run'
    when did.tasks ? 'raw' then 'recall'
    when did.tasks ? 'purge' then 'purge'
    else 'run'
end
from (select job_inst_id, jsonb_agg(task) as tasks from metadata.job_inst_task group by job_inst_id) as did
where did.job_inst_id = job_inst.job_inst_id and runner = 'terminal';
update metadata.job_inst set kind = 'dbt' where runner = 'dbt';
update metadata.job_inst set etl_steps = 'TL' where kind = 'rebuild';

update metadata.log_header set job_name = job
from metadata.job_inst
where job_inst.job_inst_id = log_header.job_inst_id;
alter table metadata.log_header alter column job_name set not null;

-- the last error of a run is its own; what the process that closed it had to say stands beside it
with closings as (
    select distinct on (log_header_id) log_header_id, log_dtl_id, message
    from metadata.log_dtl
    inner join metadata.log_header using (log_header_id)
    where level = 'error' and message = last_error and (
        message like 'the process ended without closing its job instance.%'
        or message like 'Airflow ended the run before its last task could close its job instance:%'
    )
    order by log_header_id, log_dtl_id desc
)
update metadata.log_header set
    closed_why = closings.message,
    last_error = coalesce(
        (
            select own.message
            from metadata.log_dtl as own
            where own.log_header_id = closings.log_header_id
                and own.log_dtl_id < closings.log_dtl_id
                and own.level = 'error'
            order by own.log_dtl_id desc
            limit 1
        ),
        closings.message
    )
from closings
where closings.log_header_id = log_header.log_header_id;

alter table metadata.job_inst
    add constraint job_inst_kind_check
    check (kind in ('run', 'rebuild', 'purge', 'recall', 'dry_run', 'dbt')),
    add constraint job_inst_etl_steps_check check (etl_steps in ('E', 'ETL', 'TL'));
alter table metadata.job_inst_task
    add constraint job_inst_task_etl_step_check check (etl_step in ('E', 'T', 'L'));
create index delivery_status_job_inst_id_idx on metadata.delivery_status (job_inst_id);
"""


def upgrade() -> None:
    op.execute(RUNS)


def downgrade() -> None:
    raise NotImplementedError("what a run was for is on record once: make a new migration that goes forward")
