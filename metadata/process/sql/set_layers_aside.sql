-- Begin a rebuild: raw and staging go aside, with all that is on record of the layers. The historical table stays.
create or replace function metadata.set_layers_aside(of_source text, by_job_inst bigint) returns void
language plpgsql volatile as $$
begin
    insert into metadata.rebuild (source, job_inst_id, began_at) values (of_source, by_job_inst, clock_timestamp());
    insert into metadata.set_aside_row (source, table_name, contents)
    select of_source, 'delivery_status', to_jsonb(delivery_status)
    from metadata.delivery_status
    inner join metadata.delivery using (delivery_sqn)
    where delivery.source = of_source and layer in ('raw', 'staging', 'historical')
    union all
    select of_source, 'quarantined_row', to_jsonb(quarantined_row)
    from metadata.quarantined_row
    inner join metadata.delivery using (delivery_sqn)
    where delivery.source = of_source
    union all
    select of_source, 'absent_key', to_jsonb(absent_key)
    from metadata.absent_key
    inner join metadata.delivery using (delivery_sqn)
    where delivery.source = of_source
    union all
    select of_source, 'delivery_header', to_jsonb(delivery_header)
    from metadata.delivery_header
    inner join metadata.delivery using (delivery_sqn)
    where delivery.source = of_source
    union all
    select of_source, 'source_definition', to_jsonb(source_definition)
    from metadata.source_definition
    where source_definition.source = of_source;
    perform metadata.forget_records(of_source);
    execute format('alter table if exists raw.%I set schema raw_set_aside', of_source);
    execute format('alter table if exists staging.%I set schema staging_set_aside', 'stg_' || of_source);
end
$$;
