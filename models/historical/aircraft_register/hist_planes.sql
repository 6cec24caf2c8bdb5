with

staged as (

    select * from {{ ref('stg_planes') }}

),

final as (

    select
        ---------- delivery
        delivery_sqn,
        line_number,

        ---------- key
        tail_number,

        ---------- attributes
        known_since,
        year_built,
        aircraft_type,
        manufacturer,
        model,
        engine_type,
        engine_count,
        seats,
        cruising_speed_mph

    from staged

)

select * from final
