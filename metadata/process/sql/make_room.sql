-- Empty a historical table for the history that was made beside it, in whose shape it is brought. Whoever reads it
-- meets the old rows until the commit, and waits for it only where the shape changes.
create or replace function metadata.make_room(of_source text) returns void
language plpgsql volatile as $$
declare
    of_table regclass := to_regclass(format('historical.%I', of_source));
    statement text;
begin
    if of_table is null then
        return;
    end if;
    execute format('delete from %s', of_table);
    for statement in
        select metadata.reshaping(of_table, to_regclass(format('historical_beside.%I', of_source)))
    loop
        execute statement;
    end loop;
end
$$;
