{% macro representation_key(value, data_type) -%}
    {#- equal values of these types can be written in more than one way (1.0 and 1.00), and history keeps the way of the
        row that opened the version -#}
    {%- set base = headwater.base_type(data_type) -%}
    {%- if base == 'numeric' and '(' not in data_type -%}
        {{ return('scale(' ~ value ~ ')') }}
    {%- elif base in ('real', 'double precision', 'jsonb') -%}
        {{ return(value ~ '::text') }}
    {%- else -%}
        {{ return(none) }}
    {%- endif -%}
{%- endmacro %}
