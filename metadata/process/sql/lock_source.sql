-- the sole right to write the layers of a source, until the transaction ends
create or replace function metadata.lock_source(of_source text) returns void
language sql volatile
return pg_advisory_xact_lock(hashtextextended('headwater source ' || of_source, 0));
