{% macro with_staged_columns(definition) -%}
    {#- the definition with the columns that a model added to the staging table -#}
    {%- set recorded = dict(definition.recorded) -%}
    {%- set known = headwater.staging_columns(definition) | map('first') | list -%}
    {%- set untracked = headwater.untracked_columns(definition) -%}
    {%- for row in run_query(
        "select name, data_type from metadata.columns_of(to_regclass(" ~ headwater.sql_literal(headwater.staging_relation(definition) | string) ~ "))"
    ).rows if row[0] not in known -%}
        {%- do recorded.update(headwater.own_attribute(row[0], row[1], definition.attributes | length + loop.index, untracked, 'staging')) -%}
    {%- endfor -%}
    {{ return(headwater.with_attributes(dict(definition, recorded=recorded))) }}
{%- endmacro %}
