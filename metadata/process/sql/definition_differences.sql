-- Return what of a definition differs from the recorded one so that tables made with that one would be other tables.
-- The syntax of values is compared by what came of it, all else part by part.
create or replace function metadata.definition_differences(of_source text, now_defined jsonb) returns setof text
language sql stable as $$
with

recorded as (

    select
        definition as was_defined,
        metadata.completed_definition(of_source, now_defined) as completed,
        coalesce(definition ->> 'value_syntax', 'canonical') as was,
        coalesce(now_defined ->> 'value_syntax', 'canonical') as becomes
    from metadata.source_definition
    where source = of_source and metadata.has_layers(of_source)

)

select differs
from recorded
cross join lateral metadata.definition_part_differences(
    of_source,
    case
        when was_defined ? 'value_syntax'
            then jsonb_set(completed, array['value_syntax'], was_defined -> 'value_syntax')
        else completed - 'value_syntax'
    end
) as differs
union all
select 'values were read as Postgres writes them, are read in canonical forms only'
from recorded
where was = 'postgres' and becomes = 'canonical'
union all
select
    'values were read in canonical forms only, are read as Postgres writes them: ' || taken || case taken
        when 1 then ' row that fell out is'
        else ' rows that fell out are'
    end || ' taken then'
from recorded
cross join lateral metadata.rows_taken_by_now(of_source, now_defined) as taken
where was = 'canonical' and becomes = 'postgres' and taken > 0
$$;
