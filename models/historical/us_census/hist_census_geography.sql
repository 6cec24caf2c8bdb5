with

staged as (

    select * from {{ ref('stg_census_geography') }}

),

final as (

    select
        ---------- delivery
        delivery_sqn,

        ---------- attributes
        {{ headwater.history_columns('census_geography') }}

    from staged

)

select * from final
