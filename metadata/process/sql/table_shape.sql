-- Return the parts of a definition on which the tables of a layer depend while they hold nothing: code makes rows alone.
create or replace function metadata.table_shape(definition jsonb, of_layer text) returns jsonb
language sql immutable
return (
    select jsonb_object_agg(name, part)
    from jsonb_each(definition) as every (name, part)
    where name not like 'code of %' and (of_layer = 'historical' or part ->> 'made_by' is distinct from 'historical')
);
