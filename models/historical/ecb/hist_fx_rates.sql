with

staged as (

    select * from {{ ref('stg_fx_rates') }}

),

final as (

    select
        ---------- delivery
        delivery_sqn,
        line_number,

        ---------- key
        rate_date,
        currency,

        ---------- attributes
        units_per_euro

    from staged

)

select * from final
