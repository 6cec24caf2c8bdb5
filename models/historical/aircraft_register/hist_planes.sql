with

staged as (

    select * from {{ ref('stg_planes') }}

),

final as (

    select
        ---------- delivery
        delivery_sqn,

        ---------- attributes
        {{ headwater.history_columns('planes') }}

    from staged

)

select * from final
