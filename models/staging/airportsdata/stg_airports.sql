with

delivered as (

    select * from {{ headwater.raw_deliveries('airports') }}

),

typed as (

    select
        ---------- delivery
        {{ headwater.delivery_columns() }},

        ---------- key
        {{ headwater.typed('icao') }} as icao,

        ---------- attributes
        {{ headwater.typed('iata') }} as iata,
        {{ headwater.typed('name') }} as name,
        {{ headwater.typed('city') }} as city,
        {{ headwater.typed('subdivision') }} as subdivision,
        {{ headwater.typed('country') }} as country,
        {{ headwater.typed('elevation_ft') }} as elevation_ft,
        {{ headwater.typed('latitude') }} as latitude,
        {{ headwater.typed('longitude') }} as longitude,
        {{ headwater.typed('time_zone') }} as time_zone,
        {{ headwater.typed('local_code') }} as local_code

    from delivered

),

derived as (

    select
        *,
        round(elevation_ft * 0.3048, 1) as elevation_m

    from typed

)

select * from derived
