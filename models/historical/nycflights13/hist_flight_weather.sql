with

staged as (

    select * from {{ ref('stg_flight_weather') }}

),

final as (

    select
        ---------- delivery
        delivery_sqn,
        line_number,

        ---------- key
        origin,
        year,
        month,
        day,
        hour,

        ---------- attributes
        temperature_f,
        dew_point_f,
        relative_humidity_pct,
        wind_direction_deg,
        wind_speed_mph,
        wind_gust_mph,
        precipitation_in,
        pressure_mbar,
        visibility_mi,
        observed_at

    from staged

)

select * from final
