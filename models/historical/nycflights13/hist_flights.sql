with

staged as (

    select * from {{ ref('stg_flights') }}

),

final as (

    select
        ---------- delivery
        delivery_sqn,

        ---------- attributes
        {{ headwater.history_columns('flights') }}

    from staged

)

select * from final
