{% macro reject_reason(definition) -%}
    {%- set guard = 'not is_delete_mark and ' if definition.delete_column else '' -%}
    {%- set attributes = definition.attributes | rejectattr('is_derived') | list -%}
    {%- set broken = [] -%}
    {%- for attribute in attributes if attribute.is_key -%}
        {%- do broken.append("when " ~ headwater.sql_identifier(attribute.name) ~ " is null then " ~ headwater.sql_literal('null_key:' ~ attribute.name)) -%}
    {%- endfor -%}
    {%- set lengths = headwater.key_lengths(definition) -%}
    {%- for name, length in lengths.items() -%}
        {%- do broken.append(
            "when " ~ lengths.values() | join(' + ') ~ " > 2000 and " ~ length ~ " = greatest(" ~ lengths.values() | join(', ')
            ~ ") then " ~ headwater.sql_literal('key_too_long:' ~ name)
        ) -%}
    {%- endfor -%}
    {%- for attribute in attributes -%}
        {%- set rule = headwater.is_castable(headwater.sql_identifier(attribute.name), attribute.data_type, attribute.format, definition.value_syntax) -%}
        {%- if rule != 'true' -%}
            {%- do broken.append(
                "when " ~ ('' if attribute.is_key else guard) ~ "not (" ~ rule ~ ") then " ~ headwater.sql_literal('type:' ~ attribute.name)
            ) -%}
        {%- endif -%}
    {%- endfor -%}
    case
        {%- for clause in broken %}
            {{ clause }}
        {%- endfor %}
        end
{%- endmacro %}
