{% macro crossing_of_rows(view, reads='staging') -%}
{#- by what the query of a view makes a row of several, as words; null where each row of it is made of one of the schema
    that it reads. The rows of raw come through a fence, which is an offset of 0 -#}
{%- set limits = ':limitCount \\{|:limitOffset \\{.*:limitOffset \\{' if reads == 'raw' else ':limit(Count|Offset) \\{' -%}
select coalesce(
    (
        select words
        from pg_rewrite
        cross join lateral (
            values
            (':hasAggs true', 'an aggregate'),
            (':groupClause \(', 'group by'),
            (':hasWindowFuncs true', 'a window function'),
            (':distinctClause \(', 'distinct'),
            (':setOperations \{', 'a union or the like'),
            ({{ headwater.sql_literal(limits) }}, 'limit or offset')
        ) as sign (pattern, words)
        where ev_class = {{ headwater.sql_literal(view) }}::regclass and ev_action::text ~ pattern
        limit 1
    ),
    (
        select 'reading ' || ids[1]::oid::regclass || ' more than once'
        from pg_rewrite
        cross join lateral regexp_matches(ev_action::text, ':rtekind 0 :relid (\d+)', 'g') as ranged (ids)
        inner join pg_class on pg_class.oid = ids[1]::oid
        where ev_class = {{ headwater.sql_literal(view) }}::regclass and relnamespace = {{ headwater.sql_literal(reads) }}::regnamespace
        group by ids[1]
        having count(*) > 1
        limit 1
    )
)
{%- endmacro %}
