with

staged as (

    select * from {{ ref('stg_cpi_periods') }}

),

final as (

    select
        ---------- delivery
        delivery_sqn,
        line_number,

        ---------- key
        period,

        ---------- attributes
        period_code,
        period_abbreviation,
        period_name

    from staged

)

select * from final
