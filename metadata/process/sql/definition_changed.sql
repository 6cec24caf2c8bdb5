-- Return what differs between a definition and the recorded one as a message with the ways on; null where nothing does.
-- Only another code can be accepted: tables of other columns, types or keys are other tables.
create or replace function metadata.definition_changed(of_source text, now_defined jsonb) returns text
language sql stable
return (
    select
        'Definition changed: source ' || of_source || ': ' || string_agg(differs, '. ') || '. Its tables were made with'
        || ' what was; `headwater rebuild ' || of_source || '` makes them again from S3, and asks no publisher'
        || case
            when bool_and(differs like 'code of %')
                then '; `headwater accept-definition ' || of_source || '` keeps them, where nothing earlier would read'
                    || ' otherwise.'
            else '.'
        end
    from metadata.definition_differences(of_source, now_defined) as differs
    having count(*) > 0
);
