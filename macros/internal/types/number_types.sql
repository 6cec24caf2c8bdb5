{% macro number_types() -%}
    {{ return(['smallint', 'integer', 'bigint', 'numeric', 'real', 'double precision']) }}
{%- endmacro %}
