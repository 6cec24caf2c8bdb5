{% macro swap_history(relation, beside, definition) -%}
    {#- rows go from table to table, because a table that was renamed in would be empty to whoever began to read before,
        and lose what hangs on the old one: views, grants, comments, indexes -#}
    {%- set columns = [] -%}
    {%- for name, _ in headwater.historical_columns(definition) -%}
        {%- do columns.append(name) -%}
    {%- endfor -%}
    {%- do headwater.run_statement("select metadata.make_room(" ~ headwater.sql_literal(definition.name) ~ ")") -%}
    {%- do headwater.create_historical_table(relation, definition) -%}
    {%- do headwater.run_statement(
        "insert into " ~ relation ~ " (" ~ headwater.quoted_list(columns) ~ ") select " ~ headwater.quoted_list(columns) ~ " from " ~ beside
    ) -%}
    {%- do headwater.run_statement("drop table " ~ beside) -%}
    {%- do headwater.run_statement("select metadata.finish_rebuild(" ~ headwater.sql_literal(definition.name) ~ ")") -%}
    {%- do headwater.analyze_when_grown(relation, "select count(*) from " ~ relation) -%}
{%- endmacro %}
