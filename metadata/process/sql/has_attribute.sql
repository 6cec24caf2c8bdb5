-- Return whether a definition has an attribute with this raw column.
create or replace function metadata.has_attribute(definition jsonb, its_raw_column text) returns boolean
language sql immutable
return exists (
    select from jsonb_each(definition) as part (name, value)
    where name like 'attribute %' and value ->> 'raw_column' = its_raw_column
);
