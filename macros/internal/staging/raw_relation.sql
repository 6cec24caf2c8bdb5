{% macro raw_relation(definition) -%}
    {{ return(api.Relation.create(schema='raw', identifier=definition.name)) }}
{%- endmacro %}
