with

staged as (

    select * from {{ ref('stg_departures') }}

),

final as (

    select
        ---------- delivery
        delivery_sqn,

        ---------- attributes
        {{ headwater.history_columns('departures') }}

    from staged

)

select * from final
