with

staged as (

    select * from {{ ref('stg_flight_weather') }}

),

final as (

    select
        ---------- delivery
        delivery_sqn,

        ---------- attributes
        {{ headwater.history_columns('flight_weather') }}

    from staged

)

select * from final
