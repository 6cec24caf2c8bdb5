with

staged as (

    select * from {{ ref('stg_cpi_indexes') }}

),

final as (

    select
        ---------- delivery
        delivery_sqn,
        line_number,

        ---------- key
        series,
        year,
        period,

        ---------- attributes
        price_index

    from staged

)

select * from final
