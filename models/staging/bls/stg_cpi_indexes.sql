with

delivered as (

    select * from {{ raw_deliveries('cpi_indexes') }}

),

renamed as (

    select
        ---------- delivery
        delivery_sqn,
        line_number,
        to_jsonb(delivered.*) as row_as_it_came,

        ---------- attributes, still text
        {{ renamed_columns('cpi_indexes') }}

    from delivered

),

judged as (

    select
        *,
        {{ fall_out('cpi_indexes') }} as fall_out
    from renamed
    -- a fence: what is below is asked once of each row, and not again by every column above
    offset 0

),

typed as (

    select
        ---------- delivery
        delivery_sqn,
        line_number,

        ---------- what cannot go on
        row_as_it_came,
        fall_out,

        ---------- attributes
        {{ typed_columns('cpi_indexes') }}

    from judged

)

select * from typed
