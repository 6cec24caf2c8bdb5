-- "a.k = b.k and …" for the columns of a source's key; null: it has no tables yet
create or replace function metadata.key_match(of_source text, left_side text, right_side text) returns text
language sql stable
return (
    select string_agg(format('%s.%I = %s.%I', left_side, name, right_side, name), ' and ' order by name)
    from metadata.source_definition
    cross join lateral jsonb_each(definition) as part (part_name, part)
    cross join lateral substr(part_name, length('attribute ') + 1) as name
    where source = of_source and part_name like 'attribute %' and (part ->> 'is_key')::boolean
);
