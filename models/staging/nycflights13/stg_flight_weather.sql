with

delivered as (

    select * from {{ headwater.raw_deliveries('flight_weather') }}

),

typed as (

    select
        ---------- delivery
        {{ headwater.delivery_columns() }},

        ---------- key
        {{ headwater.typed('origin') }} as origin,
        {{ headwater.typed('year') }} as year,
        {{ headwater.typed('month') }} as month,
        {{ headwater.typed('day') }} as day,
        {{ headwater.typed('hour') }} as hour,

        ---------- attributes
        {{ headwater.typed('temperature_f') }} as temperature_f,
        {{ headwater.typed('dew_point_f') }} as dew_point_f,
        {{ headwater.typed('relative_humidity_pct') }} as relative_humidity_pct,
        {{ headwater.typed('wind_direction_deg') }} as wind_direction_deg,
        {{ headwater.typed('wind_speed_mph') }} as wind_speed_mph,
        {{ headwater.typed('wind_gust_mph') }} as wind_gust_mph,
        {{ headwater.typed('precipitation_in') }} as precipitation_in,
        {{ headwater.typed('pressure_mbar') }} as pressure_mbar,
        {{ headwater.typed('visibility_mi') }} as visibility_mi,
        {{ headwater.typed('observed_at') }} as observed_at

    from delivered

)

select * from typed
