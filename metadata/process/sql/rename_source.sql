-- Give the tables of a source and all that is on record of it another name. Rows and their checksums stay what they are.
create or replace function metadata.rename_source(old_name text, new_name text) returns void
language plpgsql volatile as $$
declare
    renamed record;
begin
    for renamed in
        select place, old_table, new_table
        from (values
            ('raw', old_name, new_name),
            ('staging', 'stg_' || old_name, 'stg_' || new_name),
            ('historical', old_name, new_name)
        ) as tables (place, old_table, new_table)
        where to_regclass(format('%I.%I', place, old_table)) is not null
    loop
        execute format('alter table %I.%I rename to %I', renamed.place, renamed.old_table, renamed.new_table);
    end loop;

    -- indexes begin with the name of their table, and with them the constraints that they are of
    for renamed in
        select
            namespace.nspname as place,
            index_of.relname as old_index,
            own.relname || substr(index_of.relname, length(before.old_table) + 1) as new_index
        from (values
            ('raw', old_name, new_name),
            ('staging', 'stg_' || old_name, 'stg_' || new_name),
            ('historical', old_name, new_name)
        ) as before (place, old_table, new_table)
        inner join pg_namespace as namespace on namespace.nspname = before.place
        inner join pg_class as own on own.relnamespace = namespace.oid and own.relname = before.new_table
        inner join pg_index on pg_index.indrelid = own.oid
        inner join pg_class as index_of on index_of.oid = pg_index.indexrelid
        where starts_with(index_of.relname, before.old_table || '_')
    loop
        execute format('alter index %I.%I rename to %I', renamed.place, renamed.old_index, renamed.new_index);
    end loop;

    update metadata.delivery set source = new_name where source = old_name;
    update metadata.source_definition set source = new_name, code_seen = '{}' where source = old_name;
    update metadata.definition_acceptance set source = new_name where source = old_name;
    update metadata.row_hashing set source = new_name where source = old_name;
    update metadata.public_place set source = new_name where source = old_name;

    update metadata.job_inst set job = new_name where job = old_name;
    update metadata.log_header set job_name = new_name where job_name = old_name;
    update metadata.job_inst
    set parameters = jsonb_set(
        parameters, array['sources'], (parameters -> 'sources') - old_name || jsonb_build_array(new_name)
    )
    where jsonb_typeof(parameters -> 'sources') = 'array' and parameters -> 'sources' ? old_name;
    update metadata.job_inst_task
    set parameters = jsonb_set(parameters, array['source'], to_jsonb(new_name))
    where parameters ->> 'source' = old_name;
end
$$;
