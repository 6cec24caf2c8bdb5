{% macro staging_relation(definition) -%}
    {{ return(api.Relation.create(schema='staging', identifier='stg_' ~ definition.name)) }}
{%- endmacro %}
