{% macro require_same_definition(definition) -%}
    {#- what the layers of a source were made with is on record: rows made under another definition must not mix with ours.
        A person may assert that another code makes the same rows -#}
    {%- set of_source = headwater.sql_literal(definition.name) ~ ", " ~ headwater.sql_literal(tojson(definition.recorded)) ~ "::jsonb" -%}
    {%- set accepted = fromjson(env_var('HEADWATER_ACCEPT', '{}')) -%}
    {%- set message = none -%}
    {%- if accepted.source == definition.name -%}
        {%- set message = run_query(
            "select metadata.accept_definition(" ~ of_source ~ ", " ~ headwater.sql_literal(accepted.why) ~ ", "
            ~ headwater.sql_literal(accepted.who) ~ ")"
        ).rows[0][0] -%}
    {%- elif not run_query("select metadata.record_definition(" ~ of_source ~ ")").rows[0][0] -%}
        {%- set message = run_query("select metadata.definition_changed(" ~ of_source ~ ")").rows[0][0] -%}
    {%- endif -%}
    {%- if message -%}
        {%- do headwater.raise_error('definition_changed', message) -%}
    {%- endif -%}
{%- endmacro %}
