{% macro is_being_rebuilt(source_name) -%}
    {{ return(run_query("select metadata.is_being_rebuilt(" ~ headwater.sql_literal(source_name) ~ ")").rows[0][0]) }}
{%- endmacro %}
