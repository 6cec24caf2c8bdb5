{% macro is_of_a_layer(node) -%}
    {{ return(node.config.materialized in ('staging', 'historical')) }}
{%- endmacro %}
