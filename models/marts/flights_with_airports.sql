with

flights as (

    select * from {{ ref('hist_flights') }}
    where valid_to is null

),

airports as (

    select * from {{ ref('hist_airports') }}
    where valid_to is null and iata is not null

),

-- a handful of airports share an IATA code; the one with the longer record speaks for it
airports_by_iata as (

    select distinct on (iata)
        iata,
        icao,
        name,
        city,
        country,
        latitude,
        longitude
    from airports
    order by iata, valid_from, icao

),

final as (

    select
        ---------- flight
        flights.year,
        flights.month,
        flights.day,
        flights.carrier,
        flights.flight,
        flights.scheduled_hour_at,
        flights.departure_delay_min,
        flights.arrival_delay_min,
        flights.distance_mi,

        ---------- airport of departure
        flights.origin,
        origin_airport.name as origin_name,
        origin_airport.city as origin_city,

        ---------- airport of destination
        flights.destination,
        destination_airport.name as destination_name,
        destination_airport.city as destination_city,
        destination_airport.country as destination_country,
        destination_airport.latitude as destination_latitude,
        destination_airport.longitude as destination_longitude

    from flights
    left join airports_by_iata as origin_airport
        on flights.origin = origin_airport.iata
    left join airports_by_iata as destination_airport
        on flights.destination = destination_airport.iata

)

select * from final
