-- the first of the names of a column that a header has; null: it has none of them
create or replace function metadata.name_in(names jsonb, header text[]) returns text
language sql immutable
return (
    select name
    from jsonb_array_elements_text(names) with ordinality as known (name, place)
    where name = any(header)
    order by place
    limit 1
);
