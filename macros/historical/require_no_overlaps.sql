{% macro require_no_overlaps(relation, definition, was_empty) -%}
    {%- set keys = quoted_list(definition.key_names) -%}
    {%- set overlapping -%}
        with

        touched as (

            select distinct {{ keys }}
            from movement
            {%- if was_empty %}
            -- a key that moved once has one version
            where not is_first
            {%- endif %}

        ),

        ordered as (

            select
                {{ keys }},
                valid_from,
                valid_to,
                lead(valid_from) over (partition by {{ keys }} order by valid_from) as next_from
            from {{ relation }}
            inner join touched using ({{ keys }})

        )

        select
            row({{ keys }})::text as version_key,
            valid_from::text,
            coalesce(valid_to::text, 'now'),
            coalesce(next_from::text, 'nowhere')
        from ordered
        where valid_to <= valid_from
            or coalesce(valid_to, 'infinity') > next_from
        -- sorted, because a bare limit makes the planner expect a row at once and choose nested loops
        order by version_key, valid_from
        limit 1
    {%- endset -%}
    {%- set overlaps = run_query(overlapping).rows -%}
    {%- if overlaps -%}
        {%- set found = overlaps[0] -%}
        {%- do exceptions.raise_compiler_error(
            "History overlaps: source " ~ definition.name ~ ", key " ~ found[0] ~ ": the version from " ~ found[1] ~ " to "
            ~ found[2] ~ " meets the next one from " ~ found[3] ~ ". Nothing of this load was kept."
        ) -%}
    {%- endif -%}
{%- endmacro %}
