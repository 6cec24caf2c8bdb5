-- End a rebuild whose history stands: what was set aside goes.
create or replace function metadata.finish_rebuild(of_source text) returns void
language plpgsql volatile as $$
begin
    execute format('drop table if exists raw_set_aside.%I, staging_set_aside.%I', of_source, 'stg_' || of_source);
    delete from metadata.rebuild where source = of_source;
end
$$;
