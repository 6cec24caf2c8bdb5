{% macro require_staged(source_name) -%}
    {#- a snapshot whose rows are not in staging would look empty, and end every version there is -#}
    {%- set missing = run_query(
        "select string_agg(delivery_sqn::text, ', ' order by _delivery_order) from delivery_to_apply where _delivery_order > 0"
        ~ " and delivery_sqn not in (select delivery_sqn from metadata.delivery_needs(" ~ headwater.sql_literal(source_name)
        ~ ") where is_staged)"
    ).rows[0][0] -%}
    {%- if missing -%}
        {%- do headwater.raise_error(
            'not_staged',
            "Not staged: source " ~ source_name ~ ": history needs deliveries " ~ missing
            ~ ", which staging does not hold. Expected `headwater run " ~ source_name ~ "` to stage them first, or, for a full"
            ~ " refresh, `headwater rebuild " ~ source_name ~ "`."
        ) -%}
    {%- endif -%}
{%- endmacro %}
