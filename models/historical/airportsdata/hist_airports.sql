with

staged as (

    select * from {{ ref('stg_airports') }}

),

final as (

    select
        ---------- delivery
        delivery_sqn,

        ---------- attributes
        {{ headwater.history_columns('airports') }}

    from staged

)

select * from final
