with

delivered as (

    select * from {{ headwater.raw_deliveries('planes') }}

),

typed as (

    select
        ---------- delivery
        {{ headwater.delivery_columns() }},

        ---------- key
        {{ headwater.typed('tail_number') }} as tail_number,

        ---------- attributes
        {{ headwater.typed('known_since') }} as known_since,
        {{ headwater.typed('year_built') }} as year_built,
        {{ headwater.typed('aircraft_type') }} as aircraft_type,
        {{ headwater.typed('manufacturer') }} as manufacturer,
        {{ headwater.typed('model') }} as model,
        {{ headwater.typed('engine_type') }} as engine_type,
        {{ headwater.typed('engine_count') }} as engine_count,
        {{ headwater.typed('seats') }} as seats,
        {{ headwater.typed('cruising_speed_mph') }} as cruising_speed_mph

    from delivered

)

select * from typed
