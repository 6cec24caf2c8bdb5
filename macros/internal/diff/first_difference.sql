{% macro first_difference(source_name) -%}
    {%- set found = run_query(
        "select min(delivery_date)::text from metadata.delivery_state where differs_from_history and source = "
        ~ headwater.sql_literal(source_name)
    ) -%}
    {{ return(found.rows[0][0]) }}
{%- endmacro %}
