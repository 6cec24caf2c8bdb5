-- How many rows of a source fell out for a value that is taken since a Postgres' own values are: as good as exactly,
-- for a row may break another rule, too.
create or replace function metadata.rows_taken_by_now(of_source text, now_defined jsonb) returns bigint
language sql stable
return (
    select count(*)
    from metadata.fallen_out_row as fallen
    cross join lateral (select now_defined -> ('attribute ' || fallen.column_name) as attribute) as its
    where fallen.source = of_source
        and fallen.rule = 'type'
        and attribute ->> 'format' is null
        and fallen.value ~ '(^24:00:00$|^[-]?[Ii]nfinity$|^NaN$| BC$|^[0-9]{5,}-)'
        and case attribute ->> 'data_type' ~ '^(numeric|real|double|date|time)'
            when true then pg_input_is_valid(fallen.value, attribute ->> 'data_type')
        end
);
