{% macro hash_of_raw_row(definition) -%}
    {#- of what a raw row says in the columns that the metadata maps, as it came: each value hashed with the place of its
        column, which costs half of what the hash of a record does. A tree of xors, so that many columns nest few levels -#}
    {%- set columns = definition.attributes | rejectattr('is_derived') | map(attribute='raw_column') | list -%}
    {%- if definition.delete_column and definition.delete_column not in columns -%}
        {%- do columns.append(definition.delete_column) -%}
    {%- endif -%}
    {%- set hashes = [] -%}
    {%- for column in columns -%}
        {%- do hashes.append("coalesce(hashtextextended(raw." ~ headwater.sql_identifier(column) ~ ", " ~ loop.index ~ "), 0)") -%}
    {%- endfor -%}
    {%- for _ in range(columns | length) if hashes | length > 1 -%}
        {%- do hashes.append("int8xor(" ~ hashes.pop(0) ~ ", " ~ hashes.pop(0) ~ ")") -%}
    {%- endfor -%}
    {{ return(hashes[0] if hashes else '0::bigint') }}
{%- endmacro %}
