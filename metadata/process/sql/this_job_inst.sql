-- the job instance in whose name a session writes: the one of its run, or, for a dbt that a person started, one of its own
create or replace function metadata.this_job_inst(of_job text) returns bigint
language plpgsql volatile as $$
declare
    of_run text := nullif(current_setting('headwater.run_id', true), '');
    its_job text := coalesce(nullif(current_setting('headwater.job', true), ''), of_job);
    found_id bigint;
begin
    if of_run is null then
        insert into metadata.job_inst (job, run_id, runner, kind, parameters, status, started_at, ended_at)
        values (of_job, 'dbt ' || gen_random_uuid(), 'dbt', 'dbt', '{}', 'succeeded', now(), now())
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
