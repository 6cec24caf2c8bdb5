{% macro own_attribute(name, data_type, position, untracked, made_by) -%}
    {#- the part of a definition that says of a column which a model adds what the metadata says of an attribute -#}
    {{ return({'attribute ' ~ name: {
        'position': position,
        'data_type': data_type,
        'is_key': false,
        'is_tracked': name not in untracked,
        'is_derived': true,
        'made_by': made_by,
    }}) }}
{%- endmacro %}
