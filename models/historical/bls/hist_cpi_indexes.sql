with

staged as (

    select * from {{ ref('stg_cpi_indexes') }}

),

final as (

    select
        ---------- delivery
        delivery_sqn,

        ---------- attributes
        {{ headwater.history_columns('cpi_indexes') }}

    from staged

)

select * from final
