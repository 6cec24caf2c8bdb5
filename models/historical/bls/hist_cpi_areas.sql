with

staged as (

    select * from {{ ref('stg_cpi_areas') }}

),

final as (

    select
        ---------- delivery
        delivery_sqn,

        ---------- attributes
        {{ headwater.history_columns('cpi_areas') }}

    from staged

)

select * from final
