{% macro known_at(source_name, moment) -%}
    {#- the versions that we believed in at that moment, as a table expression -#}
    (
        {{ headwater.history_known_at(
            headwater.source_definition(source_name), 'select * from ' ~ ref('stg_' ~ source_name), moment
        ) }}
    )
{%- endmacro %}
