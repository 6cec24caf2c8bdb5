-- Undo the layers of a delivery that is replayed or accepted, so that its source's next run makes them again; while the
-- source is rebuilt, undo what was set aside as well, which comes back should the rebuild fail.
create or replace function metadata.undo_layers() returns trigger
language plpgsql volatile as $$
declare
    of_source text := (select source from metadata.delivery where delivery_sqn = new.delivery_sqn);
begin
    perform metadata.lock_source(of_source);
    delete from metadata.delivery_status
    where delivery_sqn = new.delivery_sqn
        and (layer = 'staging' or (new.event = 'replayed' and layer in ('raw', 'checks')));
    update metadata.delivery_status set status = 'stale'
    where delivery_sqn = new.delivery_sqn and layer = 'historical';
    delete from metadata.set_aside_row
    where source = of_source
        and table_name = 'delivery_status'
        and (contents ->> 'delivery_sqn')::bigint = new.delivery_sqn
        and (contents ->> 'layer' = 'staging' or (new.event = 'replayed' and contents ->> 'layer' = 'raw'));
    update metadata.set_aside_row set contents = contents || '{"status": "stale"}'
    where source = of_source
        and table_name = 'delivery_status'
        and (contents ->> 'delivery_sqn')::bigint = new.delivery_sqn
        and contents ->> 'layer' = 'historical';
    return null;
end
$$;

create or replace trigger undo_layers after insert on metadata.delivery_event
for each row when (new.event = 'replayed' or (new.event = 'accepted' and 'duplicate_keys' = any(new.checks)))
execute function metadata.undo_layers();
