{% macro with_recorded_columns(definition) -%}
    {#- the definition with the columns that models added when the tables were last made -#}
    {%- if not execute -%}
        {{ return(definition) }}
    {%- endif -%}
    {%- set recorded = dict(definition.recorded) -%}
    {%- for row in run_query(
        "select definition from metadata.source_definition where source = " ~ headwater.sql_literal(definition.name)
    ).rows -%}
        {%- for part, attribute in fromjson(row[0]).items() if part.startswith('attribute ') and attribute.is_derived -%}
            {%- do recorded.update({part: attribute}) -%}
        {%- endfor -%}
    {%- endfor -%}
    {{ return(headwater.with_attributes(dict(definition, recorded=recorded))) }}
{%- endmacro %}
