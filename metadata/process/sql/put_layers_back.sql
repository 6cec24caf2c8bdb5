-- End a rebuild that did not come to its end: tables and records are what they were when it began. What was decided
-- meanwhile has undone what was set aside (`undo_layers`). Return false where there is no rebuild.
create or replace function metadata.put_layers_back(of_source text) returns boolean
language plpgsql volatile as $$
declare
    of_table text;
begin
    if not metadata.is_being_rebuilt(of_source) then
        return false;
    end if;
    execute format('drop table if exists raw.%I, staging.%I', of_source, 'stg_' || of_source);
    execute format('alter table if exists raw_set_aside.%I set schema raw', of_source);
    execute format('alter table if exists staging_set_aside.%I set schema staging', 'stg_' || of_source);
    perform metadata.forget_records(of_source);
    delete from metadata.delivery_header using metadata.set_aside_row
    where source = of_source
        and table_name = 'delivery_header'
        and delivery_header.delivery_sqn = (contents ->> 'delivery_sqn')::bigint;
    foreach of_table in array array[
        'delivery_status', 'quarantined_row', 'absent_key', 'delivery_header', 'source_definition'
    ] loop
        execute format(
            'insert into metadata.%1$I select known.* from metadata.set_aside_row'
            ' cross join lateral jsonb_populate_record(null::metadata.%1$I, contents) as known'
            ' where set_aside_row.source = $1 and table_name = $2',
            of_table
        ) using of_source, of_table;
    end loop;
    delete from metadata.rebuild where source = of_source;
    return true;
end
$$;
