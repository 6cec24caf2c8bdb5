{% macro key_lengths(definition) -%}
    {#- expressions for the bytes that each part of a key takes in an index, at most. By its text: Postgres asks after
        packing, which nobody can foresee. JSON of short members takes up to six times its text -#}
    {%- set lengths = {} -%}
    {%- for attribute in definition.attributes if attribute.is_key -%}
        {%- do lengths.update({
            attribute.name: 'octet_length(' ~ headwater.sql_identifier(attribute.name) ~ ')' ~ (' * 6' if headwater.base_type(attribute.data_type) == 'jsonb')
        }) -%}
    {%- endfor -%}
    {{ return(lengths) }}
{%- endmacro %}
