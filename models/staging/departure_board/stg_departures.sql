with

delivered as (

    select * from {{ headwater.raw_deliveries('departures') }}

),

typed as (

    select
        ---------- delivery
        {{ headwater.delivery_columns() }},

        ---------- key
        {{ headwater.typed('flight_date') }} as flight_date,
        {{ headwater.typed('carrier') }} as carrier,
        {{ headwater.typed('flight') }} as flight,
        {{ headwater.typed('origin') }} as origin,

        ---------- attributes
        {{ headwater.typed('destination') }} as destination,
        {{ headwater.typed('tail_number') }} as tail_number,
        {{ headwater.typed('scheduled_departure_time_hhmm') }} as scheduled_departure_time_hhmm,
        {{ headwater.typed('scheduled_hour') }} as scheduled_hour,
        {{ headwater.typed('departure_time_hhmm') }} as departure_time_hhmm,
        {{ headwater.typed('departure_delay_min') }} as departure_delay_min

    from delivered

)

select * from typed
