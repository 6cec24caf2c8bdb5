{% macro require_no_overlaps(relation, definition) -%}
    {%- set keys = quoted_list(definition.key_names) -%}
    {%- set overlaps = run_query(
        "with touched as (select distinct " ~ keys ~ " from movement), ordered as (select " ~ keys ~ ", valid_from, valid_to,"
        ~ " lead(valid_from) over (partition by " ~ keys ~ " order by valid_from) as next_from"
        ~ " from " ~ relation ~ " inner join touched using (" ~ keys ~ "))"
        ~ " select row(" ~ keys ~ ")::text, valid_from::text, valid_to::text, next_from::text from ordered"
        ~ " where valid_to <= valid_from or coalesce(valid_to, 'infinity') > next_from limit 1"
    ) -%}
    {%- if overlaps.rows -%}
        {%- set row = overlaps.rows[0] -%}
        {%- do exceptions.raise_compiler_error(
            "History overlaps: source " ~ definition.name ~ ", key " ~ row[0] ~ ": the version from " ~ row[1] ~ " to "
            ~ (row[2] or 'now') ~ " meets the next one from " ~ (row[3] or 'nowhere') ~ ". Nothing of this load was kept."
        ) -%}
    {%- endif -%}
{%- endmacro %}
