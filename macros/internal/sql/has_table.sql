{% macro has_table(relation) -%}
    {{ return(run_query("select to_regclass(" ~ headwater.sql_literal(relation | string) ~ ") is not null").rows[0][0]) }}
{%- endmacro %}
