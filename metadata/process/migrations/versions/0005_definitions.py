"""Which definition may take the place of the recorded one: told by the deliveries that were read under it."""

from alembic import op

revision = "0005"
down_revision = "0004"

DDL = """
-- whether a layer of a source holds anything, or history what came of it
create function metadata.has_layers(of_source text) returns boolean
language sql stable
return exists (
    select from metadata.delivery_status
    inner join metadata.delivery using (delivery_sqn)
    where delivery.source = of_source and layer in ('raw', 'staging', 'historical') and status <> 'recalled'
);

-- what holds for a delivery of a date, of the values that an option of its source has in time; null: the default
create function metadata.option_at(in_time jsonb, moment timestamptz) returns jsonb
language sql stable
return (
    select nullif(entry -> 'value', 'null')
    from jsonb_array_elements(in_time) as entry
    where coalesce((entry ->> 'valid_from')::timestamptz, '-infinity') <= moment
    order by coalesce((entry ->> 'valid_from')::timestamptz, '-infinity') desc
    limit 1
);

-- the first of the names of a column that a header has; null: it has none of them
create function metadata.name_in(names jsonb, header text[]) returns text
language sql immutable
return (
    select name
    from jsonb_array_elements_text(names) with ordinality as known (name, place)
    where name = any(header)
    order by place
    limit 1
);

-- What of a definition differs from the recorded one so that tables made with that one would be other tables.
-- How files are read concerns deliveries, each by its date and header, and of these only those that were read.
create function metadata.definition_differences(of_source text, now_defined jsonb) returns setof text
language sql stable as $$
with

recorded as (

    select definition as was_defined
    from metadata.source_definition
    where source = of_source and definition <> now_defined and metadata.has_layers(of_source)

),

-- each part on its own; one that an earlier version of the project did not record is as it is now, for all we know
part as (

    select
        name,
        recorded.was_defined -> name as was,
        now_defined -> name as becomes
    from recorded
    cross join lateral (
        select jsonb_object_keys(recorded.was_defined) union select jsonb_object_keys(now_defined)
    ) as every (name)
    where name not in ('reading', 'names')
        and recorded.was_defined -> name is distinct from now_defined -> name
        and (recorded.was_defined ? name or name like 'attribute %')

),

part_said as (

    select
        name,
        case
            when was is null then name || ' is new'
            when becomes is null then name || ' is gone'
            when jsonb_typeof(was) = 'object' and jsonb_typeof(becomes) = 'object' then name || ': ' || (
                select string_agg(
                    case
                        when becomes ? member
                            then member || ' was ' || coalesce(was -> member, 'null') || ', is ' || (becomes -> member)
                        else member || ' was ' || (was -> member)
                    end,
                    '; ' order by member
                )
                from (select jsonb_object_keys(was) union select jsonb_object_keys(becomes)) as every (member)
                -- what merely moved because another came or went is not worth a word
                where member <> 'position' and was -> member is distinct from becomes -> member
            )
            else name || ' was ' || was || ', is ' || becomes
        end as said
    from part

),

-- what a layer or history holds as it was read; what was replayed is read again
delivery_read as (

    select
        delivery_sqn,
        delivery_date,
        publisher_name,
        column_names
    from metadata.delivery
    left join metadata.delivery_header using (delivery_sqn)
    where source = of_source and exists (
        select from metadata.delivery_status as done
        where done.delivery_sqn = delivery.delivery_sqn
            and done.layer in ('raw', 'staging', 'historical')
            and done.status not in ('recalled', 'stale')
    )

),

reading as (

    select
        option,
        coalesce(recorded.was_defined -> 'reading' -> option, '[]') as was,
        coalesce(now_defined -> 'reading' -> option, '[]') as becomes
    from recorded
    cross join lateral (
        select jsonb_object_keys(recorded.was_defined -> 'reading')
        union
        select jsonb_object_keys(now_defined -> 'reading')
    ) as every (option)
    where recorded.was_defined ? 'reading'
        and recorded.was_defined -> 'reading' -> option is distinct from now_defined -> 'reading' -> option

),

named as (

    select
        raw_column,
        coalesce(recorded.was_defined -> 'names' -> raw_column, jsonb_build_array(raw_column)) as was,
        coalesce(now_defined -> 'names' -> raw_column, jsonb_build_array(raw_column)) as becomes
    from recorded
    cross join lateral (
        select jsonb_object_keys(recorded.was_defined -> 'names')
        union
        select jsonb_object_keys(now_defined -> 'names')
    ) as every (raw_column)
    where recorded.was_defined ? 'names'
        and recorded.was_defined -> 'names' -> raw_column is distinct from now_defined -> 'names' -> raw_column

),

read_otherwise as (

    select
        option as what,
        coalesce(metadata.option_at(was, delivery_date)::text, 'the default') as was,
        coalesce(metadata.option_at(becomes, delivery_date)::text, 'the default') as becomes,
        delivery_read.*
    from reading
    cross join delivery_read
    union all
    select
        'column ' || raw_column,
        coalesce(to_json(metadata.name_in(was, column_names))::text, 'missing'),
        coalesce(to_json(metadata.name_in(becomes, column_names))::text, 'missing'),
        delivery_read.*
    from named
    cross join delivery_read
    where column_names is not null

),

read_otherwise_said as (

    select
        what as name,
        what || ' was ' || was || ', is ' || becomes || ', for ' || (
            array_agg(publisher_name order by delivery_date, publisher_name collate "C", delivery_sqn)
        )[1] || case when count(*) > 1 then ' and ' || count(*) - 1 || ' more' else '' end as said,
        min(delivery_date) as since
    from read_otherwise
    where was <> becomes
    group by what, was, becomes

)

select said
from (
    select name, said, '-infinity'::timestamptz as since from part_said where said is not null
    union all
    select name, said, since from read_otherwise_said
    union all
    select name, name || ' has another place', 'infinity'
    from part
    where not exists (select from part_said where said is not null)
) as everything
order by name, since
$$;

-- Put the definition that the tables of a source are made with on record; false where it differs from the recorded one.
-- Where no layer holds anything, there may be tables, without rows that count, of another definition's columns.
create function metadata.record_definition(of_source text, now_defined jsonb) returns boolean
language plpgsql volatile as $$
declare
    was_defined jsonb := (select definition from metadata.source_definition where source = of_source);
begin
    if was_defined = now_defined then
        return true;
    end if;
    if exists (select from metadata.definition_differences(of_source, now_defined)) then
        return false;
    end if;
    if was_defined is not null and not metadata.has_layers(of_source) then
        execute format('drop table if exists raw.%I, staging.%I, historical.%I', of_source, 'stg_' || of_source, of_source);
    end if;
    insert into metadata.source_definition (source, definition, made_at) values (of_source, now_defined, now())
    on conflict (source) do update set definition = excluded.definition, made_at = excluded.made_at;
    return true;
end
$$;

-- under which names a column is known has a part of its own, and is told by the headers of what was read
update metadata.source_definition set definition = (
    select jsonb_object_agg(name, case jsonb_typeof(part) when 'object' then part - 'later_names' else part end)
    from jsonb_each(definition) as recorded (name, part)
);
"""


def upgrade() -> None:
    op.execute(DDL)


def downgrade() -> None:
    op.execute(
        "drop function metadata.record_definition(text, jsonb);"
        " drop function metadata.definition_differences(text, jsonb);"
        " drop function metadata.name_in(jsonb, text[]);"
        " drop function metadata.option_at(jsonb, timestamptz);"
        " drop function metadata.has_layers(text)"
    )
