{% macro attribute_of(source_name, name) -%}
    {%- set recorded = headwater.recorded_metadata(source_name).definition -%}
    {%- if 'attribute ' ~ name not in recorded -%}
        {%- set names = [] -%}
        {%- for part in recorded if part.startswith('attribute ') -%}
            {%- do names.append(part.removeprefix('attribute ')) -%}
        {%- endfor -%}
        {%- do headwater.raise_error(
            'unknown_attribute',
            "Model " ~ model.name ~ ": source " ~ source_name ~ " has no attribute " ~ name ~ ". Expected one of "
            ~ names | join(', ') ~ (", which its tables have: a unit test knows no others before `headwater rebuild " ~ source_name ~ "`."
                if model.resource_type == 'unit_test' else ", as seeds/attribute.csv says.")
        ) -%}
    {%- endif -%}
    {{ return(headwater.stored_attribute(recorded['attribute ' ~ name])) }}
{%- endmacro %}
