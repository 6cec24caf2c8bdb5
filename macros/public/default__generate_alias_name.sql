{% macro default__generate_alias_name(custom_alias_name=none, node=none) -%}
    {#- a historical table bears the name of its source alone: hist_airports is historical.airports -#}
    {%- set is_historical = node is not none and node.resource_type == 'model' and node.fqn[1] == 'historical' -%}
    {{ custom_alias_name or (node.name[5:] if is_historical else node.name) }}
{%- endmacro %}
