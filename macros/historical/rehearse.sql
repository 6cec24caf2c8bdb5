{% macro rehearse(relation, definition, model_sql, supposed) -%}
    {#- load as if `supposed` had happened, say what it would do to history, and keep nothing of it -#}
    {%- do suppose_event(definition, supposed) -%}
    {%- set since = first_difference(definition.name) -%}
    {%- set touched = "valid_from >= " ~ sql_literal(since or 'infinity') ~ " or valid_to is null or valid_to >= "
        ~ sql_literal(since or 'infinity') -%}
    {%- do run_query(
        "create temporary table history_before on commit drop as select * from " ~ relation ~ " where " ~ touched
    ) -%}
    {%- do apply_deliveries(relation, definition, model_sql) -%}
    {%- set version = quoted_list(definition.key_names + definition.tracked_names + definition.untracked_names + ['valid_from']) -%}
    {%- set keys = definition.key_names + ['valid_from'] -%}
    {%- set difference = run_query(
        "with history_after as (select * from " ~ relation ~ " where " ~ touched ~ "),"
        ~ " added as (select " ~ version ~ " from history_after except select " ~ version ~ " from history_before),"
        ~ " dropped as (select " ~ version ~ " from history_before except select " ~ version ~ " from history_after),"
        ~ " both_ends as (select history_before.valid_to as was_to, history_after.valid_to as is_to from history_before"
        ~ " inner join history_after using (" ~ quoted_list(keys) ~ "))"
        ~ " select (select count(*) from added), (select count(*) from dropped),"
        ~ " (select count(*) from both_ends where is_to is not null and was_to is distinct from is_to),"
        ~ " (select count(*) from both_ends where is_to is null and was_to is not null)"
    ).rows[0] -%}
    {%- do exceptions.raise_compiler_error(
        "Dry run: added " ~ (difference[0] | int) ~ ", dropped " ~ (difference[1] | int) ~ ", ended "
        ~ (difference[2] | int) ~ ", reopened " ~ (difference[3] | int) ~ "."
    ) -%}
{%- endmacro %}
