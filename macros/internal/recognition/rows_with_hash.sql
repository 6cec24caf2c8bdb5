{% macro rows_with_hash(definition, model_sql) -%}
    {#- the rows that history is made of, with their hashes where its model passes staging on as it is -#}
    {%- if not headwater.is_edited('historical', definition) -%}
        {{ return('select * from ' ~ headwater.staging_relation(definition)) }}
    {%- endif -%}
    {%- set names = ['delivery_sqn', 'line_number'] + (['is_delete_mark'] if definition.delete_column else [])
        + definition.attributes | map(attribute='name') | list -%}
    {{ return("select " ~ headwater.quoted_list(names) ~ ", null::bigint as _row_hash from (\n" ~ model_sql ~ "\n) as without_hash") }}
{%- endmacro %}
