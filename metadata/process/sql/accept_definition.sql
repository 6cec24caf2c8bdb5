-- Record a definition of which someone asserts that nothing earlier would read otherwise under it, with the reason. Return
-- null, or as a message why it cannot be accepted: tables of other columns are other tables, whatever a person says.
create or replace function metadata.accept_definition(of_source text, now_defined jsonb, reason text, by_whom text) returns text
language plpgsql volatile as $$
declare
    found text[] := array(select metadata.definition_differences(of_source, now_defined));
    completed jsonb := metadata.completed_definition(of_source, now_defined);
begin
    if found = '{}' then
        perform metadata.record_definition(of_source, now_defined);
        return null;
    end if;
    if exists (select from unnest(found) as differs where differs not like 'code of %') then
        return metadata.definition_changed(of_source, now_defined);
    end if;
    insert into metadata.definition_acceptance (source, differences, why, who, accepted_at)
    values (of_source, found, reason, by_whom, clock_timestamp());
    update metadata.source_definition set definition = completed, made_at = now() where source = of_source;
    return null;
end
$$;
