{% macro is_edited(layer, definition) -%}
    {#- whether someone wrote more into the models of a layer than the metadata says -#}
    {{ return((definition.recorded or {}).get('code of ' ~ layer, {}) | length > 0) }}
{%- endmacro %}
