{% macro called_functions(view) -%}
{#- the functions that a view calls, operators' too, by what Postgres keeps of its query: name, whether it may say something
    else at another time or place, and the text of one that is neither Postgres' nor an extension's nor ours -#}
select
    schema || '.' || proname as name,
    bool_or(
        provolatile = 'v'
        or is_own and provolatile <> 'i'
        -- those that the import and the casts of a model are made of
        or schema = 'metadata' and provolatile <> 'i'
            and proname not in ('pending_deliveries', 'is_jsonb', 'is_geometry', 'canonical_geometry')
        or schema = 'pg_catalog' and (
            proname in ('now', 'transaction_timestamp', 'statement_timestamp', 'version', 'getdatabaseencoding')
            or proname = 'age' and pronargs = 1
            or proname ~ '^(current_|inet_(client|server)|has_|to_reg|txid_|session_|row_security|pg_(?!input_|typeof))'
        )
    ) as is_changing,
    string_agg(case when is_own then pg_get_functiondef(oid) end, ' ' order by oid) as text
from (
    select
        pg_proc.*,
        nspname as schema,
        nspname not in ('pg_catalog', 'metadata') and prokind = 'f' and not exists (
            select from pg_depend as of_extension
            where of_extension.classid = 'pg_proc'::regclass and of_extension.objid = pg_proc.oid and of_extension.deptype = 'e'
        ) as is_own
    from pg_rewrite
    cross join lateral regexp_matches(ev_action::text, ':(?:funcid|opfuncid|aggfnoid|winfnoid) (\d+)', 'g') as called (ids)
    inner join pg_proc on pg_proc.oid = called.ids[1]::oid
    inner join pg_namespace on pg_namespace.oid = pronamespace
    where ev_class = {{ headwater.sql_literal(view) }}::regclass
    group by pg_proc.oid, nspname
) as function
group by 1
union all
select 'the clock or the user', true, null
from pg_rewrite
where ev_class = {{ headwater.sql_literal(view) }}::regclass and ev_action::text ~ '\{SQLVALUEFUNCTION '
order by name
{%- endmacro %}
