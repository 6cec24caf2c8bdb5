{% macro hash_of_raw_row(definition) -%}
{#- of what a raw row says in the columns that the metadata maps, as it came -#}
{%- set columns = definition.attributes | rejectattr('is_derived') | map(attribute='raw_column') | list -%}
{%- if definition.delete_column and definition.delete_column not in columns -%}
    {%- do columns.append(definition.delete_column) -%}
{%- endif -%}
hash_record_extended(row({{ headwater.quoted_list(columns, prefix='raw.') }}), 0)
{%- endmacro %}
