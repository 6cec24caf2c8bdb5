with

staged as (

    select * from {{ ref('stg_cpi_items') }}

),

final as (

    select
        ---------- delivery
        delivery_sqn,
        line_number,

        ---------- key
        item,

        ---------- attributes
        item_code,
        item_name

    from staged

)

select * from final
