with

delivered as (

    select * from {{ headwater.raw_deliveries('fx_rates') }}

),

typed as (

    select
        ---------- delivery
        {{ headwater.delivery_columns() }},

        ---------- key
        {{ headwater.typed('rate_date') }} as rate_date,
        {{ headwater.typed('currency') }} as currency,

        ---------- attributes
        {{ headwater.typed('units_per_euro') }} as units_per_euro

    from delivered

)

select * from typed
