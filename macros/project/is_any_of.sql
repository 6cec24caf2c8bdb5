{% macro is_any_of(deliveries) -%}
    {{ return("delivery_sqn = any('{" ~ (deliveries | join(',')) ~ "}'::bigint[])") }}
{%- endmacro %}
