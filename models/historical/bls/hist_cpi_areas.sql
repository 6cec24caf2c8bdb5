with

staged as (

    select * from {{ ref('stg_cpi_areas') }}

),

final as (

    select
        ---------- delivery
        delivery_sqn,
        line_number,

        ---------- key
        area,

        ---------- attributes
        area_code,
        area_name

    from staged

)

select * from final
