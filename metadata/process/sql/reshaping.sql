-- The statements by which an emptied historical table takes the shape of another one, in order; none: it has it. What
-- reads the table, its grants, comments and further indexes stay. Indexes of ours that differ go, to be made again.
create or replace function metadata.reshaping(of_table regclass, shape regclass) returns setof text
language sql stable as $$
with

indexed as (

    select
        indrelid,
        indexrelid,
        relname,
        indisunique || substring(pg_get_indexdef(indexrelid) from ' USING .*') as meaning
    from pg_index
    inner join pg_class on pg_class.oid = indexrelid
    where indrelid in (of_table, shape)

),

statement as (

    select 1 as place, format('drop index %s', was.indexrelid::regclass) as said
    from indexed as was
    inner join indexed as becomes using (relname)
    where was.indrelid = of_table and becomes.indrelid = shape and was.meaning <> becomes.meaning

    union all

    select 2, metadata.columns_lost(of_table, shape)

    union all

    select 3, format('alter table %s add column %I %s', of_table, name, data_type)
    from metadata.columns_of(shape) as becomes
    where not exists (
        select from metadata.columns_of(of_table) as was
        where (becomes.name, becomes.data_type) = (was.name, was.data_type)
    )

    union all

    select
        4,
        format(
            'alter table %s alter column %I %s not null',
            of_table, becomes.name, case when becomes.is_mandatory then 'set' else 'drop' end
        )
    from metadata.columns_of(shape) as becomes
    left join metadata.columns_of(of_table) as was using (name, data_type)
    where becomes.is_mandatory <> coalesce(was.is_mandatory, false)

)

select said from statement order by place
$$;
