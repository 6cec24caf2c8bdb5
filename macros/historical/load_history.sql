{% macro load_history(relation, definition, model_sql) -%}
    {#- during a rebuild the table holds what was: the new history is made beside it, and takes its place whole -#}
    {%- if is_being_rebuilt(definition.name) -%}
        {%- set beside = api.Relation.create(schema='historical_beside', identifier=relation.identifier, type='table') -%}
        {%- do create_historical_table(beside, definition) -%}
        {%- set applied = apply_deliveries(beside, definition, model_sql) -%}
        {%- do swap_history(relation, beside, definition) -%}
        {{ return(applied) }}
    {%- endif -%}
    {%- do create_historical_table(relation, definition) -%}
    {{ return(apply_deliveries(relation, definition, model_sql)) }}
{%- endmacro %}
