{% macro raise_model_refused(source_name, model_name, fault, expected) -%}
    {%- do headwater.raise_error(
        'model_refused',
        "Model refused: source " ~ source_name ~ ", model " ~ model_name ~ " " ~ fault ~ ". Expected " ~ expected ~ "."
    ) -%}
{%- endmacro %}
