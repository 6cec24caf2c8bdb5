with

staged as (

    select * from {{ ref('stg_cpi_periods') }}

),

final as (

    select
        ---------- delivery
        delivery_sqn,

        ---------- attributes
        {{ headwater.history_columns('cpi_periods') }}

    from staged

)

select * from final
