with

staged as (

    select * from {{ ref('stg_fx_rates') }}

),

final as (

    select
        ---------- delivery
        delivery_sqn,

        ---------- attributes
        {{ headwater.history_columns('fx_rates') }}

    from staged

)

select * from final
