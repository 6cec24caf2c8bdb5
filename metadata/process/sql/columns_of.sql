-- the columns of a table, with their types as definitions write them
create or replace function metadata.columns_of(of_table regclass) returns table (name text, data_type text, is_mandatory boolean)
language sql stable as $$
select attname::text, format_type(atttypid, atttypmod), attnotnull
from pg_attribute
where attrelid = of_table and attnum > 0 and not attisdropped
$$;
