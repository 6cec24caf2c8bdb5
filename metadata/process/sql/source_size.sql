-- Return what there is of a source: its deliveries, their bytes and events, and the rows of each of its tables.
create or replace function metadata.source_size(of_source text) returns jsonb
language plpgsql stable as $$
declare
    counted jsonb;
    rows_of bigint;
    place text;
    counted_table text;
begin
    select jsonb_build_object(
        'deliveries', count(*),
        'bytes', coalesce(sum(file_size), 0),
        'events', (
            select count(*)
            from metadata.delivery_event
            inner join metadata.delivery as own using (delivery_sqn)
            where own.source = of_source
        )
    ) into counted
    from metadata.delivery
    where source = of_source;
    foreach place in array array['raw', 'staging', 'historical'] loop
        counted_table := format('%I.%I', place, case place when 'staging' then 'stg_' else '' end || of_source);
        rows_of := 0;
        if to_regclass(counted_table) is not null then
            execute 'select count(*) from ' || counted_table into rows_of;
        end if;
        counted := counted || jsonb_build_object(place || '_rows', rows_of);
    end loop;
    return counted;
end
$$;
