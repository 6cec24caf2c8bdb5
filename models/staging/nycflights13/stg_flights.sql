with

delivered as (

    select * from {{ headwater.raw_deliveries('flights') }}

),

typed as (

    select
        ---------- delivery
        {{ headwater.delivery_columns() }},

        ---------- key
        {{ headwater.typed('year') }} as year,
        {{ headwater.typed('month') }} as month,
        {{ headwater.typed('day') }} as day,
        {{ headwater.typed('carrier') }} as carrier,
        {{ headwater.typed('flight') }} as flight,
        {{ headwater.typed('origin') }} as origin,

        ---------- attributes
        {{ headwater.typed('departure_time_hhmm') }} as departure_time_hhmm,
        {{ headwater.typed('scheduled_departure_time_hhmm') }} as scheduled_departure_time_hhmm,
        {{ headwater.typed('departure_delay_min') }} as departure_delay_min,
        {{ headwater.typed('arrival_time_hhmm') }} as arrival_time_hhmm,
        {{ headwater.typed('scheduled_arrival_time_hhmm') }} as scheduled_arrival_time_hhmm,
        {{ headwater.typed('arrival_delay_min') }} as arrival_delay_min,
        {{ headwater.typed('tail_number') }} as tail_number,
        {{ headwater.typed('destination') }} as destination,
        {{ headwater.typed('air_time_min') }} as air_time_min,
        {{ headwater.typed('distance_mi') }} as distance_mi,
        {{ headwater.typed('scheduled_hour') }} as scheduled_hour,
        {{ headwater.typed('scheduled_minute') }} as scheduled_minute,
        {{ headwater.typed('scheduled_hour_at') }} as scheduled_hour_at

    from delivered

),

derived as (

    select
        *,
        scheduled_hour_at + make_interval(mins => scheduled_minute) as scheduled_departure_at

    from typed

)

select * from derived
