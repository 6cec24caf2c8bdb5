{% macro is_any_of(deliveries) -%}
    {{ return("delivery_sqn = any(" ~ sql_literal('{' ~ (deliveries | join(',')) ~ '}') ~ "::bigint[])") }}
{%- endmacro %}
