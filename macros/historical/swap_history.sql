{% macro swap_history(relation, beside, definition) -%}
    {#- rows go from table to table, because a table that was renamed in would be empty to whoever began to read before,
        and lose what hangs on the old one: views, grants, comments, indexes -#}
    {%- set columns = [] -%}
    {%- for name, _ in historical_columns(definition) -%}
        {%- do columns.append(name) -%}
    {%- endfor -%}
    {%- do run_statement("select metadata.make_room(" ~ sql_literal(definition.name) ~ ")") -%}
    {%- do create_historical_table(relation, definition) -%}
    {%- do run_statement(
        "insert into " ~ relation ~ " (" ~ quoted_list(columns) ~ ") select " ~ quoted_list(columns) ~ " from " ~ beside
    ) -%}
    {%- do run_statement("drop table " ~ beside) -%}
    {%- do run_statement("select metadata.finish_rebuild(" ~ sql_literal(definition.name) ~ ")") -%}
    {%- do analyze_when_grown(relation, "select count(*) from " ~ relation) -%}
{%- endmacro %}
