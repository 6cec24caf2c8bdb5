{% macro rehearse(relation, definition, model_sql, supposed) -%}
    {#- load as if `supposed` had happened, say what it would do to history, and keep nothing of it -#}
    {%- if is_being_rebuilt(definition.name) -%}
        {%- do exceptions.raise_compiler_error(
            "Being rebuilt: source " ~ definition.name ~ ": what a decision would do shows when the rebuild has ended."
        ) -%}
    {%- endif -%}
    {%- do suppose_event(definition, supposed) -%}
    {%- set since = first_difference(definition.name) -%}
    {%- set touched = "valid_from >= " ~ sql_literal(since or 'infinity') ~ " or valid_to is null or valid_to >= "
        ~ sql_literal(since or 'infinity') -%}
    {%- do run_statement(
        "create temporary table history_before on commit drop as select * from " ~ relation ~ " where " ~ touched
    ) -%}
    {%- do apply_deliveries(relation, definition, model_sql) -%}
    {%- set difference = run_query(history_difference(
        "select * from " ~ relation ~ " where " ~ touched, "select * from history_before", definition
    )).rows[0][0] -%}
    {%- do exceptions.raise_compiler_error("Dry run: " ~ difference) -%}
{%- endmacro %}
