with

staged as (

    select * from {{ ref('stg_flights') }}

),

final as (

    select
        ---------- delivery
        delivery_sqn,
        line_number,

        ---------- key
        year,
        month,
        day,
        carrier,
        flight,
        origin,

        ---------- attributes
        departure_time_hhmm,
        scheduled_departure_time_hhmm,
        departure_delay_min,
        arrival_time_hhmm,
        scheduled_arrival_time_hhmm,
        arrival_delay_min,
        tail_number,
        destination,
        air_time_min,
        distance_mi,
        scheduled_hour,
        scheduled_minute,
        scheduled_hour_at,
        scheduled_departure_at

    from staged

)

select * from final
