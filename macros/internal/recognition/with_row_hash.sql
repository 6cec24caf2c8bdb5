{% macro with_row_hash(definition) -%}
    {#- the hash goes with a row into its version as a column that is not compared -#}
    {{ return(dict(definition, untracked_names=definition.untracked_names + ['_row_hash'])) }}
{%- endmacro %}
