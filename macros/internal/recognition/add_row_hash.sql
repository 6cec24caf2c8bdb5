{% macro add_row_hash(relation) -%}
    {#- tables of an earlier version have none; asked first, because to alter a table is to wait for those who read it -#}
    {%- set has_column = run_query(
        "select exists (select from metadata.columns_of(to_regclass(" ~ headwater.sql_literal(relation | string) ~ ")) where name = '_row_hash')"
    ).rows[0][0] -%}
    {%- if not has_column -%}
        {%- do headwater.run_statement("alter table " ~ relation ~ " add column _row_hash bigint") -%}
    {%- endif -%}
{%- endmacro %}
