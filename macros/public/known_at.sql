{% macro known_at(source_name, moment) -%}
    {#- the versions that we believed in at that moment, as a table expression -#}
    {%- set staged = ref('stg_' ~ source_name) -%}
    {%- set definition = headwater.source_definition(source_name) -%}
    {%- if execute -%}
        {%- set definition = headwater.with_staged_columns(definition) -%}
    {%- endif -%}
    (
        {{ headwater.history_known_at(definition, 'select * from ' ~ staged, moment) }}
    )
{%- endmacro %}
