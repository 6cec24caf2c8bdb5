{% macro is_any_of(deliveries) -%}
    {{ return("delivery_sqn = any(" ~ headwater.sql_literal('{' ~ (deliveries | join(',')) ~ '}') ~ "::bigint[])") }}
{%- endmacro %}
