{% macro fall_out(source_name) -%}
    {%- set definition = source_definition(source_name) -%}
    {%- set guard = 'not is_delete_mark and ' if definition.delete_column else '' -%}
    {%- set broken = [] -%}
    {%- for attribute in definition.attributes if attribute.is_key -%}
        {%- do broken.append("when " ~ adapter.quote(attribute.name) ~ " is null then 'null_key:" ~ attribute.name ~ "'") -%}
    {%- endfor -%}
    {%- for attribute in definition.attributes -%}
        {%- set rule = fits_type(adapter.quote(attribute.name), attribute.data_type, attribute.format) -%}
        {%- if rule != 'true' -%}
            {%- do broken.append(
                "when " ~ ('' if attribute.is_key else guard) ~ "not (" ~ rule ~ ") then 'type:" ~ attribute.name ~ "'"
            ) -%}
        {%- endif -%}
    {%- endfor -%}
    case
        {%- for clause in broken %}
            {{ clause }}
        {%- endfor %}
        end
{%- endmacro %}
