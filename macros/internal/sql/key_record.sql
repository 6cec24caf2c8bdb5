{% macro key_record(key, definition, alias) -%}
{#- the columns of a key that is stored as JSON, as a table expression -#}
jsonb_to_record({{ key }}) as {{ alias }} (
    {%- for attribute in definition.attributes if attribute.is_key -%}
    {{ headwater.sql_identifier(attribute.name) }} {{ attribute.data_type }}{{ ', ' if not loop.last }}
    {%- endfor -%}
)
{%- endmacro %}
