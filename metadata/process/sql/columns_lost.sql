-- the statements by which a historical table loses the columns that it shall not have, or not with their type
create or replace function metadata.columns_lost(of_table regclass, shape regclass) returns setof text
language sql stable as $$
select format('alter table %s drop column %I', of_table, name)
from metadata.columns_of(of_table) as was
where not exists (
    select from metadata.columns_of(shape) as becomes
    where (becomes.name, becomes.data_type) = (was.name, was.data_type)
)
$$;
