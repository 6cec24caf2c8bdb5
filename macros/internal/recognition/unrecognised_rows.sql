{% macro unrecognised_rows() -%}
    {{ return('raw.ctid = any((select array_agg(_raw_row) from unrecognised_row)::tid[])') }}
{%- endmacro %}
