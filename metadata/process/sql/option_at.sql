-- what holds for a delivery of a date, of the values that an option of its source has in time; null: the default
create or replace function metadata.option_at(in_time jsonb, moment timestamptz) returns jsonb
language sql stable
return (
    select nullif(entry -> 'value', 'null')
    from jsonb_array_elements(in_time) as entry
    where coalesce((entry ->> 'valid_from')::timestamptz, '-infinity') <= moment
    order by coalesce((entry ->> 'valid_from')::timestamptz, '-infinity') desc
    limit 1
);
