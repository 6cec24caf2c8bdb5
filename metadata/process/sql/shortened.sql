-- a row as it came, for people: what is longer than a page is cut, with its length
create or replace function metadata.shortened(of_row jsonb) returns jsonb
language plpgsql immutable strict as $$
begin
    if pg_column_size(of_row) <= 1000 then
        return of_row;
    end if;
    return (
        select jsonb_object_agg(
            name,
            case
                when pg_column_size(value) <= 1000 then value
                when jsonb_typeof(value) = 'object' then metadata.shortened(value)
                when char_length(said) <= 1000 then value
                else to_jsonb(left(said, 1000) || '… (' || char_length(said) || ' characters in all)')
            end
        )
        from jsonb_each(of_row) as member (name, value)
        cross join lateral (select value #>> '{}' as said) as spelled
    );
end
$$;
