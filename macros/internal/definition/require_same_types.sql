{% macro require_same_types(relation, definition, described) -%}
    {#- Postgres would cast on the way into the table, and round a number without a word -#}
    {%- set columns = run_query(
        "select name, data_type from metadata.columns_of(" ~ headwater.sql_literal(relation | string) ~ "::regclass)"
    ).rows -%}
    {%- set types = {} -%}
    {%- for row in columns -%}
        {%- do types.update({row[0]: row[1]}) -%}
    {%- endfor -%}
    {%- for attribute in definition.attributes -%}
        {%- set wanted = types.get(attribute.name) -%}
        {%- set given = described.columns[attribute.name] -%}
        {%- set both_text = wanted and given.split('(')[0] in ('text', 'character varying') and wanted.split('(')[0] in ('text', 'character varying') -%}
        {%- if wanted != given and not both_text -%}
            {%- do headwater.raise_model_refused(
                definition.name, model.name, "gives the column " ~ attribute.name ~ " as " ~ given,
                (wanted ~ ", the type of the column in " ~ relation.schema ~ "." ~ relation.identifier ~ ": cast it, or change its type and run `headwater rebuild " ~ definition.name ~ "`") if wanted
                else "a column that " ~ relation.schema ~ "." ~ relation.identifier ~ " has: `headwater rebuild " ~ definition.name ~ "` makes it"
            ) -%}
        {%- endif -%}
    {%- endfor -%}
{%- endmacro %}
