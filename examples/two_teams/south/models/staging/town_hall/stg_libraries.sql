with

delivered as (

    select * from {{ headwater.raw_deliveries('libraries') }}

),

typed as (

    select
        ---------- delivery
        {{ headwater.delivery_columns() }},

        ---------- key
        {{ headwater.typed('library') }} as library,

        ---------- attributes
        {{ headwater.typed('name') }} as name,
        {{ headwater.typed('district') }} as district,
        {{ headwater.typed('opened_date') }} as opened_date,
        {{ headwater.typed('seats') }} as seats

    from delivered

)

select * from typed
