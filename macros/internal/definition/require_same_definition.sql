{% macro require_same_definition(definition) -%}
    {#- what the layers of a source were made with is on record: rows made under another definition must not mix with ours -#}
    {%- set of_source = headwater.sql_literal(definition.name) ~ ", " ~ headwater.sql_literal(tojson(definition.recorded)) ~ "::jsonb" -%}
    {%- if not run_query("select metadata.record_definition(" ~ of_source ~ ")").rows[0][0] -%}
        {%- set differences = run_query("select metadata.definition_differences(" ~ of_source ~ ")").rows -%}
        {%- do headwater.raise_error(
            'definition_changed',
            "Definition changed: source " ~ definition.name ~ ": " ~ differences | map(attribute=0) | join('. ')
            ~ ". Its tables were made with what was; `headwater rebuild " ~ definition.name
            ~ "` makes them again from S3, and asks no publisher."
        ) -%}
    {%- endif -%}
{%- endmacro %}
