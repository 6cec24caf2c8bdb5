{% macro stored_attribute(attribute) -%}
    {#- without PostGIS a geometry is kept as the text that came, which no format describes -#}
    {%- if not headwater.is_spatial(attribute.data_type) -%}
        {{ return(attribute) }}
    {%- endif -%}
    {%- set stored = run_query("select metadata.stored_type(" ~ headwater.sql_literal(attribute.data_type) ~ ")").rows[0][0] -%}
    {{ return(attribute if stored == attribute.data_type else dict(attribute, data_type=stored, format=none)) }}
{%- endmacro %}
