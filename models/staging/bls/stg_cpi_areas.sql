with

delivered as (

    select * from {{ headwater.raw_deliveries('cpi_areas') }}

),

typed as (

    select
        ---------- delivery
        {{ headwater.delivery_columns() }},

        ---------- key
        {{ headwater.typed('area') }} as area,

        ---------- attributes
        {{ headwater.typed('area_code') }} as area_code,
        {{ headwater.typed('area_name') }} as area_name

    from delivered

)

select * from typed
