{% macro history_known_at(definition, model_sql, known_at) -%}
{#- history as it would stand had nothing happened after `known_at`: made anew from staging, whatever was decided since -#}
with

delivery_to_apply as (

    {{ deliveries_to_apply(
        definition.name, '-infinity', 'metadata.delivery_state_at(' ~ sql_literal(known_at) ~ ')'
    ) | indent(4) }}

),

fate as (

    {{ fates(
        none, definition, winning_rows(definition, model_sql), none, has_snapshot=true, has_ties=true
    ) }}

),

movement as (

    {{ movements(definition) | indent(4) }}

)

{{ versions_opened(definition) }}
    and metadata.require_staged_at({{ sql_literal(definition.name) }}, {{ sql_literal(known_at) }})
{%- endmacro %}
