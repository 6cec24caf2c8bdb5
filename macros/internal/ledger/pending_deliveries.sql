{% macro pending_deliveries(source_name, layer) -%}
    {%- set found = run_query(
        "select unnest(metadata.pending_deliveries(" ~ headwater.sql_literal(source_name) ~ ", " ~ headwater.sql_literal(layer) ~ "))"
    ) -%}
    {%- set numbers = [] -%}
    {%- for row in found.rows -%}
        {%- do numbers.append(row[0] | int) -%}
    {%- endfor -%}
    {{ return(numbers) }}
{%- endmacro %}
