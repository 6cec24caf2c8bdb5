{% macro require_no_overlaps(relation, definition, was_empty) -%}
    {%- set keys = headwater.quoted_list(definition.key_names) -%}
    {#- in an empty table a key that changed once has one version -#}
    {%- set touched = "select distinct " ~ keys ~ " from version_change" ~ (" where not _is_first" if was_empty) -%}
    {#- sorted, because a bare limit makes the planner expect a row at once and choose nested loops -#}
    {%- set overlaps = run_query(
        "select row(" ~ keys ~ ")::text as version_key, valid_from::text, coalesce(valid_to::text, 'now'),"
        ~ " coalesce(_next_from::text, 'nowhere') from ("
        ~ headwater.overlapping_versions(relation, definition.key_names, touched)
        ~ ") as overlapping order by version_key, valid_from limit 1"
    ).rows -%}
    {%- if overlaps -%}
        {%- set found = overlaps[0] -%}
        {%- do headwater.raise_error(
            'history_overlaps',
            "History overlaps: source " ~ definition.name ~ ", key " ~ found[0] ~ ": the version from " ~ found[1] ~ " to "
            ~ found[2] ~ " meets the next one from " ~ found[3] ~ ". Nothing of this load was kept."
        ) -%}
    {%- endif -%}
{%- endmacro %}
