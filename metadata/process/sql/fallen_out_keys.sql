-- The keys of a source whose last word up to a day, by what counted at a moment, is a row that fell out: what history
-- says of them is of before. A snapshot speaks of every key, a delta of those that it has. Where a later delta was
-- purged from staging it is not known whether it spoke of a key, and the key stays among them.
create or replace function metadata.fallen_out_keys(
    of_source text,
    on_day timestamptz default 'infinity',
    known_at timestamptz default 'infinity'
) returns table (
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
    staged regclass := to_regclass(format('staging.%I', 'stg_' || of_source));
    key_match text := metadata.key_match(of_source, 'staged', '(typed.key)');
    that_speak bigint[];  -- in their order
begin
    if staged is null or key_match is null or not exists (
        select from metadata.delivery_status as fell
        inner join metadata.delivery on delivery.delivery_sqn = fell.delivery_sqn
        where delivery.source = of_source and fell.layer = 'staging' and fell.fallen_out_count > 0
    ) then
        return;
    end if;

    with

    placed as (

        select
            state.delivery_sqn,
            state.delivery_type,
            row_number() over (order by state.delivery_date, state.publisher_name collate "C") as place
        from metadata.delivery_state_at(known_at) as state
        where state.source = of_source and state.counts and state.delivery_date <= on_day

    ),

    first_that_fell as (

        select min(place) as place
        from placed
        where place >= coalesce((select max(place) from placed where delivery_type = 'snapshot'), 0)
            and exists (
                select from metadata.quarantined_row as fell
                where fell.delivery_sqn = placed.delivery_sqn and fell.key is not null and fell.rule <> 'duplicate_key'
            )

    )

    select array_agg(placed.delivery_sqn order by placed.place)
    into that_speak
    from placed
    inner join first_that_fell on placed.place >= first_that_fell.place;

    if that_speak is null then
        return;
    end if;

    return query execute format($query$
        with

        placed as (

            select delivery_sqn, place from unnest($1::bigint[]) with ordinality as placed (delivery_sqn, place)

        ),

        fallen as (

            select distinct on (key) fallen_out_row.*, place
            from metadata.fallen_out_row
            inner join placed using (delivery_sqn)
            where fallen_out_row.delivery_sqn = any($1) and key is not null and rule <> 'duplicate_key'
            order by key, place desc, line_number desc

        )

        select
            fallen.key,
            fallen.delivery_sqn,
            fallen.publisher_name,
            fallen.delivery_date,
            fallen.line_number,
            fallen.column_name,
            fallen.rule,
            fallen.value
        from fallen
        cross join lateral (select jsonb_populate_record(null::%1$s, fallen.key) as key) as typed
        where not exists (
            select from %1$s as staged
            inner join placed as later on later.delivery_sqn = staged.delivery_sqn
            where staged.delivery_sqn = any($1) and later.place >= fallen.place and %2$s
        )
    $query$, staged, key_match) using that_speak;
end
$$;
