with

staged as (

    select * from {{ ref('stg_libraries') }}

),

final as (

    select
        ---------- delivery
        delivery_sqn,
        line_number,

        ---------- key
        library,

        ---------- attributes
        name,
        district,
        opened_date,
        seats

    from staged

)

select * from final
