{% macro with_attributes(definition) -%}
    {#- the definition with the attributes that are recorded in it, in their order, and their names by role -#}
    {%- set attributes = [] -%}
    {%- for part, attribute in definition.recorded.items() if part.startswith('attribute ') -%}
        {%- do attributes.append(dict({'is_derived': false}, **dict(headwater.stored_attribute(attribute), name=part.removeprefix('attribute ')))) -%}
    {%- endfor -%}
    {%- set attributes = attributes | sort(attribute='position') -%}
    {%- set others = attributes | rejectattr('is_key') | list -%}
    {{ return(dict(
        definition,
        attributes=attributes,
        key_names=attributes | selectattr('is_key') | map(attribute='name') | list,
        tracked_names=others | selectattr('is_tracked') | map(attribute='name') | list,
        untracked_names=others | rejectattr('is_tracked') | map(attribute='name') | list,
        latest_names=others | rejectattr('is_tracked') | selectattr('untracked_policy', 'equalto', 'keep_latest')
            | map(attribute='name') | list,
    )) }}
{%- endmacro %}
