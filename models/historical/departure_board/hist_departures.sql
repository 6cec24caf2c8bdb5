with

staged as (

    select * from {{ ref('stg_departures') }}

),

final as (

    select
        ---------- delivery
        delivery_sqn,
        line_number,

        ---------- key
        flight_date,
        carrier,
        flight,
        origin,

        ---------- attributes
        destination,
        tail_number,
        scheduled_departure_time_hhmm,
        scheduled_hour,
        departure_time_hhmm,
        departure_delay_min

    from staged

)

select * from final
