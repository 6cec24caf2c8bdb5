-- Return a definition with the type in which this database stores the attributes whose datatypes are PostGIS's. It is
-- recorded with the tables: a database that gets PostGIS, or loses it, would make others.
create or replace function metadata.stored_definition(definition jsonb) returns jsonb
language sql stable strict
return (
    select
        jsonb_object_agg(
            name,
            case
                when value ->> 'data_type' ~ '^(geometry|geography)'
                    then value || jsonb_build_object('stored_as', metadata.stored_type(value ->> 'data_type'))
                else value
            end
        )
    from jsonb_each(definition) as part (name, value)
);
