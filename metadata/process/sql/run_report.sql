-- One row a task of a run. Its deliveries are those of which the run wrote a layer while the task went, of its source
-- where it has one.
create or replace view metadata.run_report as
select
    inst.job,
    inst.job_inst_id,
    inst.run_id,
    inst.kind,
    inst.runner,
    inst.etl_steps,
    inst.is_full_load,
    inst.del_temp_data,
    inst.status as run_status,
    inst.started_at as run_started_at,
    inst.ended_at as run_ended_at,
    header.last_error as run_last_error,
    header.closed_why as run_closed_why,
    task.job_inst_task_id,
    task.task,
    task.etl_step,
    task.step_seq,
    task.parameters ->> 'source' as source,
    (task.parameters ->> 'map_index')::integer as map_index,
    (task.parameters ->> 'try_number')::integer as try_number,
    (task.parameters ->> 'within')::bigint as within_job_inst_task_id,
    task.status,
    task.started_at,
    task.ended_at,
    task.ended_at - task.started_at as duration,
    wrote.delivery_sqns,
    wrote.publisher_names,
    failure.message as last_error
from metadata.job_inst as inst
left join metadata.log_header as header using (job_inst_id)
left join metadata.job_inst_task as task using (job_inst_id)
left join lateral (
    select
        array_agg(distinct delivery.delivery_sqn) as delivery_sqns,
        array_agg(distinct delivery.publisher_name) as publisher_names
    from metadata.delivery_status as layer
    inner join metadata.delivery using (delivery_sqn)
    where layer.job_inst_id = inst.job_inst_id
        and layer.status_at between task.started_at and coalesce(task.ended_at, 'infinity')
        and delivery.source = coalesce(task.parameters ->> 'source', delivery.source)
) as wrote on true
left join lateral (
    select message
    from metadata.log_dtl
    where log_dtl.job_inst_task_id = task.job_inst_task_id and level = 'error'
    order by log_dtl_id desc
    limit 1
) as failure on true;
