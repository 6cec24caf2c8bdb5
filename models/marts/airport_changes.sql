{#- between two dates of your choice:
    dbt run --select airport_changes --vars '{changes_from: 2026-03-15, changes_to: 2026-08-03}' -#}
{%- set first_date = "'" ~ var('changes_from') ~ "'::timestamptz" if var('changes_from', none)
    else 'min(valid_from)' -%}
{%- set last_date = "'" ~ var('changes_to') ~ "'::timestamptz" if var('changes_to', none)
    else 'greatest(max(valid_from), max(valid_to))' -%}

with

airports as (

    select * from {{ ref('hist_airports') }}

),

dates as (

    select
        {{ first_date }} as changes_from,
        {{ last_date }} as changes_to
    from airports

),

earlier as (

    select airports.*
    from airports
    cross join dates
    where
        airports.valid_from <= dates.changes_from
        and (airports.valid_to is null or airports.valid_to > dates.changes_from)

),

later as (

    select airports.*
    from airports
    cross join dates
    where
        airports.valid_from <= dates.changes_to
        and (airports.valid_to is null or airports.valid_to > dates.changes_to)

),

compared as (

    select
        coalesce(later.icao, earlier.icao) as icao,
        case
            when earlier.icao is null then 'added'
            when later.icao is null then 'removed'
            else 'changed'
        end as change_between,
        earlier.name as name_before,
        later.name as name_after,
        earlier.city as city_before,
        later.city as city_after,
        coalesce(later.country, earlier.country) as country,
        coalesce(later.latitude, earlier.latitude) as latitude,
        coalesce(later.longitude, earlier.longitude) as longitude
    from earlier
    full join later on earlier.icao = later.icao
    -- a version that holds on both dates is the same row of history, and no change
    where earlier.valid_from is distinct from later.valid_from

),

final as (

    select
        compared.*,
        dates.changes_from,
        dates.changes_to
    from compared
    cross join dates

)

select * from final
