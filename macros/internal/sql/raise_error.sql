{% macro raise_error(code, message, facts={}) -%}
    {#- one line of JSON for the program that started dbt, which knows it by its first word, then the sentence for a person -#}
    {%- set raised = dict(facts, code=code, message=message) -%}
    {%- do exceptions.raise_compiler_error('headwater: ' ~ tojson(raised) ~ '\n' ~ message) -%}
{%- endmacro %}
