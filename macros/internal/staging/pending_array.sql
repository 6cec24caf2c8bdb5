{% macro pending_array(source_name) -%}
    (select metadata.pending_deliveries({{ headwater.sql_literal(source_name) }}, 'staging'))::bigint[]
{%- endmacro %}
