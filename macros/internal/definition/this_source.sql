{% macro this_source() -%}
    {#- a unit test has another name, and says which model it tests -#}
    {%- set name = (model.tested_node_unique_id or '').split('.')[-1] if model.resource_type == 'unit_test' else model.name -%}
    {{ return(name.removeprefix('stg_').removeprefix('hist_')) }}
{%- endmacro %}
