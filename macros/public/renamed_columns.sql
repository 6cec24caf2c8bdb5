{% macro renamed_columns(source_name) -%}
    {%- set definition = headwater.source_definition(source_name) -%}
    {%- for attribute in definition.attributes %}
        {{ headwater.clean_text(headwater.sql_identifier(attribute.raw_column), attribute.null_tokens, definition.trim_whitespace) }} as {{ headwater.sql_identifier(attribute.name) }}
        {{- ',' if not loop.last }}
    {%- endfor -%}
    {%- if definition.delete_column %},
        coalesce({{ headwater.sql_identifier(definition.delete_column) }} in (
            {%- for value in definition.delete_values %}{{ headwater.sql_literal(value) }}{{ ', ' if not loop.last }}{% endfor -%}
        ), false) as is_delete_mark
    {%- endif -%}
{%- endmacro %}
