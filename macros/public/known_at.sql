{% macro known_at(source_name, moment) -%}
    {#- the versions that we believed in at that moment, as a table expression -#}
    {%- set staged = ref('stg_' ~ source_name) -%}
    {%- set definition = headwater.source_definition(source_name) -%}
    {%- if execute -%}
        {%- set definition = headwater.with_staged_columns(definition) -%}
        {%- set made_by = (graph.nodes or {}).get('model.' ~ project_name ~ '.hist_' ~ source_name) -%}
        {%- if made_by and not headwater.is_as_generated('historical', definition, headwater.normalised_code(made_by.raw_code)) -%}
            {%- do headwater.raise_error(
                'known_at_refused',
                "Not known: source " ~ source_name ~ ": history as it was known at a moment is made again from staging, and"
                ~ " model hist_" ~ source_name ~ " does more than list columns of it. Expected filters, joins and derived"
                ~ " columns in stg_" ~ source_name ~ "."
            ) -%}
        {%- endif -%}
    {%- endif -%}
    (
        {{ headwater.history_known_at(definition, 'select * from ' ~ staged, moment) }}
    )
{%- endmacro %}
