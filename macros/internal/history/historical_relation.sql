{% macro historical_relation(definition) -%}
    {{ return(api.Relation.create(schema='historical', identifier=definition.name)) }}
{%- endmacro %}
