"""Who runs a job instance: a process of its own, whose life shows in a lock; Airflow, in many; or dbt by hand."""

from alembic import op

revision = "0006"
down_revision = "0005"

DDL = """
alter table metadata.job_inst add column runner text not null default 'terminal';
update metadata.job_inst set runner = 'dbt' where parameters = '{"started by": "dbt"}';
alter table metadata.job_inst add constraint job_inst_runner_check
    check (runner in ('terminal', 'airflow', 'dbt'));
"""

# as in 0002, but for a session that writes for a job that is not the one to which the source belongs
THIS_JOB_INST = """
create or replace function metadata.this_job_inst(of_job text) returns bigint
language plpgsql volatile as $$
declare
    of_run text := nullif(current_setting('headwater.run_id', true), '');
    its_job text := coalesce(nullif(current_setting('headwater.job', true), ''), of_job);
    found_id bigint;
begin
    if of_run is null then
        insert into metadata.job_inst (job, run_id, runner, parameters, status, started_at, ended_at)
        values (of_job, 'dbt ' || gen_random_uuid(), 'dbt', '{}', 'succeeded', now(), now())
        returning job_inst_id into found_id;
        return found_id;
    end if;
    select job_inst_id into found_id from metadata.job_inst where run_id = of_run and job = its_job;
    if found_id is null then
        raise exception 'run % has no job instance for job %', of_run, its_job;
    end if;
    return found_id;
end
$$;
"""


def upgrade() -> None:
    op.execute(DDL + THIS_JOB_INST)


def downgrade() -> None:
    raise NotImplementedError(
        "who ran a job instance is on record once: make a new migration that goes forward"
    )
