-- forget what is on record of the layers of a source; what is recorded of landing and checks stays
create or replace function metadata.forget_records(of_source text) returns void
language plpgsql volatile as $$
begin
    delete from metadata.delivery_status using metadata.delivery
    where delivery.delivery_sqn = delivery_status.delivery_sqn
        and source = of_source
        and layer in ('raw', 'staging', 'historical');
    delete from metadata.quarantined_row using metadata.delivery
    where delivery.delivery_sqn = quarantined_row.delivery_sqn and source = of_source;
    delete from metadata.absent_key using metadata.delivery
    where delivery.delivery_sqn = absent_key.delivery_sqn and source = of_source;
    delete from metadata.source_definition where source = of_source;
end
$$;
