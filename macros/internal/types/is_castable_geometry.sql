{% macro is_castable_geometry(text, data_type, format=none) -%}
    {%- set type = headwater.spatial_type(data_type) -%}
    {%- set written = headwater.reformat_text(text, data_type, format) if format else text -%}
    {{ return(
        'metadata.is_geometry(' ~ written ~ ', ' ~ headwater.sql_literal(type.shape) ~ ', ' ~ type.dimensions ~ ', ' ~ type.srid ~ ')'
    ) }}
{%- endmacro %}
