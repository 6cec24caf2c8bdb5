{#- between which two dates: `dbt run --select airport_changes --vars '{changes_from: 2026-03-15, changes_to: 2026-08-03}'` -#}
{%- set changes_from = var('changes_from', none) -%}
{%- set changes_to = var('changes_to', none) -%}

with

airports as (

    select * from {{ ref('hist_airports') }}

),

dates as (

    select
        {{ "'" ~ changes_from ~ "'::timestamptz" if changes_from else 'min(valid_from)' }} as changes_from,
        {{ "'" ~ changes_to ~ "'::timestamptz" if changes_to else 'greatest(max(valid_from), max(valid_to))' }} as changes_to
    from airports

),

before as (

    select airports.*
    from airports
    cross join dates
    where valid_from <= changes_from and (valid_to is null or valid_to > changes_from)

),

after as (

    select airports.*
    from airports
    cross join dates
    where valid_from <= changes_to and (valid_to is null or valid_to > changes_to)

),

compared as (

    select
        coalesce(after.icao, before.icao) as icao,
        case
            when before.icao is null then 'added'
            when after.icao is null then 'removed'
            else 'changed'
        end as change,
        before.name as name_before,
        after.name as name_after,
        before.city as city_before,
        after.city as city_after,
        coalesce(after.country, before.country) as country,
        coalesce(after.latitude, before.latitude) as latitude,
        coalesce(after.longitude, before.longitude) as longitude
    from before
    full join after on before.icao = after.icao
    -- a version that holds on both dates is the same row of history, and no change
    where before.valid_from is distinct from after.valid_from

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
