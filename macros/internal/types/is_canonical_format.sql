{% macro is_canonical_format(data_type, format) -%}
    {#- what Postgres reads by itself needs no cutting up -#}
    {{ return((headwater.base_type(data_type), format) in [
        ('date', 'YYYY-MM-DD'),
    ]) }}
{%- endmacro %}
