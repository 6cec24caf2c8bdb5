with

delivered as (

    select * from {{ headwater.raw_deliveries('cpi_items') }}

),

typed as (

    select
        ---------- delivery
        {{ headwater.delivery_columns() }},

        ---------- key
        {{ headwater.typed('item') }} as item,

        ---------- attributes
        {{ headwater.typed('item_code') }} as item_code,
        {{ headwater.typed('item_name') }} as item_name

    from delivered

)

select * from typed
