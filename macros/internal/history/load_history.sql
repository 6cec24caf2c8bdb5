{% macro load_history(relation, definition, model_sql) -%}
    {#- during a rebuild the table holds what was: the new history is made beside it, and takes its place whole -#}
    {%- if headwater.is_being_rebuilt(definition.name) -%}
        {%- set beside = api.Relation.create(schema='historical_beside', identifier=relation.identifier, type='table') -%}
        {%- do headwater.create_historical_table(beside, definition) -%}
        {%- set applied = headwater.apply_deliveries(beside, definition, model_sql) -%}
        {%- do headwater.swap_history(relation, beside, definition) -%}
        {{ return(applied) }}
    {%- endif -%}
    {%- do headwater.create_historical_table(relation, definition) -%}
    {{ return(headwater.apply_deliveries(relation, definition, model_sql)) }}
{%- endmacro %}
