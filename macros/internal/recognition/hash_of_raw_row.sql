{% macro hash_of_raw_row(definition) -%}
{#- of what a raw row says in the columns that the metadata maps, as it came: each value hashed with the place of its column,
    which costs half of what the hash of a record does -#}
{%- set columns = definition.attributes | rejectattr('is_derived') | map(attribute='raw_column') | list -%}
{%- if definition.delete_column and definition.delete_column not in columns -%}
    {%- do columns.append(definition.delete_column) -%}
{%- endif -%}
{%- for column in columns -%}
coalesce(hashtextextended(raw.{{ headwater.sql_identifier(column) }}, {{ loop.index }}), 0){{ ' # ' if not loop.last }}
{%- endfor -%}
{%- endmacro %}
