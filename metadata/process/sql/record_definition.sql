-- Record the definition of a source. Return false, and record nothing, where tables that hold something would be other
-- tables under it. What history holds during a rebuild is read until the new one takes its place.
create or replace function metadata.record_definition(of_source text, now_defined jsonb) returns boolean
language plpgsql volatile as $$
declare
    was_defined jsonb := (select definition from metadata.source_definition where source = of_source);
    completed jsonb := metadata.completed_definition(of_source, now_defined);
begin
    if was_defined = completed then
        return true;
    end if;
    if exists (select from metadata.definition_differences(of_source, now_defined)) then
        return false;
    end if;
    if was_defined is not null and not metadata.has_layers(of_source) then
        if metadata.table_shape(was_defined, 'staging') <> metadata.table_shape(completed, 'staging') then
            execute format('drop table if exists raw.%I, staging.%I', of_source, 'stg_' || of_source);
        end if;
        if metadata.table_shape(was_defined, 'historical') <> metadata.table_shape(completed, 'historical')
            and not metadata.is_being_rebuilt(of_source) then
            execute format('drop table if exists historical.%I', of_source);
        end if;
    end if;
    insert into metadata.source_definition (source, definition, made_at) values (of_source, completed, now())
    on conflict (source) do update set definition = excluded.definition, made_at = excluded.made_at;
    return true;
end
$$;
