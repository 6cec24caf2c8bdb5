{% macro key_as_json(key_names, prefix='') -%}
jsonb_build_object({% for name in key_names %}{{ headwater.sql_literal(name) }}, {{ prefix }}{{ headwater.sql_identifier(name) }}{{ ', ' if not loop.last }}{% endfor %})
{%- endmacro %}
