with

staged as (

    select * from {{ ref('stg_cpi_items') }}

),

final as (

    select
        ---------- delivery
        delivery_sqn,

        ---------- attributes
        {{ headwater.history_columns('cpi_items') }}

    from staged

)

select * from final
