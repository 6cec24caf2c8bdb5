-- Return the keys that fell out and are current in history, which goes on saying what was true before.
create or replace function metadata.stale_current_keys(of_source text) returns table (
    key jsonb,
    delivery_sqn bigint,
    publisher_name text,
    delivery_date timestamptz,
    line_number bigint,
    column_name text,
    rule text,
    value text
)
language plpgsql stable as $$
declare
    history regclass := to_regclass(format('historical.%I', of_source));
begin
    if history is null then
        return;
    end if;
    return query execute format($query$
        select fallen.*
        from metadata.fallen_out_keys($1) as fallen
        cross join lateral (select jsonb_populate_record(null::%1$s, fallen.key) as key) as typed
        where exists (
            select from %1$s as version
            where version.valid_to is null and version.valid_from <= fallen.delivery_date and %2$s
        )
    $query$, history, metadata.key_match(of_source, 'version', '(typed.key)')) using of_source;
end
$$;
