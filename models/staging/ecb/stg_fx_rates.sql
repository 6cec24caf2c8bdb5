with

delivered as (

    select * from {{ raw_deliveries('fx_rates') }}

),

renamed as (

    select
        ---------- delivery
        delivery_sqn,
        line_number,
        to_jsonb(delivered) as row_as_it_came,

        ---------- attributes, still text
        {{ renamed_columns('fx_rates') }}

    from delivered

),

typed as (

    select
        ---------- delivery
        delivery_sqn,
        line_number,

        ---------- what cannot go on
        row_as_it_came,
        {{ fall_out('fx_rates') }} as fall_out,

        ---------- attributes
        {{ typed_columns('fx_rates') }}

    from renamed

)

select * from typed
