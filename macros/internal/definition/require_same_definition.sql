{% macro require_same_definition(definition) -%}
    {#- what the layers of a source were made with is on record: rows made under another definition must not mix with ours -#}
    {%- set ours = {
        'load_new': definition.load_new,
        'load_changed': definition.load_changed,
        'load_removed': definition.load_removed,
        'on_duplicate_key': definition.on_duplicate_key,
        'trim_whitespace': definition.trim_whitespace,
        'delete_column': definition.delete_column,
        'delete_values': definition.delete_values,
        'reading': definition.reading,
        'names': definition.names,
    } -%}
    {%- if definition.value_syntax != 'canonical' -%}
        {%- do ours.update({'value_syntax': definition.value_syntax}) -%}
    {%- endif -%}
    {%- for attribute in definition.attributes -%}
        {%- do ours.update({'attribute ' ~ attribute.name: {
            'position': loop.index,
            'data_type': attribute.data_type,
            'raw_column': attribute.raw_column,
            'format': attribute.format,
            'null_tokens': attribute.null_tokens,
            'is_key': attribute.is_key,
            'is_tracked': attribute.is_tracked,
        }}) -%}
    {%- endfor -%}
    {%- set of_source = headwater.sql_literal(definition.name) ~ ", " ~ headwater.sql_literal(tojson(ours)) ~ "::jsonb" -%}
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
