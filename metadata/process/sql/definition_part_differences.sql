-- Return the parts of a definition that differ from the recorded one, but for the syntax of values. How files are read
-- concerns deliveries, each by its date and header, and of these only those that were read.
create or replace function metadata.definition_part_differences(of_source text, now_defined jsonb) returns setof text
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
        and (
            recorded.was_defined ? name
            or name like 'attribute %' and (
                -- what a model adds is no news to tables that it has not made yet
                now_defined -> name ->> 'made_by' is null
                or recorded.was_defined ? ('code of ' || (now_defined -> name ->> 'made_by'))
                or metadata.holds_layer(of_source, now_defined -> name ->> 'made_by')
            )
        )

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
                        when name like 'code of %' then metadata.code_difference(member, was ->> member, becomes ->> member)
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
        -- of an attribute that comes or goes there is no more to say
        and metadata.has_attribute(recorded.was_defined, raw_column) = metadata.has_attribute(now_defined, raw_column)

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
