-- The keys of all sources that fell out and are current in history.
create or replace view metadata.stale_current_key as
select
    source_definition.source,
    stale.*
from metadata.source_definition
cross join lateral metadata.stale_current_keys(source_definition.source) as stale;
