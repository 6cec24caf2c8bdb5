with

delivered as (

    select * from {{ headwater.raw_deliveries('cpi_periods') }}

),

typed as (

    select
        ---------- delivery
        {{ headwater.delivery_columns() }},

        ---------- key
        {{ headwater.typed('period') }} as period,

        ---------- attributes
        {{ headwater.typed('period_code') }} as period_code,
        {{ headwater.typed('period_abbreviation') }} as period_abbreviation,
        {{ headwater.typed('period_name') }} as period_name

    from delivered

)

select * from typed
