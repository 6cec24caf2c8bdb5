with

staged as (

    select * from {{ ref('stg_airports') }}

),

final as (

    select
        ---------- delivery
        delivery_sqn,
        line_number,

        ---------- key
        icao,

        ---------- attributes
        iata,
        name,
        city,
        subdivision,
        country,
        elevation_ft,
        latitude,
        longitude,
        time_zone,
        local_code,
        elevation_m

    from staged

)

select * from final
