with

delivered as (

    select * from {{ headwater.raw_deliveries('planes') }}

),

renamed as (

    select
        ---------- delivery
        delivery_sqn,
        line_number,
        to_jsonb(delivered.*) as row_as_it_came,

        ---------- attributes, still text
        {{ headwater.renamed_columns('planes') }}

    from delivered

),

validated as (

    select
        *,
        {{ headwater.reject_reason('planes') }} as reject_reason
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
        reject_reason,

        ---------- attributes
        {{ headwater.typed_columns('planes') }}

    from validated

)

select * from typed
