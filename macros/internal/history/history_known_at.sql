{% macro history_known_at(definition, model_sql, known_at) -%}
{#- history as it would stand had nothing happened after `known_at`: made again from staging, whatever was decided since -#}
with

delivery_to_apply as (

    {{ headwater.deliveries_to_apply(
        definition.name, '-infinity', 'metadata.delivery_state_at(' ~ headwater.sql_literal(known_at) ~ ')'
    ) | indent(4) }}

),

{% if definition.partition_by -%}
spoken_part as (

    {{ headwater.spoken_parts(definition, headwater.winning_rows(definition, model_sql)) }}

),

{% endif -%}
change_set as (

    {{ headwater.change_set(
        none, definition, headwater.winning_rows(definition, model_sql), none, has_snapshot=true, has_ties=true
    ) }}

),

version_change as (

    {{ headwater.version_changes(definition) | indent(4) }}

)

{{ headwater.opened_versions(definition) }}
    and metadata.require_staged_at({{ headwater.sql_literal(definition.name) }}, {{ headwater.sql_literal(known_at) }})
{%- endmacro %}
