-- whether the layers of a source are set aside: its historical table then holds what was, and stands as it is
create or replace function metadata.is_being_rebuilt(of_source text) returns boolean
language sql stable
return exists (select from metadata.rebuild where source = of_source);
