{% macro cast_text(text, data_type, format=none) -%}
    {%- set base = headwater.base_type(data_type) -%}
    {%- set format = none if headwater.is_canonical_format(data_type, format) else format -%}
    {%- if headwater.is_spatial(data_type) -%}
        {%- set type = headwater.spatial_type(data_type) -%}
        {%- set written = headwater.reformat_text(text, data_type, format) if format else text -%}
        {{ return(
            'metadata.canonical_geometry(' ~ written ~ ', ' ~ headwater.sql_literal(type.shape) ~ ', ' ~ type.srid ~ ')::' ~ data_type
        ) }}
    {%- elif base == 'boolean' and format -%}
        {{ return(text ~ ' = ' ~ headwater.sql_literal(format.split('|')[0])) }}
    {%- elif format -%}
        {{ return(headwater.reformat_text(text, data_type, format) ~ '::' ~ data_type) }}
    {%- else -%}
        {{ return(text ~ '::' ~ data_type) }}
    {%- endif -%}
{%- endmacro %}
