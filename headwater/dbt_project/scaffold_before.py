"""The SQL that models were generated with before they listed their columns: who has it has not edited it."""

SOURCE = "SOURCE"  # stands for the name of the source

STAGING = """with

delivered as (

    select * from {{ headwater.raw_deliveries('SOURCE') }}

),

renamed as (

    select
        ---------- delivery
        delivery_sqn,
        line_number,
        to_jsonb(delivered.*) as row_as_it_came,

        ---------- attributes, still text
        {{ headwater.renamed_columns('SOURCE') }}

    from delivered

),

validated as (

    select
        *,
        {{ headwater.reject_reason('SOURCE') }} as reject_reason
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
        {{ headwater.typed_columns('SOURCE') }}

    from validated

)

select * from typed
"""

HISTORICAL = """with

staged as (

    select * from {{ ref('stg_SOURCE') }}

),

final as (

    select
        ---------- delivery
        delivery_sqn,

        ---------- attributes
        {{ headwater.history_columns('SOURCE') }}

    from staged

)

select * from final
"""


def texts_before(source: str) -> tuple[str, str]:
    """Return both for a source."""
    return STAGING.replace(SOURCE, source), HISTORICAL.replace(SOURCE, source)
