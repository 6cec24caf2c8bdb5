{% macro recorded_metadata(source_name) -%}
    {#- dbt gives a unit test no graph: what the tables were made with stands in for it -#}
    {%- if model.resource_type == 'unit_test' -%}
        {%- set found = run_query(
            "select definition from metadata.source_definition where source = " ~ headwater.sql_literal(source_name)
        ).rows -%}
        {%- if not found -%}
            {%- do headwater.raise_error(
                'no_definition',
                "Unit test " ~ model.name ~ ": source " ~ source_name ~ " has no tables yet, and dbt asks them for the types"
                ~ " of their columns. Expected `headwater run " ~ source_name ~ "` to make them first."
            ) -%}
        {%- endif -%}
        {{ return({'name': source_name, 'job': source_name, 'definition': fromjson(found[0][0])}) }}
    {%- endif -%}
    {%- set table = graph.sources.get('source.' ~ project_name ~ '.raw.' ~ source_name) -%}
    {%- if not table or 'definition' not in table.config.meta.get('headwater', {}) -%}
        {% do exceptions.raise_compiler_error(
            "source_definition: no raw table " ~ source_name ~ " with metadata in its YAML. Expected the name of a source;"
            ~ " `headwater generate` writes the YAML from seeds/."
        ) %}
    {%- endif -%}
    {{ return(dict(table.config.meta.headwater, name=source_name)) }}
{%- endmacro %}
