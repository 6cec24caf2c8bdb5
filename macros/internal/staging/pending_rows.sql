{% macro pending_rows(source_name) -%}
    {#- asked in a subquery of its own, the function is called once and not for every row -#}
    {{ return('raw.delivery_sqn = any(' ~ headwater.pending_array(source_name) ~ ')') }}
{%- endmacro %}
