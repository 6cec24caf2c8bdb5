with

delivered as (

    select * from {{ headwater.raw_deliveries('cpi_indexes') }}

),

typed as (

    select
        ---------- delivery
        {{ headwater.delivery_columns() }},

        ---------- key
        {{ headwater.typed('series') }} as series,
        {{ headwater.typed('year') }} as year,
        {{ headwater.typed('period') }} as period,

        ---------- attributes
        {{ headwater.typed('price_index') }} as price_index

    from delivered

)

select * from typed
